"""Do-not-call lists: numbers, prefixes, whose list hit, and the hash that names them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendeep_kit.campaigns.dnc import DncHit, DncList, DncScope, dnc_list, look_up
from opendeep_kit.errors import BadInput

EMPTY = DncList()


@pytest.mark.parametrize(
    ("tenant", "everyone", "hit"),
    [
        ([], [], None),
        (["+12125550101"], [], DncHit(scope=DncScope.TENANT, entry="+12125550101")),
        (["+12125550101"], ["+12125550101"], DncHit(scope=DncScope.GLOBAL, entry="+12125550101")),
        ([], ["+1212*"], DncHit(scope=DncScope.GLOBAL, entry="+1212*")),
        ([], ["+1*", "+12125*"], DncHit(scope=DncScope.GLOBAL, entry="+1*")),
        ([], ["+12125550102", "+1213*", "+121255501019*"], None),
    ],
)
def test_look_up(tenant: list[str], everyone: list[str], hit: DncHit | None) -> None:
    """The installation's list comes before the tenant's; a prefix forbids every number that begins so."""
    answer = look_up("+12125550101", tenant=dnc_list(tenant), everyone=dnc_list(everyone))

    assert answer.hit == hit


def test_snapshot_names_the_entries() -> None:
    """The same entries in any order have one hash; one more has another, and so has the other list."""
    number, one, two = "+12125550101", dnc_list(["+1900*", "+442079460958"]), dnc_list(["+442079460958", "+1900*"])

    assert look_up(number, tenant=one, everyone=EMPTY).snapshot == look_up(number, tenant=two, everyone=EMPTY).snapshot
    assert look_up(number, tenant=one, everyone=EMPTY).snapshot != look_up(number, tenant=EMPTY, everyone=one).snapshot
    assert one.snapshot != dnc_list(["+1900*"]).snapshot


@pytest.mark.parametrize("entry", ["2125550101", "+", "+*", "*", "+1 212", "+1212?", "", "+12125550101*9"])
def test_entry_that_is_not_understood(entry: str) -> None:
    """It is refused, not dropped; the sentence gives its place and not the number."""
    with pytest.raises(BadInput, match="entry 2 of the do-not-call list is neither a number nor a prefix"):
        dnc_list(["+12125550101", entry])


@given(
    numbers=st.sets(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True), max_size=8),
    asked=st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True),
    size=st.integers(2, 8),
)
def test_every_listed_number_is_found(numbers: set[str], asked: str, size: int) -> None:
    """A number hits exactly when it is listed, and always when its beginning is."""
    listed = dnc_list(numbers)

    assert all(listed.entry_for(number) == number for number in numbers)
    assert (listed.entry_for(asked) is not None) == (asked in numbers)
    assert dnc_list([*numbers, f"{asked[:size]}*"]).entry_for(asked) in {asked, f"{asked[:size]}*"}

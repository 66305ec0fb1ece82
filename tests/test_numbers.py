"""Telephone numbers: the one written form, what may be typed, what may be shown."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.campaigns.model import Consent, TenantLimits
from opendeep_kit.errors import BadInput
from opendeep_kit.numbers import check_region, checked, e164, is_e164, is_prefix, masked
from opendeep_kit.record.calls import ExpectedCall
from opendeep_kit.record.dnc import DncEntry
from opendeep_kit.tasks.spec import TaskSpec

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ARABIC = "+1٢١٢٥٥٥٠١٠١"
"""Ten digits, which `str.isdigit` and a regular expression's `\\d` take for such."""


@pytest.mark.parametrize(
    ("written", "region", "dialled"),
    [
        ("+1 212 555 0101", "US", "+12125550101"),
        ("212-555-0101", "US", "+12125550101"),
        ("+44 20 7946 0958", "US", "+442079460958"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("030/901820", "DE", "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("+1 212 555 0101", "GB", "+12125550101"),
    ],
)
def test_number(written: str, region: str, dialled: str) -> None:
    """Numbers as people write them, with the region of those without a country code."""
    assert e164(written, region) == dialled


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "there is no telephone number: fill it in."),
        ("none", "contains letters"),
        ("+1 212 555 0101 ext. 4", "contains letters"),
        ("1-800-FLOWERS", "contains letters"),
        ("٢١٢a", "contains letters"),
        ("12345", "is not in use in any numbering plan"),
        ("+1 212 555 010", "is not in use in any numbering plan"),
        ("+999 123456789", "is not a telephone number (could not interpret numbers after plus-sign): give it with"),
        ("+12125550101\r\nAction: Originate", "is not a telephone number"),
        ("+12125550101\n", "is not a telephone number"),
        ("${EXTEN}", "contains letters"),
        ("${1}", "is "),
        ("1" * 200, "is not a telephone number"),
        ("+1&212&555&0101", "is "),
    ],
)
def test_number_that_cannot_be_dialled(written: str, reason: str) -> None:
    """Nothing but a number in use reaches a dial string: no letters, no line ends, no variables, no novels."""
    with pytest.raises(BadInput) as caught:
        e164(written, "US")

    assert reason in str(caught.value)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@given(st.text())
def test_only_e164_passes(text: str) -> None:
    """Whatever passes is + and 7 to 15 ASCII digits."""
    try:
        number = checked(text)
    except BadInput:
        assert not is_e164(text)
        return
    assert number[0] == "+"
    assert number[1:].isascii()
    assert 7 <= len(number[1:]) <= 15


@pytest.mark.parametrize("text", ["+1900*", "+1*", "+49301234567890*"])
def test_prefixes(text: str) -> None:
    """A prefix is + and digits, closed by a star."""
    assert is_prefix(text)
    assert not is_e164(text)


@pytest.mark.parametrize("text", ["1900*", "+*", "+0*", "+1900", "+1٩*", "+123456789012345*", "+19*\\n"])
def test_no_prefixes(text: str) -> None:
    """Nothing else is one."""
    assert not is_prefix(text)


def test_digits_of_other_scripts_are_refused_everywhere() -> None:
    """No row and no setting takes a number that the do-not-call list or the line would refuse later."""
    makers = [
        lambda: Contact(contact_id="1", number=ARABIC),
        lambda: Consent(number=ARABIC, reference="form 1", given_at=NOON),
        lambda: DncEntry(entry=ARABIC, reason="x", source="person", added_by="Ann", added_at=NOON),
        lambda: TenantLimits(tenant_id="t", caller_ids=(ARABIC,)),
        lambda: ExpectedCall(call_id=str(uuid4()), tenant_id="t", number=ARABIC, line="simulator", expected_until=NOON),
    ]
    for make in makers:
        with pytest.raises(BadInput) as caught:
            make()
        assert ARABIC not in str(caught.value)
    with pytest.raises(ValidationError):
        TaskSpec(goal="Ask.", organisation="Us", transfer_to=ARABIC)


def test_masked() -> None:
    """Of a number only its end is shown."""
    assert masked("+12125550101") == "…0101"


def test_regions() -> None:
    """A region is known to the numbering plans, however it is written."""
    assert check_region("fr") == "FR"
    with pytest.raises(BadInput, match="'XX' is not a region"):
        check_region("XX")

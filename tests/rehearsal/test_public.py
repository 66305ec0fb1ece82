"""Who is reached at which number."""

import re

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.rehearsal.personas import PERSONAS
from opendeep_kit.rehearsal.public import (
    GIVEN_OUT_LIKE,
    MADE_UP_LIKE,
    SUBSCRIBERS,
    Behaviour,
    callee_uuid,
    is_made_up,
    number_called,
    number_of,
    subscriber,
)


def test_every_persona_has_one_number() -> None:
    """Each persona can be called, and no number leads to a persona that does not exist."""
    named = [who.persona for who in SUBSCRIBERS.values() if who.persona]

    assert sorted(named) == sorted(PERSONAS)


def test_only_who_talks_has_a_persona() -> None:
    """A number that is busy or dead belongs to nobody."""
    assert all((who.behaviour is Behaviour.TALKS) == bool(who.persona) for who in SUBSCRIBERS.values())


def test_every_behaviour_has_a_number() -> None:
    """Everything the network can do can be tried."""
    assert {who.behaviour for who in SUBSCRIBERS.values()} == set(Behaviour)


@pytest.mark.parametrize("persona", PERSONAS)
def test_number_of_a_persona_leads_there(persona: str) -> None:
    """There and back."""
    assert subscriber(number_of(persona)).persona == persona


NUMBERS = ["+12125550101", "+12125550201", "+442071838750", "+121255501011", "+4930555010123"]
NUMBERS += [
    f"+1{area}5550142" for area in (201, 501, 520, 530, 801, 850, 870, 989, 800, 833, 888, 880, 500, 522, 700, 900)
]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_record_knows_made_up_numbers_too(number: str) -> None:
    """Its patterns and the check agree."""

    def is_like(pattern: str) -> bool:
        wild = re.escape(pattern).replace("_", "[0-9]").replace("%", "[0-9]*")
        return re.fullmatch(wild, number) is not None

    of_places = is_like(MADE_UP_LIKE) and not any(is_like(pattern) for pattern in GIVEN_OUT_LIKE)
    assert of_places == is_made_up(number)


@pytest.mark.parametrize("number", ["+18005550142", "18005550142", "+18885550101", "+18445550199", "+19005550101"])
def test_freephone_numbers_are_somebodys(number: str) -> None:
    """The range is kept for fiction in places: at 800 and its like it is given out."""
    assert not is_made_up(number)
    assert all(is_made_up(f"+1{area}5550142") for area in ("212", "801", "804", "850", "520"))


def test_number_of_nobody() -> None:
    """The sentence names those there are."""
    with pytest.raises(BadInput, match="there is no persona 'shouts': choose one of: agrees, refuses"):
        number_of("shouts")


@pytest.mark.parametrize("number", ["+12125550101", "12125550101", "+19735550101"])
def test_any_area_code(number: str) -> None:
    """The last two digits decide, in every area code of the range kept for fiction."""
    assert subscriber(number).persona == "agrees"


@pytest.mark.parametrize(
    "number",
    ["", "+12125550199", "+12125551101", "+442079460101", "+1212555010", "+121255501011", "+10125550101", "x01"],
)
def test_number_nobody_has(number: str) -> None:
    """Real numbers and numbers outside the table are unknown to this network."""
    assert subscriber(number).behaviour is Behaviour.UNKNOWN_NUMBER


def test_uuid_of_a_callee() -> None:
    """The number survives the way through the AudioSocket's UUID; another UUID is no number."""
    uuid = callee_uuid("+1 (212) 555-0104")

    assert str(uuid) == "00000000-0000-0000-0000-012125550104"
    assert number_called(uuid) == "+12125550104"
    assert number_called(callee_uuid("")) == ""
    assert number_called(type(uuid)(hex="deadbeef" * 4)) == ""

"""Who is reached at which number."""

import re

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.rehearsal.personas import PERSONAS
from opendeep_kit.rehearsal.public import (
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


@pytest.mark.parametrize("number", ["+12125550101", "+12125550201", "+442071838750", "+121255501011", "+4930555010123"])
def test_the_record_knows_made_up_numbers_too(number: str) -> None:
    """Its pattern and the check agree."""
    pattern = re.escape(MADE_UP_LIKE).replace("_", "[0-9]")

    assert bool(re.fullmatch(pattern, number)) == is_made_up(number)


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

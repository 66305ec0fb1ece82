"""The configuration templates: complete, explained, and of one mind with the rehearsal's table of numbers."""

import re
from pathlib import Path

import pytest

from opendeep_kit.asterisk.templates import Role, rendered, templates_dir
from opendeep_kit.errors import OurMistake
from opendeep_kit.rehearsal.public import SUBSCRIBERS, Behaviour, callee_uuid

ROOT = Path(__file__).parents[2]
LINE_TESTS_ONLY = {"31": "answering_machine", "32": "echo"}
"""Numbers that only Asterisk has."""


def dialplan() -> str:
    """The public's."""
    return (templates_dir() / "callees" / "extensions.conf").read_text()


def test_public_follows_the_table() -> None:
    """Each number does in Asterisk what it does in the line simulator, after the same ringing."""
    line = r"^exten = _1NXX55501(\d\d),1,Gosub\((\w+),\$\{EXTEN\},1\(([\d.]+)\)\)"
    found = {last: (name, float(ring)) for last, name, ring in re.findall(line, dialplan(), re.MULTILINE)}
    extra = {last: found.pop(last)[0] for last in LINE_TESTS_ONLY}

    assert found == {last: (str(who.behaviour), who.ring_s) for last, who in SUBSCRIBERS.items()}
    assert extra == LINE_TESTS_ONLY


def test_every_behaviour_has_a_context() -> None:
    """Whatever the table may say, the dialplan can do."""
    contexts = set(re.findall(r"^\[(\w+)\]", dialplan(), re.MULTILINE))

    assert contexts >= set(Behaviour)


def test_personas_are_called_by_the_tables_uuid() -> None:
    """The UUID that the dialplan makes of a number is the one by which the personas' server knows it."""
    pattern = re.search(r"AudioSocket\(([^,$]+)\$\{EXTEN\},", dialplan())
    assert pattern is not None

    assert pattern[1] + "12125550101" == str(callee_uuid("+12125550101"))


@pytest.mark.parametrize("file", sorted(templates_dir().rglob("*.conf")), ids=lambda file: file.name)
def test_file_says_what_it_is_for(file: Path) -> None:
    """Each opens with a comment, and every Python file that it names exists."""
    text = file.read_text()
    named = re.findall(r"[\w/]+\.py\b", text)

    assert text.startswith("; ")
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_missing_value_is_our_mistake() -> None:
    """A template is never written half filled in."""
    with pytest.raises(OurMistake, match=r"the template asterisk\.conf cannot be filled in"):
        rendered(Role.LINE, {})


def test_value_cannot_add_a_line() -> None:
    """A line break in a value would be a setting of its own."""
    with pytest.raises(OurMistake, match="the value name has more than one line"):
        rendered(Role.LINE, {"name": "a\nlive_dangerously = yes"})

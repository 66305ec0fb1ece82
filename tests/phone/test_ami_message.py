"""What may be said to AMI, and how its events are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendeep_kit.errors import BadInput
from opendeep_kit.phone.ami_message import AmiEvent, checked


def test_no_header_name_can_inject() -> None:
    """Header names hold letters only."""
    with pytest.raises(BadInput, match="letters"):
        checked({"Channel: x\r\nAction": "CoreStatus"})


@given(st.text())
def test_no_value_can_end_its_line(text: str) -> None:
    """Whatever passes holds no control character, no quote, no expression and no comma."""
    try:
        checked({"Channel": text, "Variable": [text]})
    except BadInput:
        return
    assert not set(text) & set("\r\n\0\"'$\\{}, ")
    assert text.isascii()


def test_repeated_headers_are_lines() -> None:
    """A variable is found among several, and an absent one is empty."""
    event = AmiEvent("Hangup", {"chanvariable": "A=1\nOPENDEEP_CALL_ID=x=y"})

    assert event.variable("OPENDEEP_CALL_ID") == "x=y"
    assert (event.variable("B"), event.get("Cause")) == ("", "")

"""The table of a response's states: whole, drawn as it is, and strict about what cannot be."""

import pytest

from opendeep_kit.errors import OurMistake
from opendeep_kit.voice import response_state
from opendeep_kit.voice.response_state import TRANSITIONS, ResponseEvent, ResponseState, advance

EVERYWHERE = [
    ResponseEvent.WITHDRAW,
    ResponseEvent.BEGIN,
    ResponseEvent.BEGIN_CUT,
    ResponseEvent.CUT,
    ResponseEvent.END,
    ResponseEvent.FAIL,
    ResponseEvent.REFUSE,
]
"""What the model, the callee and a supervisor do at any time."""


def test_head_shows_the_table() -> None:
    """The table in the head of the module is the one that is used."""
    assert response_state.draw_table() in str(response_state.__doc__)


def test_diagram_shows_every_arrow() -> None:
    """Each transition that changes the state is in the picture, and no other."""
    arrows = set()
    for line in response_state.draw_diagram().splitlines()[2:]:
        ends, _, names = line.strip().partition(": ")
        state, following = ends.split(" --> ")
        arrows |= {(state, name, following) for name in names.split(", ")}

    assert arrows == {
        (state, event, following)
        for state, row in TRANSITIONS.items()
        for event, following in row.items()
        if following is not state
    }


@pytest.mark.parametrize("state", ResponseState)
def test_what_others_do_is_never_an_error(state: ResponseState) -> None:
    """Whatever the model reports, and whenever: every state knows what to make of it."""
    assert {advance(state, event) for event in EVERYWHERE} <= set(ResponseState)


@pytest.mark.parametrize("state", [state for state in ResponseState if state is not ResponseState.IDLE])
def test_asking_twice_is_a_mistake(state: ResponseState) -> None:
    """A response is asked for when none is active and none was asked for; the error names state and event."""
    with pytest.raises(OurMistake, match=f"{state} knows no ask"):
        advance(state, ResponseEvent.ASK)


def test_every_state_is_reached_and_left() -> None:
    """From the first one a path leads to each, and from each one back."""
    for start in ResponseState:
        reached = {start}
        while more := {following for state in reached for following in TRANSITIONS[state].values()} - reached:
            reached |= more

        assert reached == set(ResponseState)

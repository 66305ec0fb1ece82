"""What a fresh model session is told of a call under way."""

import json
from typing import Any

from opendeep_kit.voice.history import History


def replayed(history: History) -> list[dict[str, Any]]:
    """The items that rebuild the conversation."""
    events = [json.loads(text) for text in history.replay()]
    assert {event["type"] for event in events} <= {"conversation.item.create"}
    return [event["item"] for event in events]


def test_whole_conversation_in_order() -> None:
    """Words of both sides and the tool round come back in the order in which they were placed."""
    history = History()
    history.said("a1", "agent", "Can you come?")
    history.said("u1", "callee", "Yes.")
    history.called("t1", "record_answer", '{"question":"attending"}')
    history.returned("t1", "Noted.")

    assert replayed(history) == [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Can you come?"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Yes."}]},
        {"type": "function_call", "call_id": "t1", "name": "record_answer", "arguments": '{"question":"attending"}'},
        {"type": "function_call_output", "call_id": "t1", "output": "Noted."},
    ]


def test_words_that_come_late_keep_their_place() -> None:
    """The transcription arrives after the reply began: the callee's words still stand before it."""
    history = History()
    history.place("u1", "callee")
    history.said("a1", "agent", "Good.")
    history.said("u1", "callee", "Yes.")

    assert [item["role"] for item in replayed(history)] == ["user", "assistant"]


def test_item_placed_twice_stands_once() -> None:
    """Placing an item again changes neither its place nor its words."""
    history = History()
    history.said("u1", "callee", "Yes.")
    history.place("u1", "callee")

    assert [item["content"][0]["text"] for item in replayed(history)] == ["Yes."]


def test_unheard_and_unintelligible_items_are_left_out() -> None:
    """An item without words is nothing to tell."""
    history = History()
    history.place("u1", "callee")
    history.said("a1", "agent", "", is_cut=True)

    assert history.replay() == []
    assert not history.waits_for_agent


def test_cut_sentence_ends_in_a_dash() -> None:
    """The fresh session sees that the agent did not finish."""
    history = History()
    history.said("a1", "agent", "Can you come on", is_cut=True)

    assert replayed(history)[0]["content"] == [{"type": "output_text", "text": "Can you come on —"}]


def test_who_speaks_next() -> None:
    """The agent goes on unless its own whole sentence was the last; nobody speaks into an empty call."""
    history = History()
    nobody = history.waits_for_agent
    history.said("a1", "agent", "Can you come?")
    agent = history.waits_for_agent
    history.said("u1", "callee", "Yes.")
    callee = history.waits_for_agent
    history.said("a2", "agent", "Thank", is_cut=True)
    cut = history.waits_for_agent

    assert (nobody, agent, callee, cut) == (False, False, True, True)


def test_tool_that_has_returned_waits_for_the_agent() -> None:
    """The connection broke between a tool's result and the reply to it."""
    history = History()
    history.said("u1", "callee", "Yes.")
    history.called("t1", "record_answer", "{}")
    history.returned("t1", "Noted.")

    assert history.waits_for_agent


def test_tool_round_without_words_stays_whole() -> None:
    """A call without arguments and a result without text are replayed: one without the other is refused there."""
    history = History()
    history.called("t1", "look", "")
    history.returned("t1", "")

    assert replayed(history) == [
        {"type": "function_call", "call_id": "t1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "t1", "output": ""},
    ]

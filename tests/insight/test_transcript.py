"""The talk as lines, from hand-made events."""

from typing import Any

from opendeep_kit import events
from opendeep_kit.insight.transcript import Utterance, transcript


def at(ms: float, kind: type[events.Event], **fields: Any) -> events.Event:
    """An event of the call at this time."""
    return kind(call_id="c", at_ms=ms, **fields)


def said(ms: float, item: str, heard: str, meant: str, *, is_cut: bool = False) -> events.Event:
    """An agent item that is over."""
    return at(ms, events.AgentSaid, item_id=item, meant=meant, heard=heard, heard_ms=1, received_ms=1, is_cut=is_cut)


TALK = [
    at(500, events.AgentSoundStarted, item_id="a1", first_sound_ms=620),
    said(2600, "a1", "Can you come?", "Can you come?"),
    at(3000, events.SpeechStarted, item_id="u1"),
    at(4000, events.AgentSoundStarted, item_id="a2", first_sound_ms=4100),
    at(4200, events.CalleeSaid, item_id="u1", text="Yes."),
    at(5000, events.SpeechStarted, item_id="u2"),
    said(5000, "a2", "Good. On a", "Good. On a scale?", is_cut=True),
    at(6000, events.CalleeSaid, item_id="u2", text="Wait."),
]


def test_lines_stand_in_the_order_of_speaking() -> None:
    """A transcription that comes after the reply began still stands before it, at the time of its first sound."""
    assert [(line.at_ms, line.speaker, line.text) for line in transcript(TALK)] == [
        (620, "agent", "Can you come?"),
        (3000, "callee", "Yes."),
        (4100, "agent", "Good. On a"),
        (5000, "callee", "Wait."),
    ]


def test_cut_line_tells_what_was_meant() -> None:
    """Heard and meant stand side by side only where they differ."""
    lines = transcript(TALK)

    assert [line.meant for line in lines] == ["", "", "Good. On a scale?", ""]
    assert str(lines[2]) == "   4.1s  agent   Good. On a  [cut; meant: Good. On a scale?]"
    assert str(lines[1]) == "   3.0s  callee  Yes."


def test_unheard_and_unintelligible_are_left_out() -> None:
    """A sentence of which nothing was heard and sound without words are no lines."""
    happened = [said(100, "a1", "", "Hello.", is_cut=True), at(900, events.CalleeSaid, item_id="u1", text="")]

    assert transcript(happened) == []
    assert transcript([]) == []


def test_begin_that_was_not_seen() -> None:
    """Without a begin the line stands where its words came."""
    assert transcript([at(4200, events.CalleeSaid, item_id="u1", text="Yes.")]) == [
        Utterance(at_ms=4200, speaker="callee", text="Yes.", item_id="u1")
    ]

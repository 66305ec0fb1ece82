"""Servers that write what the protocol allows and nobody expects: the talk goes on, and what is unknown is kept."""

import copy
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opendeep_kit import events
from opendeep_kit.voice import wire
from opendeep_kit.voice.model_audio import ModelAudio
from tests.voice.test_conversation import SENTENCE, Talk

SOUND = "ECAwQA=="
TURN: list[dict[str, Any]] = [
    {"type": "input_audio_buffer.speech_started", "audio_start_ms": 100, "item_id": "msg:u1"},
    {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 900, "item_id": "msg:u1"},
    {"type": "conversation.item.added", "item": {"id": "msg:u1", "type": "message", "role": "user", "content": [{}]}},
    {"type": "conversation.item.input_audio_transcription.completed", "item_id": "msg:u1", "transcript": "Yes."},
    {"type": "response.created", "response": {"id": "resp:1", "status": "in_progress"}},
    {
        "type": "conversation.item.added",
        "item": {"id": "msg:a1", "type": "message", "role": "assistant", "content": [{"type": "output_audio"}]},
    },
    {"type": "response.output_audio_transcript.delta", "response_id": "resp:1", "item_id": "msg:a1", "delta": "Fine"},
    {"type": "response.output_audio.delta", "response_id": "resp:1", "item_id": "msg:a1", "delta": SOUND},
    {
        "type": "response.function_call_arguments.done",
        "response_id": "resp:1",
        "item_id": "fc:1",
        "call_id": "call:1",
        "name": "end_call",
        "arguments": "{}",
    },
    {"type": "response.output_audio.done", "response_id": "resp:1", "item_id": "msg:a1", "content_index": 0},
    {"type": "response.output_audio_transcript.done", "response_id": "resp:1", "item_id": "msg:a1", "transcript": "."},
    {
        "type": "response.done",
        "response": {
            "id": "resp:1",
            "status": "failed",
            "status_details": {"type": "failed", "error": {"code": "server_error", "message": "No."}},
            "usage": {"input_tokens": 10, "output_tokens": 20},
        },
    },
    {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "remaining": 0, "reset_seconds": 1.5}]},
    {
        "type": "error",
        "error": {
            "code": "x",
            "message": "Audio content of 10ms is already shorter than 20ms",
            "event_id": "truncate:msg:a1:0",
        },
    },
    {"type": "session.mood.updated", "mood": "fine"},
]
"""One turn of the protocol, with ids that hold colons."""
VALUES = st.one_of(
    st.sampled_from([None, True, 0, -1, 10**30, 1.5, 1e300, "", "0", "12", "msg:u1", "resp:1", "\x00", "²", [], {}]),
    st.sampled_from([[None], [1, "x"], {"id": None}, {"type": 7}, {"error": "no"}, [{"type": None}, "text"]]),
    st.text(max_size=8),
)
PLACES = [
    (*path, name)
    for number, event in enumerate(TURN)
    for path, thing in [((number,), event), *(((number, key), part) for key, part in event.items())]
    if isinstance(thing, dict)
    for name in thing
]
CHANGES = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(["set", "drop"]), VALUES), max_size=6)


def changed(changes: list[tuple[tuple[Any, ...], str, Any]]) -> list[dict[str, Any]]:
    """The turn with fields replaced or left out."""
    turn = copy.deepcopy(TURN)
    for (number, *path, name), how, value in changes:
        thing: Any = turn[number]
        for key in path:
            thing = thing.get(key) if isinstance(thing, dict) else None
        if isinstance(thing, dict) and how == "set":
            thing[name] = copy.deepcopy(value)
        elif isinstance(thing, dict):
            thing.pop(name, None)
    return turn


def hear(talk: Talk, audio: ModelAudio, frame: str) -> None:
    """One frame from the server, as the client takes it."""
    event = wire.parse(frame)
    if isinstance(event, wire.AudioDelta):
        talk.conversation.receive_audio(event, audio.to_line(event), talk.now_ms)
    else:
        talk.conversation.receive(event, talk.now_ms)
    talk.play(20)


def assert_talks_on(talk: Talk) -> None:
    """A fresh session is told everything, and a whole reply is heard."""
    talk.conversation.connection_lost(talk.now_ms)
    for call in talk.effects.tool_calls:
        talk.conversation.tool_finished(call.call_id, "ok", wants_reply=True)
    talk.conversation.connection_restored()
    talk.wait(5000)
    talk.reply("last", "last", 200)
    talk.wait(400)

    assert talk.happened(events.AgentSaid)[-1].heard == SENTENCE
    assert not talk.playout.items


@settings(max_examples=150, deadline=None)
@given(changes=CHANGES, order=st.permutations(range(len(TURN))), is_shuffled=st.booleans())
@example(changes=[((2, "item", "content"), "set", ["text"])], order=[*range(len(TURN))], is_shuffled=False)
@example(
    changes=[((11, "response", "usage"), "set", {"input_tokens": "x"})], order=[*range(len(TURN))], is_shuffled=False
)
@example(changes=[((7, "delta"), "set", "ECAw")], order=[*range(len(TURN))], is_shuffled=False)
@example(changes=[((13, "error", "event_id"), "set", "truncate:a")], order=[*range(len(TURN))], is_shuffled=False)
@example(changes=[((12, "rate_limits"), "set", [1, "x"])], order=[*range(len(TURN))], is_shuffled=False)
def test_no_event_ends_the_talk(
    changes: list[tuple[tuple[Any, ...], str, Any]], order: list[int], *, is_shuffled: bool
) -> None:
    """Fields of other types, fields left out, events in any order: a reply after them is heard to its end."""
    talk, audio = Talk(), ModelAudio("pcm24", line_rate_hz=24000, chunk_ms=40)
    turn = changed(changes)
    for number in order if is_shuffled else range(len(turn)):
        hear(talk, audio, json.dumps(turn[number]))

    assert_talks_on(talk)


@settings(max_examples=100, deadline=None)
@given(frames=st.lists(st.one_of(st.text(max_size=40), st.binary(max_size=40)), max_size=5))
@example(frames=["", "null", "[]", "{}", '{"type":null}', '{"type":"response.done"}', b"\xff\xfe"])
def test_frames_that_are_no_events_are_kept(frames: list[str | bytes]) -> None:
    """Each of them is told as unknown; none is lost, and none ends the talk."""
    talk = Talk()
    for frame in frames:
        talk.conversation.receive(wire.parse(frame), 0)
    talk.play(0)

    assert len(talk.happened(events.Unknown)) == len(frames)
    assert_talks_on(talk)


@pytest.mark.parametrize("cuts", [(1,), (3, 4), (1, 2, 3), (0, 5)])
def test_sound_that_is_cut_within_a_sample(cuts: tuple[int, ...]) -> None:
    """Halves of a sample in two deltas are one sample again: the sound after them is no noise."""
    sound, audio = bytes(range(1, 9)), ModelAudio("pcm24", line_rate_hz=24000, chunk_ms=40)
    ends = [0, *cuts, len(sound)]
    pieces = [wire.AudioDelta("r", "a", sound[at:end]) for at, end in pairwise(ends)]

    assert b"".join(audio.to_line(piece) for piece in pieces) == sound


def test_half_a_sample_at_the_end_of_an_item_is_dropped() -> None:
    """It is not the beginning of the next one."""
    audio = ModelAudio("pcm24", line_rate_hz=24000, chunk_ms=40)
    audio.to_line(wire.AudioDelta("r", "a", b"\1\2\3"))

    assert audio.to_line(wire.AudioDelta("r", "b", b"\5\6\7\x08")) == b"\5\6\7\x08"


def test_refused_truncation_of_an_item_with_a_colon() -> None:
    """It is sent again with the length that the model knows."""
    talk = Talk()
    talk.reply("resp:1", "msg:1", 3000)
    talk.play(1000)
    talk.callee_starts()
    error = {"message": "Audio content of 900ms is already shorter than 960ms", "event_id": "truncate:msg:1:0"}
    talk.model("error", error=error)

    assert [(sent["item_id"], sent["audio_end_ms"]) for sent in talk.sent("conversation.item.truncate")] == [
        ("msg:1", 960),
        ("msg:1", 900),
    ]


def test_tool_call_with_the_id_of_an_item() -> None:
    """The two are told to a fresh session as what they are."""
    talk = Talk()
    talk.reply("r1", "call:t1", 100)
    talk.wait(200)
    talk.tool("r2", "t1")
    talk.conversation.connection_lost(talk.now_ms)
    talk.conversation.connection_restored()
    talk.play(0)

    kinds = [event["item"]["type"] for event in talk.sent("conversation.item.create")]
    assert kinds == ["message", "function_call"]


def test_turns_without_ids_are_all_told() -> None:
    """A server that names no items: each of the callee's turns has its place."""
    talk = Talk()
    for words in ("Yes.", "Tuesday."):
        talk.model("input_audio_buffer.speech_started")
        talk.model("input_audio_buffer.speech_stopped")
        talk.model("conversation.item.input_audio_transcription.completed", transcript=words)
    talk.conversation.connection_lost(talk.now_ms)
    talk.conversation.connection_restored()
    talk.play(0)

    texts = [event["item"]["content"][0]["text"] for event in talk.sent("conversation.item.create")]
    assert texts == ["Yes.", "Tuesday."]

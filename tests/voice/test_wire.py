"""The Realtime GA wire, against literal JSON one way and the SDK's own models the other."""

import base64
import json
from typing import get_args

import pytest
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel

from opendeep_kit.voice import wire

SERVER_EVENTS = {
    '{"type":"session.created","event_id":"e","session":{"id":"sess_1"}}': wire.SessionCreated({"id": "sess_1"}),
    '{"type":"session.updated","event_id":"e","session":{"id":"sess_1"}}': wire.SessionUpdated({"id": "sess_1"}),
    '{"type":"input_audio_buffer.speech_started","event_id":"e","audio_start_ms":1184,"item_id":"u1"}': (
        wire.InputSpeechStarted("u1", 1184)
    ),
    '{"type":"input_audio_buffer.speech_stopped","event_id":"e","audio_end_ms":2300,"item_id":"u1"}': (
        wire.InputSpeechStopped("u1", 2300)
    ),
    '{"type":"input_audio_buffer.timeout_triggered","audio_start_ms":0,"audio_end_ms":5000,"item_id":"u2"}': (
        wire.TimeoutTriggered("u2")
    ),
    '{"type":"conversation.item.input_audio_transcription.completed","item_id":"u1","content_index":0,'
    '"transcript":"Grüß Gott.","usage":{"type":"duration","seconds":1}}': (
        wire.TranscriptionCompleted("u1", "Grüß Gott.")
    ),
    '{"type":"conversation.item.input_audio_transcription.failed","item_id":"u1","content_index":0,'
    '"error":{"code":"audio_unintelligible"}}': wire.TranscriptionFailed("u1", {"code": "audio_unintelligible"}),
    '{"type":"conversation.item.added","previous_item_id":null,"item":{"id":"a1","type":"message"}}': (
        wire.ItemAdded({"id": "a1", "type": "message"})
    ),
    '{"type":"conversation.item.done","previous_item_id":null,"item":{"id":"a1"}}': wire.ItemDone({"id": "a1"}),
    '{"type":"response.created","response":{"id":"r1","status":"in_progress"}}': (
        wire.ResponseCreated({"id": "r1", "status": "in_progress"})
    ),
    '{"type":"response.done","response":{"id":"r1","status":"completed"}}': (
        wire.ResponseDone({"id": "r1", "status": "completed"})
    ),
    '{"type":"response.output_audio.delta","response_id":"r1","item_id":"a1","output_index":0,'
    '"content_index":1,"delta":"AAECAw=="}': wire.AudioDelta("r1", "a1", b"\x00\x01\x02\x03", 1),
    '{"type":"response.output_audio.done","response_id":"r1","item_id":"a1","output_index":0,"content_index":0}': (
        wire.AudioDone("r1", "a1", 0)
    ),
    '{"type":"response.output_audio_transcript.delta","response_id":"r1","item_id":"a1","delta":"Hel"}': (
        wire.TranscriptDelta("r1", "a1", "Hel", 0)
    ),
    '{"type":"response.output_audio_transcript.done","response_id":"r1","item_id":"a1","transcript":"Hello."}': (
        wire.TranscriptDone("r1", "a1", "Hello.", 0)
    ),
    '{"type":"response.function_call_arguments.done","response_id":"r1","item_id":"f1","call_id":"t1",'
    '"name":"end_call","arguments":"{\\"reason\\":\\"refused\\"}"}': (
        wire.FunctionCallDone("r1", "f1", "t1", "end_call", '{"reason":"refused"}')
    ),
    '{"type":"error","event_id":"e","error":{"type":"invalid_request_error","code":"x","message":"No."}}': (
        wire.ServerError({"type": "invalid_request_error", "code": "x", "message": "No."})
    ),
    '{"type":"rate_limits.updated","event_id":"e","rate_limits":['
    '{"name":"requests","limit":1000,"remaining":999,"reset_seconds":60},'
    '{"name":"tokens","limit":40000,"remaining":38500,"reset_seconds":1.5}]}': (
        wire.LimitsUpdated([wire.RateLimit("requests", 999, 60, 1000), wire.RateLimit("tokens", 38500, 1.5, 40000)])
    ),
}


@pytest.mark.parametrize(
    ("text", "event"), SERVER_EVENTS.items(), ids=[type(e).__name__ for e in SERVER_EVENTS.values()]
)
def test_server_event_is_read(text: str, event: wire.ServerEvent) -> None:
    """Each event we use is read from its GA form, as text and as bytes."""
    assert wire.parse(text) == event
    assert wire.parse(text.encode()) == event


def test_every_typed_event_is_covered() -> None:
    """The table above holds an example of every event that the wire reads."""
    assert {type(event) for event in SERVER_EVENTS.values()} == set(get_args(wire.TypedEvent))


def test_names_are_those_of_the_sdk() -> None:
    """Every event name that the wire knows is one of the SDK's server events."""
    members = get_args(get_args(RealtimeServerEvent)[0])
    theirs = {get_args(member.model_fields["type"].annotation)[0] for member in members}
    ours = {kind.__struct_config__.tag for kind in get_args(wire.TypedEvent)} | wire._KNOWN_UNUSED

    assert ours - theirs == set()


def test_extra_fields_are_ignored() -> None:
    """Compatible servers add fields of their own (xAI: ts, rid, latency)."""
    event = wire.parse(
        '{"type":"response.output_audio.delta","response_id":"r","item_id":"a","delta":"","ts":1,"rid":"x"}'
    )

    assert event == wire.AudioDelta("r", "a", b"", 0)


def test_known_but_unused_event() -> None:
    """An event of the protocol that we have no use for says so."""
    text = b'{"type":"input_audio_buffer.committed","item_id":"i"}'

    assert wire.parse(text) == wire.Other("input_audio_buffer.committed", True, text)


def test_allowances_in_a_strange_form() -> None:
    """What we cannot read of a known event leaves it without use."""
    strange = b'{"type":"rate_limits.updated","rate_limits":{"tokens":1}}'

    assert wire.parse(strange) == wire.Other("rate_limits.updated", True, strange)


def test_unknown_event_keeps_its_text() -> None:
    """An event nobody has heard of comes back with its name and its bytes."""
    assert wire.parse('{"type":"response.sung","song":"la"}') == wire.Other(
        "response.sung", False, b'{"type":"response.sung","song":"la"}'
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"response.output_audio.delta","response_id":"r"',
        "",
        "[]",
        "null",
        "7",
        '{"type":3}',
        '{"kind":"x"}',
        "ping",
    ],
)
def test_unreadable_text_is_other(text: str) -> None:
    """Broken JSON, other JSON and an event without a name are told apart from no event known."""
    assert wire.parse(text) == wire.Other("?", False, text.encode())


def test_bytes_that_are_not_utf8() -> None:
    """A frame that is not text is kept, not raised."""
    data = b'{"type":"response.sung","song":"\xff\xfe"}'
    event = wire.parse(data)

    assert isinstance(event, wire.Other)
    assert not event.is_known
    assert event.raw == data


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"response.output_audio.delta","response_id":"r","item_id":"a","delta":"not base64!"}',
        '{"type":"response.output_audio.delta","item_id":"a","delta":"AAAA"}',
        '{"type":"response.done","response":"r1"}',
        '{"type":"error","error":null}',
    ],
)
def test_known_event_with_wrong_fields_is_other(text: str) -> None:
    """An event whose fields are not what the protocol says is handed on under its name, not guessed at."""
    event = wire.parse(text)

    assert isinstance(event, wire.Other)
    assert (event.type, event.is_known) == (json.loads(text)["type"], False)


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (
            '{"type":"input_audio_buffer.speech_started","audio_start_ms":"1184","item_id":7}',
            wire.InputSpeechStarted("7", 1184),
        ),
        ('{"type":"input_audio_buffer.speech_stopped","audio_end_ms":null}', wire.InputSpeechStopped("", 0)),
        (
            '{"type":"response.output_audio.delta","response_id":1,"item_id":"a","content_index":"1","delta":"AAE="}',
            wire.AudioDelta("1", "a", b"\x00\x01", 1),
        ),
        (
            '{"type":"response.function_call_arguments.done","response_id":"r","item_id":"f","call_id":3,"name":null}',
            wire.FunctionCallDone("r", "f", "3"),
        ),
        (
            '{"type":"rate_limits.updated","rate_limits":[{"name":"tokens","remaining":"5","reset_seconds":"1.5"}]}',
            wire.LimitsUpdated([wire.RateLimit("tokens", 5, 1.5)]),
        ),
    ],
)
def test_event_that_is_written_oddly(text: str, event: wire.ServerEvent) -> None:
    """Null for what is left out, numbers for ids, numbers in quotes: it says what it should."""
    assert wire.parse(text) == event


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"error","error":{"code":' + "[" * 20_000 + "]" * 20_000 + "}}",
        '{"type":"response.output_audio.delta","delta":5,"response_id":nonsense',
        '{"type":"rate_limits.updated","rate_limits":[{"name":"tokens","remaining":1,"reset_seconds":1e300}]}',
        '{"type":"response.done","response":{"id":"\\ud800"}}',
    ],
    ids=["deep", "broken behind a wrong field", "a wait of years", "half a character"],
)
def test_frame_that_no_reader_expects(text: str) -> None:
    """It comes back as an event that nobody has heard of; nothing raises."""
    assert isinstance(wire.parse(text), wire.Other)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input_tokens": 3, "output_tokens": "4"}, (3, 4)),
        ({"input_tokens": -1, "output_tokens": {"text": 4}}, (0, 0)),
        ({"input_tokens": 1e300, "output_tokens": "four"}, (0, 0)),
        (None, (0, 0)),
        (7, (0, 0)),
    ],
)
def test_tokens_in_any_form(usage: object, tokens: tuple[int, int]) -> None:
    """What is no count costs nothing."""
    assert tuple(wire.tokens_of({"usage": usage}).values()) == tokens


# ---- what we send -----------------------------------------------------------------------------------


def by_the_sdk(text: str) -> BaseModel:
    """The event as the SDK's own model, checked strictly; no field of ours may be strange to it."""
    data = json.loads(text)
    models = {
        get_args(kind.model_fields["type"].annotation)[0]: kind for kind in get_args(get_args(RealtimeClientEvent)[0])
    }
    model: BaseModel = models[data["type"]].model_validate_json(text, strict=True, extra="forbid")
    return model


CLIENT_EVENTS: dict[str, str] = {
    "append": wire.append_audio(b"\x01\x02\x03"),
    "user": wire.user_text("Yes."),
    "user with id": wire.user_text("Yes.", "u1"),
    "agent": wire.agent_text('She said "no" —', "a1"),
    "system": wire.system_text("Be brief."),
    "call": wire.tool_call("t1", "end_call", '{"reason":"refused"}'),
    "output": wire.tool_output("t1", "Noted."),
    "create": wire.create_response(),
    "create with words": wire.create_response("Ask whether they are there.", "nudge"),
    "cancel": wire.cancel_response("r1", "cancel:r1"),
    "truncate": wire.truncate_item("a1", 0, 960, "truncate:a1:0"),
    "delete": wire.delete_item("a1", "delete:a1"),
}


@pytest.mark.parametrize("text", CLIENT_EVENTS.values(), ids=CLIENT_EVENTS)
def test_client_event_is_one_of_the_sdk(text: str) -> None:
    """Every event we send is valid by the SDK's own model, with no field it does not know."""
    by_the_sdk(text)


def test_client_events_word_by_word() -> None:
    """What goes over the wire for the events of an interruption and a tool."""
    assert json.loads(CLIENT_EVENTS["truncate"]) == {
        "type": "conversation.item.truncate",
        "event_id": "truncate:a1:0",
        "item_id": "a1",
        "content_index": 0,
        "audio_end_ms": 960,
    }
    assert json.loads(CLIENT_EVENTS["output"]) == {
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": "t1", "output": "Noted."},
    }
    assert json.loads(CLIENT_EVENTS["create"]) == {"type": "response.create"}


def test_sound_survives_both_ways() -> None:
    """What is appended decodes to the same bytes, and a delta's base64 is undone."""
    pcm = bytes(range(256)) * 7 + b"\xff"
    sent = json.loads(wire.append_audio(pcm))
    delta = wire.parse(
        json.dumps({"type": "response.output_audio.delta", "response_id": "r", "item_id": "a", "delta": sent["audio"]})
    )

    assert base64.b64decode(sent["audio"], validate=True) == pcm
    assert isinstance(delta, wire.AudioDelta)
    assert delta.delta == pcm

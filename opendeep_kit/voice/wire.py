"""The OpenAI Realtime GA wire: the only place that knows its field names.

Given bytes from the model, returns one of the structs below; given plain values, returns the JSON text of a client
event. Never sends, never decides, and never raises: what is not listed here, or cannot be read, comes back as `Other`.
Source: the names and shapes of `openai.types.realtime` (SDK 3.54).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, get_args

import msgspec
import pybase64

# ---- server events ----------------------------------------------------------------------------------


class SessionCreated(msgspec.Struct, tag="session.created"):
    """First event of a connection."""

    session: dict[str, Any] = {}


class SessionUpdated(msgspec.Struct, tag="session.updated"):
    """Our configuration is in force."""

    session: dict[str, Any] = {}


class InputSpeechStarted(msgspec.Struct, tag="input_audio_buffer.speech_started"):
    """The callee began to speak."""

    item_id: str = ""
    audio_start_ms: float = 0


class InputSpeechStopped(msgspec.Struct, tag="input_audio_buffer.speech_stopped"):
    """The callee's turn is over."""

    item_id: str = ""
    audio_end_ms: float = 0


class TimeoutTriggered(msgspec.Struct, tag="input_audio_buffer.timeout_triggered"):
    """The callee said nothing for `idle_timeout_ms`."""

    item_id: str = ""


class TranscriptionCompleted(msgspec.Struct, tag="conversation.item.input_audio_transcription.completed"):
    """What the callee said."""

    item_id: str = ""
    transcript: str = ""


class TranscriptionFailed(msgspec.Struct, tag="conversation.item.input_audio_transcription.failed"):
    """The callee's words could not be recognised."""

    item_id: str = ""
    error: dict[str, Any] = {}


class ItemAdded(msgspec.Struct, tag="conversation.item.added"):
    """An item joined the conversation."""

    item: dict[str, Any] = {}


class ItemDone(msgspec.Struct, tag="conversation.item.done"):
    """An item is complete."""

    item: dict[str, Any] = {}


class ResponseCreated(msgspec.Struct, tag="response.created"):
    """The model begins a response."""

    response: dict[str, Any]


class ResponseDone(msgspec.Struct, tag="response.done"):
    """The model finished, failed or gave up a response."""

    response: dict[str, Any]


class AudioDelta(msgspec.Struct, tag="response.output_audio.delta"):
    """Sound; `delta` is decoded from base64 by msgspec, in C."""

    response_id: str
    item_id: str
    delta: bytes
    content_index: int = 0


class AudioDone(msgspec.Struct, tag="response.output_audio.done"):
    """No more sound for this content part (also when cancelled)."""

    response_id: str
    item_id: str
    content_index: int = 0


class TranscriptDelta(msgspec.Struct, tag="response.output_audio_transcript.delta"):
    """Words of the agent; runs ahead of the sound."""

    response_id: str
    item_id: str
    delta: str = ""
    content_index: int = 0


class TranscriptDone(msgspec.Struct, tag="response.output_audio_transcript.done"):
    """All words of the agent's content part."""

    response_id: str
    item_id: str
    transcript: str = ""
    content_index: int = 0


class FunctionCallDone(msgspec.Struct, tag="response.function_call_arguments.done"):
    """A tool is called."""

    response_id: str
    item_id: str
    call_id: str
    name: str = ""
    arguments: str = "{}"


class ServerError(msgspec.Struct, tag="error"):
    """Something was refused; most leave the session as it was."""

    error: dict[str, Any]


LONGEST_RESET_S = 10.0**7
"""No allowance is away for longer: such a figure is nonsense."""


class RateLimit(msgspec.Struct):
    """What is left of one of the account's allowances, over all its sessions."""

    name: str
    """`requests` or `tokens`."""
    remaining: float
    reset_seconds: Annotated[float, msgspec.Meta(le=LONGEST_RESET_S)]
    """Until it is whole again."""
    limit: float = 0


class LimitsUpdated(msgspec.Struct, tag="rate_limits.updated"):
    """What the response just done left of the account's allowances."""

    rate_limits: list[RateLimit] = []


class Other(msgspec.Struct):
    """Any other event. `is_known` when the protocol lists it and we have no use for it."""

    type: str
    is_known: bool
    raw: bytes = b""


TypedEvent = (
    SessionCreated
    | SessionUpdated
    | InputSpeechStarted
    | InputSpeechStopped
    | TimeoutTriggered
    | TranscriptionCompleted
    | TranscriptionFailed
    | ItemAdded
    | ItemDone
    | ResponseCreated
    | ResponseDone
    | AudioDelta
    | AudioDone
    | TranscriptDelta
    | TranscriptDone
    | FunctionCallDone
    | ServerError
    | LimitsUpdated
)
ServerEvent = TypedEvent | Other

_KNOWN_UNUSED = frozenset(
    [
        "conversation.created",
        "conversation.item.created",
        "conversation.item.deleted",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.segment",
        "conversation.item.retrieved",
        "conversation.item.truncated",
        "input_audio_buffer.cleared",
        "input_audio_buffer.committed",
        "rate_limits.updated",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.output_text.done",
    ]
)


class _Head(msgspec.Struct):
    type: str


_USED = frozenset(str(kind.__struct_config__.tag) for kind in get_args(TypedEvent))
_typed: msgspec.json.Decoder[TypedEvent] = msgspec.json.Decoder(TypedEvent)
_head = msgspec.json.Decoder(_Head)


def parse(data: bytes | str) -> ServerEvent:
    """One frame from the model. What cannot be read at all is `Other("?", …)`; nothing raises."""
    try:
        return _typed.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raw = data.encode(errors="replace") if isinstance(data, str) else data
    try:
        name = _head.decode(raw).type
    except (msgspec.DecodeError, RecursionError):
        return Other(type="?", is_known=False, raw=raw)
    event = _read_oddly_written(raw) if name in _USED else None
    return event or Other(type=name, is_known=name in _KNOWN_UNUSED, raw=raw)


def _read_oddly_written(raw: bytes) -> TypedEvent | None:
    """An event as some servers write it: null for what they leave out, numbers as ids, numbers in quotes."""
    try:
        fields = {name: value for name, value in msgspec.json.decode(raw).items() if value is not None}
        ids = {name: str(fields[name]) for name in ("item_id", "response_id", "call_id") if name in fields}
        event: TypedEvent = msgspec.convert(fields | ids, TypedEvent, strict=False)
    except (msgspec.DecodeError, RecursionError):
        return None
    return event


# ---- what their open fields hold --------------------------------------------------------------------


def id_of(thing: Mapping[str, object]) -> str:
    """The id of a response or an item; empty when it has none."""
    value = thing.get("id")
    return str(value) if isinstance(value, str | int) else ""


def is_text(item: Mapping[str, object]) -> bool:
    """Whether the item holds text: those of the talk itself hold sound, so it is one that we told the model."""
    content = item.get("content")
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, dict) and "text" in str(part.get("type")) for part in parts)


def tokens_of(response: Mapping[str, object]) -> dict[str, int]:
    """What a response cost; 0 for what the model does not tell."""
    usage = response.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return {name: _count(counts.get(name)) for name in ("input_tokens", "output_tokens")}


def _count(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value):
        return int(value)
    return int(value) if isinstance(value, int | float) and 0 <= value < 1e15 else 0


# ---- client events ----------------------------------------------------------------------------------

_APPEND_HEAD = '{"type":"input_audio_buffer.append","audio":"'
_APPEND_TAIL = '"}'


def append_audio(pcm: bytes) -> str:
    """`input_audio_buffer.append`, built without a JSON encoder: base64 needs no escaping."""
    return _APPEND_HEAD + pybase64.b64encode(pcm).decode("ascii") + _APPEND_TAIL


def user_text(text: str, item_id: str = "") -> str:
    """`conversation.item.create` with the callee's words, for replay."""
    return _create_item(_message("user", "input_text", text, item_id))


def agent_text(text: str, item_id: str = "") -> str:
    """`conversation.item.create` with the agent's words, for replay (audio items cannot be created)."""
    return _create_item(_message("assistant", "output_text", text, item_id))


def system_text(text: str) -> str:
    """`conversation.item.create` with a word to the agent only (coaching)."""
    return _create_item(_message("system", "input_text", text, ""))


def tool_call(call_id: str, name: str, arguments: str) -> str:
    """`conversation.item.create` with a tool call made before, for replay."""
    return _create_item({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments})


def tool_output(call_id: str, output: str) -> str:
    """`conversation.item.create` with what a tool returned."""
    return _create_item({"type": "function_call_output", "call_id": call_id, "output": output})


def create_response(instructions: str = "", event_id: str = "") -> str:
    """`response.create`; `instructions` replace the session's for this response only."""
    extra: dict[str, Any] = {"response": {"instructions": instructions}} if instructions else {}
    return event("response.create", event_id, **extra)


def cancel_response(response_id: str, event_id: str = "") -> str:
    """`response.cancel`. Does not truncate."""
    return event("response.cancel", event_id, response_id=response_id)


def truncate_item(item_id: str, content_index: int, audio_end_ms: int, event_id: str = "") -> str:
    """`conversation.item.truncate`: the model forgets what was not heard."""
    return event(
        "conversation.item.truncate",
        event_id,
        item_id=item_id,
        content_index=content_index,
        audio_end_ms=audio_end_ms,
    )


def delete_item(item_id: str, event_id: str = "") -> str:
    """`conversation.item.delete`: for items of which nothing was heard."""
    return event("conversation.item.delete", event_id, item_id=item_id)


def event(kind: str, event_id: str = "", **fields: Any) -> str:
    """Any client event: its type, our id for it, and its fields."""
    head: dict[str, Any] = {"type": kind}
    if event_id:
        head["event_id"] = event_id
    return json.dumps(head | fields)


def _create_item(item: Mapping[str, Any]) -> str:
    return event("conversation.item.create", item=dict(item))


def _message(role: str, part: str, text: str, item_id: str) -> dict[str, Any]:
    item: dict[str, Any] = {"type": "message", "role": role, "content": [{"type": part, "text": text}]}
    return item | {"id": item_id} if item_id else item

"""One response's events, in OpenAI's order, whatever happens to it.

Given words, sound and tool calls as they become known, emits the events and keeps the items; `done` may come at any
time and closes what is open. Never decides what is said, never waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pybase64

from opendeep_kit.audio.g711 import encode
from opendeep_kit.audio.pcm import bytes_per_ms
from opendeep_kit.audio.resample import Resampler
from opendeep_kit.rehearsal.engines import SPEECH_RATE_HZ
from opendeep_kit.rehearsal.realtime.conversation_items import (
    CHARS_PER_TOKEN,
    MS_PER_ASSISTANT_TOKEN,
    Context,
    ConversationItem,
    ItemGraph,
)
from opendeep_kit.rehearsal.realtime.session_settings import law_of, new_id
from opendeep_kit.tasks.prompt import SpokenTask

Emit = Callable[[dict[str, Any]], None]
ARGUMENT_PIECE = 12
"""Characters of a tool's arguments per delta."""
TOKENS_OF_A_TOOL_CALL = 12
"""In addition to its arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePlan:
    """A requested response, completed from the session's settings."""

    response_id: str = field(default_factory=lambda: new_id("resp"))
    number: int
    """The Nth of the session, from 1."""
    conversation_id: str | None
    """None for an out-of-band response, which leaves the conversation alone."""
    instructions: str
    is_one_off: bool
    """The instructions came with the response."""
    session_instructions: str
    task: SpokenTask | None = None
    """The call's task in structure, when the client is ours."""
    tools: tuple[dict[str, Any], ...]
    modality: str
    """`audio` or `text`."""
    audio_format: dict[str, Any]
    voice: str | dict[str, Any]
    speed: float
    max_output_tokens: int | str
    metadata: dict[str, str] | None
    own_input: Context | None = None
    """Its own context, instead of the conversation."""

    @property
    def voice_name(self) -> str:
        """The voice as engines know it."""
        return self.voice if isinstance(self.voice, str) else str(self.voice["id"])


@dataclass(slots=True)
class _Open:
    """The message being spoken."""

    item: ConversationItem
    index: int
    words: str = ""
    sound: bytearray = field(default_factory=bytearray)


class ResponseStream:
    """One response's outgoing events."""

    def __init__(self, plan: ResponsePlan, graph: ItemGraph, emit: Emit) -> None:
        self.plan = plan
        self._graph = graph
        self._emit = emit
        self._output: list[ConversationItem] = []
        self._open: _Open | None = None
        self._law = law_of(plan.audio_format)
        self._to_line = Resampler(SPEECH_RATE_HZ, 8000 if self._law else SPEECH_RATE_HZ)
        self.spoken_ms = 0.0
        """Duration of the sound sent so far."""
        self._chars = 0
        self.context = Context()
        """What the response is based on, once known; counted in `usage`."""
        self.is_over = False

    @property
    def output_tokens(self) -> int:
        """What this response has cost so far."""
        return self._text_tokens + self._audio_tokens

    @property
    def _text_tokens(self) -> int:
        return -(-self._chars // CHARS_PER_TOKEN)

    @property
    def _audio_tokens(self) -> int:
        return int(self.spoken_ms / MS_PER_ASSISTANT_TOKEN)

    def created(self) -> None:
        """The response exists."""
        self._emit({"type": "response.created", "response": self._response("in_progress")})

    def add_words(self, text: str) -> None:
        """More words of the message."""
        message = self._message()
        message.words += text
        message.item.text = message.words.strip()
        self._chars += len(text)
        kind = "output_audio_transcript" if self.plan.modality == "audio" else "output_text"
        self._part_event(f"response.{kind}.delta", message, delta=text)

    def add_sound(self, pcm: bytes) -> None:
        """More sound of the message, 24 kHz PCM."""
        message = self._message()
        length_ms = len(pcm) / bytes_per_ms(SPEECH_RATE_HZ)
        sound = encode(self._to_line.feed(pcm), self._law) if self._law else pcm
        message.sound += sound
        message.item.sound_ms += length_ms
        self.spoken_ms += length_ms
        delta = pybase64.b64encode(sound).decode("ascii")
        self._part_event("response.output_audio.delta", message, delta=delta)

    def close_message(self, status: str = "completed") -> None:
        """The message is complete, or is cut here."""
        message, self._open = self._open, None
        if message is None:
            return
        item, words = message.item, message.words
        item.status, item.sound = status, bytes(message.sound)
        if self.plan.modality == "audio":
            item.content = [{"type": "output_audio", "transcript": words}]
            self._part_event("response.output_audio.done", message)
            self._part_event("response.output_audio_transcript.done", message, transcript=words)
        else:
            item.content = [{"type": "output_text", "text": words}]
            self._part_event("response.output_text.done", message, text=words)
        self._part_event("response.content_part.done", message, part=self._part(words))
        self._item_done(item, message.index)
        if self._is_in_band:
            self._graph.forget_old_sound()

    def call_tool(self, name: str, arguments: str) -> None:
        """A tool call, whole: the dialogue knows its arguments at once."""
        item = ConversationItem(type="function_call", name=name, call_id=new_id("call"), status="in_progress")
        index = self._add_item(item)
        self._chars += len(arguments) + TOKENS_OF_A_TOOL_CALL * CHARS_PER_TOKEN
        head = {"response_id": self.plan.response_id, "item_id": item.id, "output_index": index}
        head["call_id"] = item.call_id
        kind = "response.function_call_arguments"
        for at in range(0, len(arguments), ARGUMENT_PIECE):
            self._emit({"type": f"{kind}.delta"} | head | {"delta": arguments[at : at + ARGUMENT_PIECE]})
        self._emit({"type": f"{kind}.done"} | head | {"name": name, "arguments": arguments})
        item.text, item.status = arguments, "completed"
        self._item_done(item, index)

    def done(self, status: str, *, reason: str = "", error: dict[str, Any] | None = None) -> None:
        """The end, once: `completed`, `cancelled`, `incomplete` or `failed`."""
        if self.is_over:
            return
        self.is_over = True
        self.close_message("completed" if status == "completed" else "incomplete")
        details: dict[str, Any] | None = None
        if status != "completed":
            details = {"type": status} | ({"reason": reason} if reason else {}) | ({"error": error} if error else {})
        response = self._response(status) | {"status_details": details, "usage": self._usage()}
        self._emit({"type": "response.done", "response": response})

    # ---- inside -------------------------------------------------------------------------------------

    @property
    def _is_in_band(self) -> bool:
        return self.plan.conversation_id is not None

    def _message(self) -> _Open:
        if self._open is None:
            item = ConversationItem(type="message", role="assistant", status="in_progress")
            self._open = _Open(item, self._add_item(item))
            # From here on the item has a part whose sound can be truncated.
            item.content = [self._item_part("")]
            self._part_event("response.content_part.added", self._open, part=self._part(""))
        return self._open

    def _add_item(self, item: ConversationItem) -> int:
        index = len(self._output)
        self._output.append(item)
        previous = self._graph.add(item) if self._is_in_band else None
        wire = item.to_wire()
        self._item_event("response.output_item.added", index, wire)
        if self._is_in_band:
            self._emit({"type": "conversation.item.added", "previous_item_id": previous, "item": wire})
        return index

    def _item_done(self, item: ConversationItem, index: int) -> None:
        wire = item.to_wire()
        if self._is_in_band:
            previous = self._graph.before(item)
            self._emit({"type": "conversation.item.done", "previous_item_id": previous, "item": wire})
        self._item_event("response.output_item.done", index, wire)

    def _item_event(self, kind: str, index: int, wire: dict[str, Any]) -> None:
        event = {"type": kind, "response_id": self.plan.response_id, "output_index": index, "item": wire}
        self._emit(event)

    def _part_event(self, kind: str, message: _Open, **fields: Any) -> None:
        head = {"type": kind, "response_id": self.plan.response_id, "item_id": message.item.id}
        self._emit(head | {"output_index": message.index, "content_index": 0} | fields)

    def _item_part(self, words: str) -> dict[str, Any]:
        if self.plan.modality == "audio":
            return {"type": "output_audio", "transcript": words}
        return {"type": "output_text", "text": words}

    def _part(self, words: str) -> dict[str, Any]:
        """A content part as its own events name it: `audio`, not `output_audio`."""
        if self.plan.modality == "audio":
            return {"type": "audio", "transcript": words}
        return {"type": "text", "text": words}

    def _response(self, status: str) -> dict[str, Any]:
        plan = self.plan
        return {
            "id": plan.response_id,
            "object": "realtime.response",
            "status": status,
            "status_details": None,
            "output": [item.to_wire() for item in self._output],
            "conversation_id": plan.conversation_id,
            "output_modalities": [plan.modality],
            "max_output_tokens": plan.max_output_tokens,
            "audio": {"output": {"format": plan.audio_format, "voice": plan.voice_name}},
            "usage": None,
            "metadata": plan.metadata,
        }

    def _usage(self) -> dict[str, Any]:
        text, sound = self.context.text_tokens, self.context.audio_tokens
        no_cache = {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0}
        source = {"text_tokens": text, "audio_tokens": sound, "image_tokens": 0, "cached_tokens": 0}
        return {
            "total_tokens": text + sound + self.output_tokens,
            "input_tokens": text + sound,
            "output_tokens": self.output_tokens,
            "input_token_details": source | {"cached_tokens_details": no_cache},
            "output_token_details": {"text_tokens": self._text_tokens, "audio_tokens": self._audio_tokens},
        }

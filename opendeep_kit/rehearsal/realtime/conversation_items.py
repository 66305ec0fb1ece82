"""The items of one conversation: their order, words and sound, and what the dialogue may know of them.

Given items and truncations, keeps them and shows each item as the client sees it, and the history as the dialogue
engine sees it. Never emits events.

Drop policy: items keep their sound for `conversation.item.retrieve` up to `KEPT_SOUND_BYTES` per session; beyond that
the oldest sound is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pybase64

from opendeep_kit.rehearsal.engines import Turn, TurnRole
from opendeep_kit.rehearsal.realtime.client_events import FunctionCall, FunctionCallOutput, Message
from opendeep_kit.rehearsal.realtime.rejections import (
    Rejected,
    item_exists,
    no_such_item,
    not_model_audio,
    truncated_too_late,
)
from opendeep_kit.rehearsal.realtime.session_settings import new_id
from opendeep_kit.voice.heard import SpeakingRate, heard_part

KEPT_SOUND_BYTES = 4 * 1024 * 1024
"""87 s of 24 kHz PCM: clients ask for the latest turns only."""
CUT_MARK = "—"
"""Ends a replayed turn of the assistant that was cut; our own client writes it."""
_PARTS = {"system": ("input_text",), "assistant": ("output_text",)}
_USER_PARTS = ("input_text", "input_audio", "input_image")


CHARS_PER_TOKEN = 4
MS_PER_USER_TOKEN, MS_PER_ASSISTANT_TOKEN = 100, 50
"""OpenAI counts one token per this much sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a response is based on."""

    turns: tuple[Turn, ...] = ()
    text_tokens: int = 0
    audio_tokens: int = 0


@dataclass(slots=True, eq=False)
class ConversationItem:
    """One entry; fields that its type does not use stay empty."""

    type: str
    """`message`, `function_call`, `function_call_output`."""
    role: str = ""
    id: str = field(default_factory=lambda: new_id("item"))
    status: str = "completed"
    content: list[dict[str, Any]] = field(default_factory=list)
    """Parts of a message, as on the wire, without sound."""
    name: str = ""
    call_id: str = ""
    text: str = ""
    """Words as the dialogue knows them; arguments or output of a tool."""
    sound: bytes = b""
    """Of the one audio part, in the session's format."""
    sound_ms: float = 0.0
    is_cut: bool = False

    def to_wire(self, *, with_sound: bool = False) -> dict[str, Any]:
        """As the client sees it."""
        wire: dict[str, Any] = {"id": self.id, "object": "realtime.item", "type": self.type, "status": self.status}
        if self.type == "message":
            wire |= {"role": self.role, "content": [dict(part) for part in self.content]}
            for part in wire["content"]:
                if with_sound and part["type"] in ("input_audio", "output_audio"):
                    part["audio"] = pybase64.b64encode(self.sound).decode("ascii")
        elif self.type == "function_call":
            wire |= {"name": self.name, "call_id": self.call_id, "arguments": self.text}
        else:
            wire |= {"call_id": self.call_id, "output": self.text}
        return wire

    def to_turn(self) -> Turn:
        """As the dialogue sees it."""
        if self.type == "function_call":
            return Turn(role=TurnRole.TOOL_CALL, text=self.text, tool=self.name, tool_call_id=self.call_id)
        if self.type == "function_call_output":
            return Turn(role=TurnRole.TOOL_OUTPUT, text=self.text, tool_call_id=self.call_id)
        text, is_cut = self.text, self.is_cut or self.status == "incomplete"
        if self.role == "assistant" and text.endswith(CUT_MARK):
            text, is_cut = text.removesuffix(CUT_MARK).rstrip(), True
        return Turn(role=TurnRole(self.role), text=text, is_cut=is_cut and self.role == "assistant")


def item_from(shape: Message | FunctionCall | FunctionCallOutput) -> ConversationItem:
    """The item that a client describes.

    Raises:
        Rejected: a content part does not suit the role.
    """
    item = ConversationItem(type=shape.type, id=shape.id or new_id("item"))
    if isinstance(shape, FunctionCall):
        item.name, item.text, item.call_id = shape.name, shape.arguments, shape.call_id or new_id("call")
        return item
    if isinstance(shape, FunctionCallOutput):
        item.text, item.call_id = shape.output, shape.call_id
        return item
    item.role, item.status = shape.role, shape.status
    allowed = _PARTS.get(shape.role, _USER_PARTS)
    for place, part in enumerate(shape.content):
        if part.type not in allowed:
            names = ", ".join(f"'{name}'" for name in allowed)
            raise Rejected(
                f"Invalid value: '{part.type}'. Supported values are: {names}.",
                code="invalid_value",
                param=f"item.content[{place}].type",
            )
        item.content.append(part.model_dump(mode="json", exclude_none=True, exclude={"audio"}))
    words = [part.text or part.transcript or "" for part in shape.content]
    item.text = " ".join(word for word in words if word)
    return item


class ItemGraph:
    """The conversation of one session."""

    def __init__(self) -> None:
        self._items: list[ConversationItem] = []
        self._by_id: dict[str, ConversationItem] = {}

    def add(self, item: ConversationItem, *, after: str | None = None) -> str | None:
        """Put an item at the end, at the root, or after another. Returns the id of the one before it.

        Raises:
            Rejected: the one before is unknown, or the id is taken.
        """
        if item.id in self._by_id:
            raise item_exists(item.id)
        if after is None:
            place = len(self._items)
        elif after == "root":
            place = 0
        else:
            place = self._items.index(self.get(after, "adding")) + 1
        self._items.insert(place, item)
        self._by_id[item.id] = item
        return self.before(item)

    def before(self, item: ConversationItem) -> str | None:
        """The id of the item before this one; None for the first, or one that is no longer here."""
        if item.id not in self._by_id:
            return None
        place = self._items.index(item)
        return self._items[place - 1].id if place else None

    @property
    def last_id(self) -> str | None:
        """The newest item's id."""
        return self._items[-1].id if self._items else None

    def get(self, item_id: str, doing: str) -> ConversationItem:
        """The item, for `retrieving`, `deleting`, `truncating` or `adding` after it.

        Raises:
            Rejected: there is none of this id.
        """
        item = self._by_id.get(item_id)
        if item is None:
            raise no_such_item(doing, item_id)
        return item

    def find(self, item_ids: Iterable[str]) -> list[ConversationItem]:
        """The items that exist among these ids."""
        return [self._by_id[item_id] for item_id in item_ids if item_id in self._by_id]

    def delete(self, item_id: str) -> None:
        """Forget an item.

        Raises:
            Rejected: there is none of this id.
        """
        self._items.remove(self.get(item_id, "deleting"))
        del self._by_id[item_id]

    def truncate(self, item_id: str, content_index: int, end_ms: int) -> None:
        """Discard the unheard part of a model's utterance.

        The client no longer sees its words, as with OpenAI. The dialogue keeps the words that fit into the time heard,
        because a real model keeps that much of the sound.

        Raises:
            Rejected: no such item, no sound of the model's, or it is shorter than that.
        """
        item = self.get(item_id, "truncating")
        parts = item.content[content_index : content_index + 1]
        if item.role != "assistant" or not parts or parts[0]["type"] != "output_audio" or not item.sound_ms:
            raise not_model_audio()
        if end_ms > item.sound_ms:
            raise truncated_too_late(item.sound_ms, end_ms)
        if end_ms < int(item.sound_ms):
            item.is_cut = True
            item.text = heard_part(
                item.text, heard_ms=end_ms, received_ms=item.sound_ms, is_whole=True, rate=SpeakingRate()
            )
            item.sound = item.sound[: int(len(item.sound) * end_ms / item.sound_ms) // 2 * 2]
            item.sound_ms = float(end_ms)
        parts[0]["transcript"] = None

    def context(self) -> Context:
        """The history for the dialogue, without an item that is being spoken."""
        return context_of(item for item in self._items if item.status != "in_progress")

    def forget_old_sound(self) -> None:
        """Drop the oldest sound beyond the limit."""
        room = KEPT_SOUND_BYTES
        for item in reversed(self._items):
            room -= len(item.sound)
            if room < 0:
                item.sound = b""


def context_of(items: Iterable[ConversationItem]) -> Context:
    """These items as the dialogue sees them, and what they cost."""
    turns: list[Turn] = []
    text_tokens = audio_tokens = 0
    for item in items:
        turns.append(item.to_turn())
        if item.sound_ms:
            audio_tokens += int(item.sound_ms / (MS_PER_USER_TOKEN if item.role == "user" else MS_PER_ASSISTANT_TOKEN))
        else:
            text_tokens += -(-len(item.text) // CHARS_PER_TOKEN)
    return Context(turns=tuple(turns), text_tokens=text_tokens, audio_tokens=audio_tokens)

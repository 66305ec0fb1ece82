"""Queues what the agent has yet to say, and keeps the ledger of what was sent to the callee.

Given PCM at the line's rate, labelled with the model's `(response_id, item_id, content_index)`, hands out 20 ms
frames and counts, per item, what was received and what was sent. Never reads a clock, never writes to a socket.

Drop policy: more than `limit_ms` waiting → the newest sound is dropped and counted (the callee is minutes
behind by then).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from opendeep_kit.audio.pcm import FRAME_MS, bytes_per_ms, frame_bytes, level_dbfs, silence

SOUND_DBFS = -55.0
"""A frame louder than this is speech, not the model's leading silence."""


@dataclass(slots=True)
class Item:
    """One piece of agent speech: one content part of one conversation item."""

    response_id: str
    item_id: str
    content_index: int
    received_ms: float = 0.0
    sent_ms: float = 0.0
    lead_in_ms: float = 0.0
    """Silence at its beginning, known once sound was sent."""
    is_complete: bool = False
    """The model sent all of it."""
    has_sounded: bool = False
    words: str = ""
    """What it says, where that was known before it was spoken: our own sentences."""
    is_firm: bool = False
    """An interruption does not drop it: keys for a menu that talks."""
    last_slot: int = -1
    """Slot of its last frame sent."""
    pending: bytearray = field(default_factory=bytearray, repr=False)

    @property
    def is_over(self) -> bool:
        """Everything received was sent and nothing more will come."""
        return self.is_complete and not self.pending


@dataclass(slots=True)
class Frame:
    """20 ms for the line."""

    pcm: bytes
    item: Item | None = None
    """Whose sound it is; None for silence."""
    has_begun: bool = False
    """This is the item's first frame."""
    is_first_sound: bool = False
    """This is the item's first frame that is not silence."""
    over: tuple[Item, ...] = ()
    """Items whose last sound is in this frame."""


class Playout:
    """The queue of one call. `rate_hz` is the line's rate."""

    def __init__(self, rate_hz: int, *, limit_ms: float = 120_000) -> None:
        self._frame_bytes = frame_bytes(rate_hz)
        self._per_ms = bytes_per_ms(rate_hz)
        self._silence = silence(rate_hz)
        self._limit = int(limit_ms * self._per_ms)
        self._queue: deque[Item] = deque()
        self._queued = 0
        self.dropped_ms = 0.0
        """Sound refused because the queue was full."""
        self.underruns = 0
        """Frames of silence inside an item, because the model was slower than speech."""

    @property
    def queued_ms(self) -> float:
        """Sound waiting."""
        return self._queued / self._per_ms

    @property
    def items(self) -> tuple[Item, ...]:
        """Items not yet over, the one being played first."""
        return tuple(self._queue)

    def add(self, response_id: str, item_id: str, content_index: int, pcm: bytes) -> Item:
        """Queue more sound of an item."""
        item = self._find(item_id, content_index)
        if item is None:
            item = Item(response_id, item_id, content_index)
            self._queue.append(item)
        room = self._limit - self._queued
        if len(pcm) > room:
            self.dropped_ms += (len(pcm) - room) / self._per_ms
            pcm = pcm[: room - room % 2]
        item.pending += pcm
        item.received_ms += len(pcm) / self._per_ms
        self._queued += len(pcm)
        return item

    def complete(self, item_id: str, content_index: int) -> Item | None:
        """The model sent all of this item. Returns it when it is thereby over (nothing was left to send)."""
        item = self._find(item_id, content_index)
        if item is None:
            return None
        item.is_complete = True
        if item.pending:
            return None
        self._queue.remove(item)
        return item

    def next_frame(self, slot: int) -> Frame:
        """The frame of this slot; silence when there is nothing to say."""
        if not self._queue:
            return Frame(self._silence)
        head = self._queue[0]
        if len(head.pending) < self._frame_bytes and not head.is_complete:
            self.underruns += head.sent_ms > 0
            return Frame(self._silence)
        has_begun = head.sent_ms == 0
        parts, over = self._take(slot)
        pcm = b"".join(parts).ljust(self._frame_bytes, b"\0")
        frame = Frame(pcm, head, has_begun=has_begun, over=tuple(over))
        if not head.has_sounded:
            if level_dbfs(pcm) > SOUND_DBFS:
                head.has_sounded = frame.is_first_sound = True
                head.lead_in_ms = head.sent_ms - FRAME_MS
            elif head.is_over:
                head.lead_in_ms = head.sent_ms
        return frame

    def drop(self) -> tuple[Item, ...]:
        """Forget what is queued and not firm (the callee interrupts); the items tell how far each had come."""
        items = tuple(item for item in self._queue if not item.is_firm)
        self._queue = deque(item for item in self._queue if item.is_firm)
        self._queued = sum(len(item.pending) for item in self._queue)
        return items

    def _take(self, slot: int) -> tuple[list[bytes], list[Item]]:
        parts: list[bytes] = []
        over: list[Item] = []
        room = self._frame_bytes
        while room and self._queue:
            item = self._queue[0]
            if not item.is_complete and len(item.pending) < room:
                break
            part = bytes(item.pending[:room])
            del item.pending[:room]
            room -= len(part)
            self._queued -= len(part)
            item.sent_ms += len(part) / self._per_ms
            item.last_slot = slot
            parts.append(part)
            if item.is_over:
                over.append(self._queue.popleft())
        return parts, over

    def _find(self, item_id: str, content_index: int) -> Item | None:
        for item in self._queue:
            if item.item_id == item_id and item.content_index == content_index:
                return item
        return None

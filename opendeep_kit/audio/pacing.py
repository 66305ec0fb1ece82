"""Says how many 20 ms frames are due now, and when to wake next.

Given monotonic times in seconds, never reads a clock; knows nothing of sockets or sound. Slot n is due at
`started_at + n * 20 ms`, whatever happened before: an error never accumulates. Frames go out up to `lead_ms`
early; after a stall what is late by no more than the lead and one frame is caught up, older slots are skipped
and counted, so that the far end's buffer cannot grow without bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from opendeep_kit.audio.pcm import FRAME_MS

SLOT_S = FRAME_MS / 1000
MAX_LEAD_MS = 60
"""Sound sent ahead cannot be taken back when the callee interrupts."""


@dataclass(frozen=True, slots=True)
class SlotCounts:
    """Slots of one clock, or of many."""

    passed: int = 0
    """Those whose time has come, the skipped ones among them."""
    skipped: int = 0
    """Given up after a stall: 20 ms of gap each."""

    def __add__(self, other: SlotCounts) -> SlotCounts:
        return SlotCounts(self.passed + other.passed, self.skipped + other.skipped)

    def __sub__(self, other: SlotCounts) -> SlotCounts:
        return SlotCounts(self.passed - other.passed, self.skipped - other.skipped)

    @property
    def gap_share(self) -> float:
        """0..1 of the slots in which the callee heard a gap."""
        return min(1.0, self.skipped / self.passed) if self.passed > 0 else 0.0


class Pacer:
    """One call's clock of outgoing slots.

    Args:
        started_at: monotonic seconds of slot 0 (the AudioSocket UUID frame).
        lead_ms: how far ahead frames are sent, 0..60.
        next_slot: slots already sent by somebody else on the same clock.
    """

    __slots__ = ("_lead_s", "max_late_ms", "next_slot", "skipped", "started_at")

    def __init__(self, started_at: float, *, lead_ms: int = 20, next_slot: int = 0) -> None:
        if not 0 <= lead_ms <= MAX_LEAD_MS:
            raise ValueError(f"lead_ms is {lead_ms}, it must be within 0..{MAX_LEAD_MS}")
        self.started_at = started_at
        self._lead_s = lead_ms / 1000
        self.next_slot = next_slot
        self.skipped = 0
        """Slots given up so far: 20 ms of gap each."""
        self.max_late_ms = 0.0
        """The latest any frame was handed out after its slot began."""

    def due(self, now: float) -> range:
        """The slots to send now, oldest first; late ones beyond repair are skipped and counted."""
        elapsed = now - self.started_at
        end = math.floor((elapsed + self._lead_s) / SLOT_S + 1e-6) + 1
        if end <= self.next_slot:
            return range(0)
        oldest = math.ceil((elapsed - self._lead_s) / SLOT_S - 1e-6) - 1
        if oldest > self.next_slot:
            self.skipped += oldest - self.next_slot
            self.next_slot = oldest
        slots = range(self.next_slot, end)
        late_ms = (elapsed - self.next_slot * SLOT_S) * 1000
        self.max_late_ms = max(self.max_late_ms, late_ms)
        self.next_slot = end
        return slots

    def wake_at(self) -> float:
        """Monotonic seconds at which the next slot may be sent."""
        return self.started_at + self.next_slot * SLOT_S - self._lead_s

    def at_ms(self, now: float) -> float:
        """Milliseconds since the clock began."""
        return (now - self.started_at) * 1000

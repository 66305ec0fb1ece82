"""Pauses a campaign whose calls fail: counts outcomes over a moving window and says when the share is too high.

Given results with their times, keeps counts per slice of the window, never the calls. It judges the line, the voice
model and the list of numbers, not the callees: busy and no answer are ordinary days. An attempt that the death of one
of our own processes broke off is not told to it: one restart must not pause a campaign that is well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from opendeep_kit.errors import BadInput
from opendeep_kit.outcomes import Disposition, PhoneResult

SLICES = 10
"""The window moves in tenths."""


class Fault(StrEnum):
    """What a call that went wrong speaks against."""

    LINE = "line"
    """Our side, the voice model, the trunk or the network."""
    NUMBERS = "numbers"
    """The list: nobody has the number, or those who have it reject us."""


FAULTS: dict[PhoneResult, Fault] = {
    PhoneResult.FAILED: Fault.LINE,
    PhoneResult.CONGESTION: Fault.LINE,
    PhoneResult.UNREACHABLE: Fault.LINE,
    PhoneResult.INVALID_NUMBER: Fault.NUMBERS,
    PhoneResult.NUMBER_CHANGED: Fault.NUMBERS,
    PhoneResult.REJECTED: Fault.NUMBERS,
}
"""Results that are not here are a success of the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a campaign is paused."""

    window_s: float = 600.0
    """Outcomes older than so are forgotten."""
    min_calls: int = 20
    """With fewer in the window nothing is concluded."""
    max_line_share: float = 0.3
    """0..1 of calls that fail through us or the network."""
    max_numbers_share: float = 0.6
    """0..1 of numbers that do not exist or reject us."""

    def __post_init__(self) -> None:
        shares = (self.max_line_share, self.max_numbers_share)
        if self.window_s <= 0 or self.min_calls < 1 or not all(0 < share <= 1 for share in shares):
            raise BadInput(
                "the circuit breaker's settings are impossible",
                do="set a window over 0 s, 1 call or more, and shares above 0 and up to 1",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Counts of a tenth of the window."""

    number: int
    """Unix time in tenths of the window."""
    calls: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)
    """By phone result, or `model` for our own failure in an answered call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What the last calls of one campaign came to. A resumed campaign begins with a new one."""

    policy: BreakerPolicy = BreakerPolicy()
    slices: tuple[Slice, ...] = ()

    def note(self, result: PhoneResult, disposition: Disposition | None, *, at: datetime) -> Breaker:
        """With one more call."""
        number = self._number(at)
        fault = _fault(result, disposition)
        kept = {piece.number: piece for piece in self.slices if piece.number > number - SLICES}
        old = kept.get(number, Slice(number=number))
        faults = {**old.faults, fault: old.faults.get(fault, 0) + 1} if fault else old.faults
        kept[number] = Slice(number=number, calls=old.calls + 1, faults=faults)
        newest = max(kept)
        pieces = tuple(kept[key] for key in sorted(kept) if key > newest - SLICES)
        return Breaker(policy=self.policy, slices=pieces)

    def trips(self, *, at: datetime) -> str | None:
        """Why the campaign must pause now, in a clause; None: it may go on."""
        oldest = self._number(at) - SLICES
        recent = [piece for piece in self.slices if piece.number > oldest]
        calls = sum(piece.calls for piece in recent)
        if calls < self.policy.min_calls:
            return None
        counts: dict[str, int] = {}
        for piece in recent:
            for name, count in piece.faults.items():
                counts[name] = counts.get(name, 0) + count
        for kind, limit, blamed in (
            (Fault.LINE, self.policy.max_line_share, "failed through us or the network"),
            (Fault.NUMBERS, self.policy.max_numbers_share, "found no such number or were rejected"),
        ):
            found = {name: count for name, count in counts.items() if _kind(name) is kind}
            if sum(found.values()) > limit * calls:
                parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(found.items()))
                minutes = timedelta(seconds=self.policy.window_s).total_seconds() / 60
                return f"{sum(found.values())} of {calls} calls in {minutes:g} minutes {blamed} ({parts})"
        return None

    def _number(self, at: datetime) -> int:
        return int(at.timestamp() // (self.policy.window_s / SLICES))


def _fault(result: PhoneResult, disposition: Disposition | None) -> str | None:
    if result in FAULTS:
        return result.value
    return "model" if disposition is Disposition.FAILED and result is PhoneResult.ANSWERED else None


def _kind(name: str) -> Fault:
    return Fault.LINE if name == "model" else FAULTS[PhoneResult(name)]

"""The circuit breaker: pauses a campaign whose calls keep failing.

Given how many calls ended how, judges the line, the voice model and the list of numbers, not the callees: busy and no
answer are normal. Attempts broken off by the death of our own processes must not be included: one restart must not
pause a healthy campaign.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from opendeep_kit.campaigns.lifecycle import Move, TaskState
from opendeep_kit.errors import BadInput
from opendeep_kit.outcomes import Disposition, PhoneResult

Ended = Mapping[tuple[PhoneResult, Disposition | None], int]
"""How many calls ended how."""


class Blame(StrEnum):
    """What a call that went wrong speaks against."""

    LINE = "line"
    """Our side, the voice model, the trunk or the network."""
    NUMBERS = "numbers"
    """The list: nobody has the number, or those who have it reject us."""


FAULTS: dict[PhoneResult, Blame] = {
    PhoneResult.FAILED: Blame.LINE,
    PhoneResult.CONGESTION: Blame.LINE,
    PhoneResult.UNREACHABLE: Blame.LINE,
    PhoneResult.INVALID_NUMBER: Blame.NUMBERS,
    PhoneResult.NUMBER_CHANGED: Blame.NUMBERS,
    PhoneResult.REJECTED: Blame.NUMBERS,
}
"""Results that are not here are a success of the line."""
_WORDS = {
    Blame.LINE: "failed through us or the network",
    Blame.NUMBERS: "found no such number or were rejected",
}


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
class BreakerSide:
    """One side of the breaker."""

    blame: Blame
    failed: Mapping[str, int]
    """Calls that speak against it, by phone result, or `model` for our own failure in an answered call."""
    calls: int
    """That ended in the window."""
    limit: float
    """0..1: the share above which it trips."""

    @property
    def share(self) -> float:
        """0..1 of the calls; 0 of none."""
        return sum(self.failed.values()) / self.calls if self.calls else 0.0


def window_start(history: Iterable[Move], policy: BreakerPolicy, *, now: datetime) -> datetime:
    """From when outcomes count: of the last `window_s`, and none from before the campaign last began to call."""
    begun = (step.at for step in history if step.after is TaskState.RUNNING and step.before is not TaskState.RUNNING)
    return max([*begun, now - timedelta(seconds=policy.window_s)])


def sides(policy: BreakerPolicy, ended: Ended) -> tuple[BreakerSide, ...]:
    """Both sides of the breaker, after these calls."""
    failed: dict[Blame, Counter[str]] = {Blame.LINE: Counter(), Blame.NUMBERS: Counter()}
    for (result, disposition), count in ended.items():
        if result in FAULTS:
            failed[FAULTS[result]][result.value] += count
        elif result is PhoneResult.ANSWERED and disposition is Disposition.FAILED:
            failed[Blame.LINE]["model"] += count
    limits = {Blame.LINE: policy.max_line_share, Blame.NUMBERS: policy.max_numbers_share}
    calls = sum(ended.values())
    return tuple(BreakerSide(blame=blame, failed=failed[blame], calls=calls, limit=limits[blame]) for blame in Blame)


def trips(policy: BreakerPolicy, ended: Ended) -> str | None:
    """Why the campaign must pause now, in a clause; None: it may go on."""
    for side in sides(policy, ended):
        if side.calls >= policy.min_calls and side.share > side.limit:
            parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(side.failed.items()))
            minutes, total = policy.window_s / 60, sum(side.failed.values())
            return f"{total} of {side.calls} calls in {minutes:g} minutes {_WORDS[side.blame]} ({parts})"
    return None

"""The circuit breaker: counts over a moving window, and why a campaign pauses."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from opendeep_kit.campaigns.breaker import Blame, BreakerPolicy, sides, trips, window_start
from opendeep_kit.campaigns.lifecycle import Move, TaskFact, TaskState
from opendeep_kit.errors import BadInput
from opendeep_kit.outcomes import Disposition, PhoneResult

NOW = datetime(2026, 3, 8, 15, tzinfo=UTC)
POLICY = BreakerPolicy(window_s=600, min_calls=10, max_line_share=0.3, max_numbers_share=0.6)
Outcome = tuple[PhoneResult, Disposition | None]
BUSY: Outcome = (PhoneResult.BUSY, None)
DONE: Outcome = (PhoneResult.ANSWERED, Disposition.COMPLETED)
CONGESTED: Outcome = (PhoneResult.CONGESTION, None)
MODEL_LOST: Outcome = (PhoneResult.ANSWERED, Disposition.FAILED)
NOBODY: Outcome = (PhoneResult.INVALID_NUMBER, None)


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        ([CONGESTED] * 9, None),
        ([DONE] * 7 + [CONGESTED] * 3, None),
        ([DONE] * 6 + [CONGESTED] * 4, "4 of 10 calls in 10 minutes failed through us or the network (4 congestion)"),
        (
            [DONE] * 6 + [CONGESTED] * 2 + [MODEL_LOST] * 2,
            "4 of 10 calls in 10 minutes failed through us or the network (2 congestion, 2 model)",
        ),
        ([BUSY] * 40, None),
        ([DONE] * 4 + [NOBODY] * 6, None),
        (
            [DONE] * 3 + [NOBODY] * 6 + [(PhoneResult.REJECTED, None)],
            "7 of 10 calls in 10 minutes found no such number or were rejected (6 invalid number, 1 rejected)",
        ),
    ],
)
def test_trips(outcomes: list[Outcome], reason: str | None) -> None:
    """Above the share and with enough calls; busy days are no fault, and a model that breaks off is ours."""
    assert trips(POLICY, Counter(outcomes)) == reason


def step(before: TaskState | None, after: TaskState, minutes_ago: float) -> Move:
    """A step of the campaign's history."""
    at = NOW - timedelta(minutes=minutes_ago)
    return Move(before=before, after=after, fact=TaskFact.CHANGED, reason="so", by="Ann", at=at)


READY, RUNNING, PAUSED = TaskState.READY, TaskState.RUNNING, TaskState.PAUSED


@pytest.mark.parametrize(
    ("history", "minutes_ago"),
    [
        ([], 10),
        ([step(READY, RUNNING, 60)], 10),
        ([step(READY, RUNNING, 3)], 3),
        ([step(READY, RUNNING, 60), step(RUNNING, PAUSED, 5), step(PAUSED, RUNNING, 2)], 2),
        ([step(READY, RUNNING, 60), step(RUNNING, RUNNING, 2)], 10),
    ],
)
def test_window(history: list[Move], minutes_ago: float) -> None:
    """Outcomes older than the window are forgotten, and those from before the campaign last began to call."""
    assert window_start(history, POLICY, now=NOW) == NOW - timedelta(minutes=minutes_ago)


def test_shares() -> None:
    """Each side is judged against all calls; a share of none is none."""
    line, numbers = sides(POLICY, {DONE: 3, CONGESTED: 1, NOBODY: 1})

    assert (line.blame, line.share, line.limit) == (Blame.LINE, 0.2, 0.3)
    assert (numbers.blame, numbers.share, numbers.limit) == (Blame.NUMBERS, 0.2, 0.6)
    assert [side.share for side in sides(POLICY, {})] == [0, 0]


@pytest.mark.parametrize(
    "wrong", [{"window_s": 0}, {"min_calls": 0}, {"max_line_share": 0}, {"max_numbers_share": 1.1}]
)
def test_impossible_policy(wrong: dict[str, float]) -> None:
    """Refused when it is made."""
    with pytest.raises(BadInput, match="circuit breaker's settings are impossible"):
        BreakerPolicy(**wrong)  # type: ignore[arg-type]

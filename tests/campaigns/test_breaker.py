"""The circuit breaker: counts over a moving window, and why a campaign pauses."""

from datetime import UTC, datetime, timedelta

import pytest

from opendeep_kit.campaigns.breaker import Breaker, BreakerPolicy
from opendeep_kit.errors import BadInput
from opendeep_kit.outcomes import Disposition, PhoneResult

START = datetime(2026, 3, 8, 15, tzinfo=UTC)
POLICY = BreakerPolicy(window_s=600, min_calls=10, max_line_share=0.3, max_numbers_share=0.6)
Outcome = tuple[PhoneResult, Disposition | None]
BUSY: Outcome = (PhoneResult.BUSY, None)
DONE: Outcome = (PhoneResult.ANSWERED, Disposition.COMPLETED)
CONGESTED: Outcome = (PhoneResult.CONGESTION, None)
MODEL_LOST: Outcome = (PhoneResult.ANSWERED, Disposition.FAILED)
NOBODY: Outcome = (PhoneResult.INVALID_NUMBER, None)


def after(*outcomes: Outcome, step_s: float = 1) -> tuple[Breaker, datetime]:
    """A breaker that saw these, one every `step_s`, and the time of the last."""
    breaker, at = Breaker(policy=POLICY), START
    for result, disposition in outcomes:
        at += timedelta(seconds=step_s)
        breaker = breaker.note(result, disposition, at=at)
    return breaker, at


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
    breaker, at = after(*outcomes)

    assert breaker.trips(at=at) == reason


def test_window_moves() -> None:
    """Failures older than the window are forgotten, and only then."""
    breaker, at = after(*[CONGESTED] * 10)

    assert breaker.trips(at=at + timedelta(seconds=500)) is not None
    assert breaker.trips(at=at + timedelta(seconds=661)) is None
    assert breaker.note(*DONE, at=at + timedelta(days=1)).trips(at=at + timedelta(days=1)) is None


def test_memory_is_bounded() -> None:
    """However many calls, it holds tenths of a window."""
    breaker, _ = after(*[BUSY, CONGESTED] * 500, step_s=7)

    assert len(breaker.slices) <= 10
    assert sum(piece.calls for piece in breaker.slices) <= 86


def test_result_that_comes_late() -> None:
    """An outcome older than the window changes nothing."""
    breaker, at = after(*[DONE] * 10)

    assert breaker.note(*CONGESTED, at=at - timedelta(hours=1)).slices == breaker.slices


@pytest.mark.parametrize(
    "wrong", [{"window_s": 0}, {"min_calls": 0}, {"max_line_share": 0}, {"max_numbers_share": 1.1}]
)
def test_impossible_policy(wrong: dict[str, float]) -> None:
    """Refused when it is made."""
    with pytest.raises(BadInput, match="circuit breaker's settings are impossible"):
        BreakerPolicy(**wrong)  # type: ignore[arg-type]

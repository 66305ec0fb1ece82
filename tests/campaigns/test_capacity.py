"""How many calls machines and model can take: dead, late and leaving workers, and a provider that says no."""

from datetime import UTC, datetime, timedelta

import pytest

from opendeep_kit.campaigns.capacity import CapacityPolicy, Provider, Worker, room
from opendeep_kit.errors import BadInput

NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
FREE = Provider()


def worker(slots: int = 20, *, lag: float = 2, seen: float = 1, is_draining: bool = False) -> Worker:
    """A worker seen so many seconds ago."""
    seen_at = NOW - timedelta(seconds=seen)
    return Worker(worker_id="w", free_slots=slots, loop_lag_ms=lag, seen_at=seen_at, is_draining=is_draining)


@pytest.mark.parametrize(
    ("workers", "provider", "calls", "bound_by"),
    [
        ([worker(), worker(5)], FREE, 25, "every media slot is taken"),
        ([worker(0)], FREE, 0, "every media slot is taken"),
        ([worker(-1), worker(4)], FREE, 4, "media workers are running late"),
        ([worker(lag=25)], FREE, 10, "media workers are running late"),
        ([worker(lag=40), worker(3, lag=10)], FREE, 3, "media workers are running late"),
        ([worker(is_draining=True), worker(3)], FREE, 3, "every media slot is taken"),
        ([worker(seen=15)], FREE, 20, "every media slot is taken"),
        ([worker(seen=15.1)], FREE, 0, "no media worker is alive"),
        ([], FREE, 0, "no media worker is alive"),
        ([worker()], Provider(calls_left=7, resets_at=LATER), 7, "the voice model's provider allows no more sessions at present"),
        ([worker()], Provider(calls_left=0), 0, "the voice model's provider allows no more sessions at present"),
        ([worker()], Provider(calls_left=0, resets_at=NOW), 20, "every media slot is taken"),
        ([worker()], Provider(blocked_until=LATER), 0, "the voice model's provider asked for a pause"),
        ([worker()], Provider(blocked_until=NOW), 20, "every media slot is taken"),
    ],
)  # fmt: skip
def test_room(workers: list[Worker], provider: Provider, calls: int, bound_by: str) -> None:
    """The number of calls, and what allows no more."""
    found = room(workers, provider, now=NOW)

    assert (found.calls, found.bound_by) == (calls, bound_by)


def test_impossible_policy() -> None:
    """A bad lag below the good one is refused."""
    with pytest.raises(BadInput, match="capacity policy is impossible"):
        CapacityPolicy(good_lag_ms=50, bad_lag_ms=50)

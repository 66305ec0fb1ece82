"""How many calls machines and model can take: dead, late and leaving workers, and a provider that says no."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opendeep_kit.campaigns.capacity import (
    Allowance,
    CapacityPolicy,
    Provider,
    Worker,
    WorkerState,
    carried,
    provider,
    room,
)
from opendeep_kit.errors import BadInput

NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
FREE = Provider()


def worker(slots: int = 20, *, lag: float = 2, seen: float = 1, **more: Any) -> Worker:
    """A worker seen so many seconds ago, with so many slots free of 30."""
    seen_at = NOW - timedelta(seconds=seen)
    at = {"host": "127.0.0.1", "port": 9092, "capacity": 30, "live_calls": 30 - slots, "given_calls": 0}
    return Worker(worker_id="w", loop_lag_ms=lag, started_at=NOW, seen_at=seen_at, **at | more)


@pytest.mark.parametrize(
    ("workers", "told", "calls", "bound_by"),
    [
        ([worker(), worker(5)], FREE, 25, "every media slot is taken"),
        ([worker(0)], FREE, 0, "every media slot is taken"),
        ([worker(-1), worker(4)], FREE, 4, "every media slot is taken"),
        ([worker(lag=25)], FREE, 10, "media workers are running late"),
        ([worker(lag=40), worker(3, lag=10)], FREE, 3, "media workers are running late"),
        ([worker(state=WorkerState.DRAINING), worker(3)], FREE, 3, "every media slot is taken"),
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
def test_room(workers: list[Worker], told: Provider, calls: int, bound_by: str) -> None:
    """The number of calls, and what allows no more."""
    found = room(workers, told, now=NOW)

    assert (found.calls, found.bound_by) == (calls, bound_by)


@pytest.mark.parametrize(
    ("allowances", "carries"),
    [
        ([], None),
        ([("tokens", 39_999, 30)], 4),
        ([("tokens", 39_999, 30), ("requests", 25, 40)], 2),
        ([("tokens", 0, 30), ("requests", 25, 40)], 0),
        ([("tokens", 0, 0), ("requests", 25, 40)], 2),
        ([("tokens", 0, 0)], None),
        ([("minutes", 0, 30)], None),
        ([("tokens", -5, 30)], 0),
    ],
)
def test_what_allowances_carry(allowances: list[tuple[str, float, float]], carries: int | None) -> None:
    """The scarcest decides; what is whole again and what we do not know bind nobody."""
    told = [
        Allowance(name=name, remaining=left, resets_at=NOW + timedelta(seconds=reset))
        for name, left, reset in allowances
    ]

    assert carried(told, now=NOW).carries == carries


@pytest.mark.parametrize(
    ("signs", "live", "left", "blocked"),
    [
        ([], 0, None, None),
        ([{}], 3, None, None),
        ([{"provider_carries": 10, "provider_resets_at": LATER}, {}], 3, 7, None),
        (
            [
                {"provider_carries": 10, "provider_resets_at": LATER},
                {"provider_carries": 4, "provider_resets_at": LATER},
            ],
            3,
            1,
            None,
        ),
        ([{"provider_carries": 2, "provider_resets_at": LATER}], 3, 0, None),
        (
            [{"provider_carries": 2, "provider_resets_at": NOW}, {"provider_carries": 9, "provider_resets_at": LATER}],
            3,
            6,
            None,
        ),
        ([{"provider_blocked_until": NOW}, {"provider_blocked_until": LATER}], 0, None, LATER),
    ],
)
def test_workers_share_one_account(
    signs: list[dict[str, Any]], live: int, left: int | None, blocked: datetime | None
) -> None:
    """The tightest word that still holds binds all, live calls draw on it too, and the longest pause is kept."""
    found = provider([worker(**sign) for sign in signs], live=live, now=NOW)

    assert (found.calls_left, found.blocked_until) == (left, blocked)


def test_impossible_policy() -> None:
    """A bad lag below the good one is refused."""
    with pytest.raises(BadInput, match="capacity policy is impossible"):
        CapacityPolicy(good_lag_ms=50, bad_lag_ms=50)

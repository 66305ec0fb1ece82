"""Says how many further calls the machines and the voice model can take now.

Given the media workers' heartbeats and what the model's provider said of its limits, returns a number and what bounds
it. A worker that is late, silent or leaving takes none; fewer calls are given to one that begins to be late. Where the
provider turns us away, or its allowances run low, fewer calls begin until the time that it named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from opendeep_kit.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One media worker's last heartbeat."""

    worker_id: str
    free_slots: int
    """Calls that it would still admit."""
    loop_lag_ms: float
    """How late its loop woke up, at the worst since the heartbeat before."""
    seen_at: datetime
    is_draining: bool = False
    """It ends when its calls have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of one thing that the voice model's provider counts, over all sessions of the account."""

    name: str
    """`requests` or `tokens`."""
    remaining: float
    resets_at: datetime
    """Whole again."""


NEEDS: dict[str, float] = {"requests": 10, "tokens": 8_000}
"""Of a call in a minute, about: every reply is a request and counts the talk so far again. Nothing else is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What one media worker was told by the provider."""

    carries: int | None = None
    """Calls in all that the allowances carry until `resets_at`; None: nothing was told."""
    resets_at: datetime | None = None
    blocked_until: datetime | None = None
    """It was turned away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What the voice model's side allows."""

    calls_left: int | None = None
    """Sessions that may still begin before `resets_at`; None: no limit is known."""
    resets_at: datetime | None = None
    blocked_until: datetime | None = None
    """It answered with 429 or asked for a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityPolicy:
    """When a worker counts as tired."""

    good_lag_ms: float = 10.0
    """Up to here all free slots are used."""
    bad_lag_ms: float = 40.0
    """From here on none: frames are due every 20 ms and may wait for 60."""
    silent_after_s: float = 15.0
    """Without a heartbeat for so long a worker is taken for dead."""

    def __post_init__(self) -> None:
        if not 0 <= self.good_lag_ms < self.bad_lag_ms or self.silent_after_s <= 0:
            raise BadInput("the capacity policy is impossible", do="set good lag below bad lag, and a time above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many calls may be placed now."""

    calls: int
    bound_by: str
    """What allows no more, in a clause."""


def room(
    workers: Sequence[Worker], provider: Provider, *, now: datetime, policy: CapacityPolicy = CapacityPolicy()
) -> Room:
    """What workers and provider can take together."""
    if provider.blocked_until is not None and now < provider.blocked_until:
        return Room(calls=0, bound_by="the voice model's provider asked for a pause")
    alive = [worker for worker in workers if now - worker.seen_at <= timedelta(seconds=policy.silent_after_s)]
    if not alive:
        return Room(calls=0, bound_by="no media worker is alive")
    calls = sum(slots(worker, policy) for worker in alive)
    free = sum(worker.free_slots for worker in alive if not worker.is_draining)
    bound_by = "every media slot is taken" if calls == free else "media workers are running late"
    left = provider.calls_left
    if left is not None and left < calls and (provider.resets_at is None or now < provider.resets_at):
        return Room(calls=max(0, left), bound_by="the voice model's provider allows no more sessions at present")
    return Room(calls=calls, bound_by=bound_by)


def carried(allowances: Sequence[Allowance], *, now: datetime) -> Sign:
    """How many calls these allowances carry: the scarcest decides, and one that is whole again no more."""
    counted = [allowance for allowance in allowances if allowance.name in NEEDS and allowance.resets_at > now]
    limits = [(max(0, int(allowance.remaining // NEEDS[allowance.name])), allowance.resets_at) for allowance in counted]
    if not limits:
        return Sign()
    carries, resets_at = min(limits)
    return Sign(carries=carries, resets_at=resets_at)


def provider(signs: Sequence[Sign], *, live: int, now: datetime) -> Provider:
    """What all workers together were told: they share one account.

    Args:
        live: calls that have not ended; they draw on the same allowances.
    """
    known = [
        (sign.carries, sign.resets_at) for sign in signs if sign.carries is not None and _later(sign.resets_at, now)
    ]
    carries, resets_at = min(known, default=(None, None), key=lambda pair: pair[0])
    blocked = [sign.blocked_until for sign in signs if sign.blocked_until is not None]
    return Provider(
        calls_left=None if carries is None else max(0, carries - live),
        resets_at=resets_at,
        blocked_until=max(blocked, default=None),
    )


def _later(at: datetime | None, now: datetime) -> bool:
    return at is None or at > now


def slots(worker: Worker, policy: CapacityPolicy) -> int:
    """How many calls one living worker is given: all its slots, falling in a straight line as it becomes late."""
    if worker.is_draining or worker.free_slots <= 0:
        return 0
    span = policy.bad_lag_ms - policy.good_lag_ms
    share = min(1.0, max(0.0, (policy.bad_lag_ms - worker.loop_lag_ms) / span))
    return int(worker.free_slots * share)

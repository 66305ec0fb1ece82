"""How many more calls the machines and the voice model can take now.

Given the media workers' heartbeats and what the model's provider said of its limits, returns a number and what bounds
it. A worker that is late, silent or draining takes none; one that begins to lag takes fewer. When the provider refuses
us, or its allowances run low, fewer calls start until the time it named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from opendeep_kit.errors import BadInput


class WorkerState(StrEnum):
    """Whether a media worker takes calls."""

    SERVING = "serving"
    DRAINING = "draining"
    """It ends when its calls have ended."""
    RESERVED = "reserved"
    """It takes the calls of its own process only: a notebook's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What a media worker says of itself."""

    worker_id: str
    """Another one after every start."""
    host: str
    """Where the line reaches it."""
    port: int
    capacity: int
    """Calls at a time."""
    live_calls: int
    loop_lag_ms: float = 0.0
    """How late its loop woke up, at the worst since the heartbeat before."""
    gap_share: float = 0.0
    """0..1 of the 20 ms slots that it skipped since the heartbeat before."""
    state: WorkerState = WorkerState.SERVING
    provider_carries: int | None = None
    """Calls of the whole account that the voice model's provider would carry now; None: it told nothing."""
    provider_resets_at: datetime | None = None
    """From then on that is outdated."""
    provider_blocked_until: datetime | None = None
    """The provider turned us away."""

    def __post_init__(self) -> None:
        if self.capacity < 0 or self.live_calls < 0 or not 0 < self.port < 65536:
            raise BadInput("a media worker's heartbeat is impossible", do="give counts from 0 up and a port to 65535")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker(Heartbeat):
    """A media worker as the others see it."""

    given_calls: int
    """Attempts for it that have not ended: those it does not know of yet included."""
    started_at: datetime
    seen_at: datetime

    @property
    def free_slots(self) -> int:
        """Calls that it can still be given by others; none when it drains, or serves its own process only."""
        taken = max(self.live_calls, self.given_calls)
        return max(0, self.capacity - taken) if self.state is WorkerState.SERVING else 0


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
    free = sum(worker.free_slots for worker in alive)
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


def provider(workers: Sequence[Worker], *, live: int, now: datetime) -> Provider:
    """What all workers together were told: they share one account.

    Args:
        live: calls that have not ended; they draw on the same allowances.
    """
    limits = [
        (worker.provider_carries, worker.provider_resets_at)
        for worker in workers
        if worker.provider_carries is not None and _later(worker.provider_resets_at, now)
    ]
    carries, resets_at = min(limits, default=(None, None), key=lambda limit: limit[0])
    pauses = [worker.provider_blocked_until for worker in workers if worker.provider_blocked_until is not None]
    return Provider(
        calls_left=None if carries is None else max(0, carries - live),
        resets_at=resets_at,
        blocked_until=max(pauses, default=None),
    )


def _later(at: datetime | None, now: datetime) -> bool:
    return at is None or at > now


def slots(worker: Worker, policy: CapacityPolicy) -> int:
    """How many calls one living worker is given: all its slots, falling in a straight line as it becomes late."""
    span = policy.bad_lag_ms - policy.good_lag_ms
    share = min(1.0, max(0.0, (policy.bad_lag_ms - worker.loop_lag_ms) / span))
    return int(worker.free_slots * share)

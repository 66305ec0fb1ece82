"""Decides whose calls are placed in the next moment, and when in it.

Given how many calls each campaign has due, what lines, tenants and campaigns allow, and whose turn it was, returns
places in order and the turn for next time; the same input gives the same plan. It sees counts, never contacts, so a
tick costs as much as the calls it places, however many wait.

Law: tenants share a trunk by weight (start-time fair queueing: the one served least, by its weight, is next; nobody
saves up turns while having nothing due or being held by a cap). Within a tenant a callback that was promised goes
first, then the higher priority, then the share by weight. Rates space calls evenly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush, heapreplace
from math import ceil

from opendeep_kit.errors import OurMistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A campaign with calls due."""

    campaign_id: str
    tenant_id: str
    trunk_id: str
    due: int
    """Contacts that are due and inside their windows."""
    promised: int = 0
    """How many of them asked for this time."""
    priority: int = 0
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What one of the limits still allows."""

    room: int | None = None
    """Further calls now; None: no limit here."""
    calls_per_s: float | None = None
    weight: float = 1.0
    """Of a tenant: its share."""
    bound_by: str = ""
    """Why there is no more room, in a clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLimits:
    """All limits of one moment. A trunk, tenant or campaign that is not here gets no call."""

    everyone: Limit
    trunks: Mapping[str, Limit]
    tenants: Mapping[str, Limit]
    campaigns: Mapping[str, Limit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Whose turn it is. An empty one is fair as well: it only forgets who was served last."""

    turns: Mapping[str, float] = field(default_factory=dict)
    """By `tenant:…` and `campaign:…`: calls so far over weight; the least is next."""
    reached: Mapping[str, float] = field(default_factory=dict)
    """By `trunk:…` and `tenant:…:priority`: the turn served last; who comes late begins there."""
    next_at: Mapping[str, datetime] = field(default_factory=dict)
    """By limit: when its rate allows the next call."""


@dataclass(frozen=True, slots=True)
class Place:
    """One call that may be placed."""

    campaign_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """What happens until the next tick."""

    places: tuple[Place, ...]
    """In order of time."""
    rotation: Rotation
    held: Mapping[str, str]
    """Campaigns with more calls due than places, and what holds them."""


def plan(
    demands: Sequence[Demand],
    limits: PlanLimits,
    rotation: Rotation,
    *,
    now: datetime,
    until: datetime,
    most: int = 1000,
) -> CallPlan:
    """The calls to place from `now` until the next tick.

    Args:
        most: never more places than so, whatever the limits say: the rest is for the next tick.
    """
    if not now < until:
        raise OurMistake("a plan was asked for no time at all", do="give a tick that ends after it begins")
    this = _Tick(demands, limits, rotation, now, until)
    while len(this.places) < most and this.step():
        pass
    return CallPlan(places=tuple(this.places), rotation=this.rotation(rotation), held=this.held(most))


# ---- inside -----------------------------------------------------------------------------------------


class _Gate:
    """A limit, counted down while planning."""

    __slots__ = ("bound_by", "gap", "key", "next_at", "room")

    def __init__(self, key: str, limit: Limit | None, rotation: Rotation, now: datetime) -> None:
        known = limit or Limit(room=0, bound_by=f"{key} is not known")
        self.key = key
        self.room = known.room
        self.bound_by = known.bound_by or f"{key} has as many calls as it may"
        # Rounded up: a rate is never exceeded, not by a microsecond either.
        self.gap = timedelta(microseconds=ceil(1e6 / known.calls_per_s)) if known.calls_per_s else None
        self.next_at = max(now, rotation.next_at.get(key, now)) if self.gap else now

    @property
    def is_full(self) -> bool:
        return self.room is not None and self.room <= 0

    def take(self, at: datetime) -> None:
        if self.room is not None:
            self.room -= 1
        if self.gap is not None:
            self.next_at = at + self.gap


class _Queue:
    """A campaign's due calls."""

    __slots__ = ("demand", "due", "gate", "promised", "turn")

    def __init__(self, demand: Demand, gate: _Gate, turn: float) -> None:
        self.demand, self.gate, self.turn = demand, gate, turn
        self.due, self.promised = demand.due, demand.promised

    @property
    def reached_key(self) -> str:
        return f"tenant:{self.demand.tenant_id}:{self.demand.priority}"

    def order(self) -> tuple[bool, int, float, str]:
        return (self.promised <= 0, -self.demand.priority, self.turn, self.demand.campaign_id)


class _Tenant:
    """A tenant in this tick."""

    __slots__ = ("gate", "queues", "tenant_id", "turn", "weight")

    def __init__(self, tenant_id: str, limit: Limit | None, gate: _Gate) -> None:
        self.tenant_id, self.gate, self.turn = tenant_id, gate, 0.0
        self.weight = limit.weight if limit else 1.0
        self.queues: dict[str, list[_Queue]] = {}
        """By trunk."""

    def choose(self, trunk_id: str, at: datetime) -> tuple[_Queue | None, datetime | None]:
        """The campaign whose call is next; or, when rates forbid any, when to look again."""
        able = [queue for queue in self.queues[trunk_id] if queue.due > 0 and not queue.gate.is_full]
        if self.gate.is_full or not able:
            return None, None
        ready = [queue for queue in able if max(queue.gate.next_at, self.gate.next_at) <= at]
        if not ready:
            return None, max(self.gate.next_at, min(queue.gate.next_at for queue in able))
        return min(ready, key=_Queue.order), None


class _Ring:
    """The tenants with calls due on one trunk: those that wait their turn, and those that a rate holds."""

    __slots__ = ("gate", "parked", "turn", "waiting")

    def __init__(self, gate: _Gate, turn: float) -> None:
        self.gate, self.turn = gate, turn
        self.waiting: list[tuple[float, str]] = []
        self.parked: list[tuple[datetime, str]] = []


class _Tick:
    """One plan in the making."""

    def __init__(
        self, demands: Iterable[Demand], limits: PlanLimits, rotation: Rotation, now: datetime, until: datetime
    ) -> None:
        self.now, self.until = now, until
        self.places: list[Place] = []
        self.everyone = _Gate("everyone", limits.everyone, rotation, now)
        self.tenants: dict[str, _Tenant] = {}
        self.rings: dict[str, _Ring] = {}
        self.reached = dict(rotation.reached)
        for demand in demands:
            if demand.due > 0:
                self._admit(demand, limits, rotation)
        for tenant_id, tenant in self.tenants.items():
            late = min(self.rings[trunk].turn for trunk in tenant.queues)
            tenant.turn = max(late, rotation.turns.get(f"tenant:{tenant_id}", 0.0))
            for trunk in tenant.queues:
                heappush(self.rings[trunk].waiting, (tenant.turn, tenant_id))
        self.order = [(ring.gate.next_at, ring.turn, trunk) for trunk, ring in sorted(self.rings.items())]
        self.order.sort()

    def _admit(self, demand: Demand, limits: PlanLimits, rotation: Rotation) -> None:
        trunk, tenant_id, campaign = demand.trunk_id, demand.tenant_id, demand.campaign_id
        if trunk not in self.rings:
            gate = _Gate(f"trunk:{trunk}", limits.trunks.get(trunk), rotation, self.now)
            self.rings[trunk] = _Ring(gate, rotation.reached.get(gate.key, 0.0))
        if tenant_id not in self.tenants:
            limit = limits.tenants.get(tenant_id)
            gate = _Gate(f"tenant:{tenant_id}", limit, rotation, self.now)
            self.tenants[tenant_id] = _Tenant(tenant_id, limit, gate)
        gate = _Gate(f"campaign:{campaign}", limits.campaigns.get(campaign), rotation, self.now)
        queue = _Queue(demand, gate, rotation.turns.get(gate.key, 0.0))
        queue.turn = max(queue.turn, rotation.reached.get(queue.reached_key, 0.0))
        self.tenants[tenant_id].queues.setdefault(trunk, []).append(queue)

    def step(self) -> bool:
        """Place one call, or find that a trunk has nothing now; False: the tick is full."""
        if not self.order or self.everyone.is_full:
            return False
        at, turn, trunk = heappop(self.order)
        earliest = max(at, self.everyone.next_at)
        ring = self.rings[trunk]
        if earliest >= self.until or ring.gate.is_full:
            return True
        if earliest > at:  # the common rate came in between: another trunk may be before this one now
            heappush(self.order, (earliest, turn, trunk))
            return True
        again = self._serve(ring, trunk, at)
        if again is not None:
            heappush(self.order, (max(again, ring.gate.next_at), ring.turn, trunk))
        return True

    def _serve(self, ring: _Ring, trunk: str, at: datetime) -> datetime | None:
        """Place this trunk's next call; returns when to look at it again, None: not in this tick."""
        while ring.parked and ring.parked[0][0] <= at:
            _, tenant_id = heappop(ring.parked)
            heappush(ring.waiting, (self.tenants[tenant_id].turn, tenant_id))
        while ring.waiting:
            turn, tenant_id = ring.waiting[0]
            tenant = self.tenants[tenant_id]
            if turn < tenant.turn:  # it was served meanwhile, here or on another trunk
                heapreplace(ring.waiting, (tenant.turn, tenant_id))
                continue
            queue, later = tenant.choose(trunk, at)
            if queue is not None:
                ring.turn = turn
                self._place(queue, tenant, ring, at)
                return at
            heappop(ring.waiting)
            if later is not None and later < self.until:
                heappush(ring.parked, (later, tenant_id))
        return ring.parked[0][0] if ring.parked else None

    def _place(self, queue: _Queue, tenant: _Tenant, ring: _Ring, at: datetime) -> None:
        self.places.append(Place(queue.demand.campaign_id, at))
        self.reached[ring.gate.key] = ring.turn
        self.reached[queue.reached_key] = queue.turn
        tenant.turn += 1 / tenant.weight
        queue.turn += 1 / queue.demand.weight
        queue.due -= 1
        queue.promised -= 1
        for gate in (self.everyone, ring.gate, tenant.gate, queue.gate):
            gate.take(at)

    def rotation(self, before: Rotation) -> Rotation:
        """For the next tick."""
        gates = [self.everyone, *(ring.gate for ring in self.rings.values())]
        turns = dict(before.turns)
        for tenant in self.tenants.values():
            turns[f"tenant:{tenant.tenant_id}"] = tenant.turn
            gates.append(tenant.gate)
            for queue in (queue for queues in tenant.queues.values() for queue in queues):
                turns[f"campaign:{queue.demand.campaign_id}"] = queue.turn
                gates.append(queue.gate)
        gated = dict(before.next_at) | {gate.key: gate.next_at for gate in gates if gate.gap}
        next_at = {key: at for key, at in gated.items() if at > self.now}
        return Rotation(turns=turns, reached=self.reached, next_at=next_at)

    def held(self, most: int) -> dict[str, str]:
        """What holds the calls that are due and have no place."""
        blocks = {}
        for tenant in self.tenants.values():
            for trunk, queues in tenant.queues.items():
                for queue in queues:
                    if queue.due > 0:
                        gates = (self.everyone, self.rings[trunk].gate, tenant.gate, queue.gate)
                        paced = "as many calls as a tick may hold" if len(self.places) >= most else "the rate"
                        full = next((gate.bound_by for gate in gates if gate.is_full), paced)
                        blocks[queue.demand.campaign_id] = full
        return blocks

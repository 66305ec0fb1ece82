"""A day of calls to a million contacts in every time zone, with a change of the clocks in it; no time is waited.

    python -m benchmarks.campaign_day [--contacts 1000000] [--tenants 50] [--day 2026-03-08]

The planner, the permission, the retries and the waiting room are the package's own; callees, their outcomes and the
clock are made up from a seed. Every call placed is checked again without the package: the number's zones, the wall
clock by `zoneinfo`, the hours as written here. Exit code 1 when one was outside.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

from benchmarks.day_report import DayReport, jain, show
from benchmarks.day_world import (
    GIVEN_AT,
    OUTCOMES,
    WEIGHTS,
    WHALE_SHARE,
    Running,
    is_inside,
    made_campaigns,
    made_numbers,
)
from opendeep_kit.campaigns.calendars import Clock, clock
from opendeep_kit.campaigns.capacity import Heartbeat, Provider, Worker, room
from opendeep_kit.campaigns.model import Consent, Flow
from opendeep_kit.campaigns.permission import may_we_call
from opendeep_kit.campaigns.planner import Demand, Limit, PlanLimits, Rotation, plan
from opendeep_kit.campaigns.retries import OutcomeKind, next_attempt, outcome_kind
from opendeep_kit.campaigns.rule_inputs import CappedFlow, Listed, RuleInputs, Use, closed_days
from opendeep_kit.campaigns.waiting import WaitingRoom
from opendeep_kit.campaigns.zones import Whereabouts, is_in_use, whereabouts
from opendeep_kit.outcomes import Disposition, PhoneResult


@dataclass(slots=True)
class Person:
    """One contact."""

    number: str
    whereabouts: Whereabouts
    clock: Clock
    campaign: int
    rung: tuple[datetime, ...] = ()
    kinds: dict[OutcomeKind, int] | None = None


class Day:
    """One simulated day."""

    def __init__(self, *, contacts: int, tenants: int, day: date, calls_per_s: float, tick_s: int, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = datetime(day.year, day.month, day.day, tzinfo=UTC)
        self.end = self.now + timedelta(days=1)
        self.calls_per_s = calls_per_s
        self.tick = timedelta(seconds=tick_s)
        self.ticks_an_hour = 3600 // tick_s
        self.slots = round(calls_per_s * 60)
        self.report = DayReport()
        self.waiting = WaitingRoom(self.now)
        self.rotation = Rotation()
        self.running = list(made_campaigns(tenants))
        self.by_id = {of.rules.campaign_id: of for of in self.running}
        for of in self.running:
            self.waiting.open_campaign(of.rules.campaign_id, of.rules.windows)
        self.live = 0
        self.live_of_tenant = {of.tenant.tenant_id: 0 for of in self.running}
        self.ends: list[tuple[datetime, int, int, PhoneResult, Disposition | None]] = []
        self.people: list[Person] = []
        self.hour: dict[str, list[int]] = {}
        """By tenant: calls placed, and ticks with calls due."""
        self.ticks_this_hour = 0
        self._import(contacts, tenants)

    # ---- the contacts -------------------------------------------------------------------------------

    def _import(self, contacts: int, tenants: int) -> None:
        began = time.perf_counter()
        clocks: dict[tuple[tuple[str, ...], str | None], Clock] = {}
        of_tenant: dict[int, list[int]] = {}
        for index, of in enumerate(self.running):
            of_tenant.setdefault(int(of.tenant.tenant_id[1:]), []).append(index)
        zones: set[str] = set()
        for number in made_numbers(contacts, self.rng):
            known = whereabouts(number)
            tenant = 0 if self.rng.random() < WHALE_SHARE else self.rng.randrange(tenants)
            index = self.rng.choice(of_tenant[tenant])
            of = self.running[index]
            self.report.refused_at_import += not (is_in_use(number) and known.zones)
            closed = closed_days(of.rules, known)
            key = (known.zones, closed.region)
            own = clocks.get(key)
            if own is None:
                own = clocks[key] = clock(known.zones, closed)
                zones.update(known.zones)
            # Those without a zone wait as well: that nobody calls them is for the rules to show.
            self.waiting.add(of.rules.campaign_id, len(self.people), own, due_at=self.now)
            self.people.append(Person(number, known, own, index))
        self.report.contacts, self.report.zones = len(self.people), len(zones)
        self.report.import_s = time.perf_counter() - began

    # ---- the day ------------------------------------------------------------------------------------

    def run(self) -> DayReport:
        """From midnight to midnight, UTC."""
        began = time.perf_counter()
        gc.freeze()  # the contacts stay: looking for garbage among a million of them would be measured as planning
        while self.now < self.end:
            until = self.now + self.tick
            self._end_calls()
            for at, person in self._planned(until):
                self._dial(at, person)
            self._count_hour()
            self.now = until
        self.report.left_waiting = len(self.waiting)
        gc.unfreeze()
        self.report.day_s = time.perf_counter() - began
        return self.report

    def _planned(self, until: datetime) -> list[tuple[datetime, int]]:
        """The calls of this tick: what the planner costs is measured here."""
        began = time.process_time()
        self.waiting.advance(self.now, until=until)
        beat = Heartbeat(worker_id="w", host="here", port=1, capacity=self.slots, live_calls=self.live, loop_lag_ms=2.0)
        workers = [Worker(**asdict(beat), given_calls=0, started_at=self.now, seen_at=self.now)]
        free = room(workers, Provider(), now=self.now)
        demands, campaigns = [], {}
        for of in self.running:
            due, promised = self.waiting.due(of.rules.campaign_id)
            if due:
                demands.append(_demand(of, due, promised))
                campaigns[of.rules.campaign_id] = Limit()
        tenants = {of.tenant.tenant_id: Limit(weight=of.tenant.weight) for of in self.running}
        everyone = Limit(room=free.calls, bound_by=free.bound_by)
        trunks = {"default": Limit(calls_per_s=self.calls_per_s)}
        limits = PlanLimits(everyone=everyone, trunks=trunks, tenants=tenants, campaigns=campaigns)
        made = plan(demands, limits, self.rotation, now=self.now, until=until)
        self.rotation = made.rotation
        taken = [(place.at, self.waiting.take(place.campaign_id)) for place in made.places]
        self.report.tick_ms.append((time.process_time() - began) * 1000)
        for tenant_id in {demand.tenant_id for demand in demands}:
            self.hour.setdefault(tenant_id, [0, 0])[1] += 1
        return [(at, int(str(found.contact_id))) for at, found in taken if found is not None]

    def _dial(self, at: datetime, index: int) -> None:
        person = self.people[index]
        of = self.running[person.campaign]
        tenant_id, number = of.tenant.tenant_id, person.number
        flows = (
            CappedFlow(name="this campaign", flow=of.rules.flow, use=Use(live=of.live)),
            CappedFlow(name="the tenant", flow=of.tenant.flow, use=Use(live=self.live_of_tenant[tenant_id])),
            CappedFlow(name="everybody", flow=Flow(max_live=self.slots), use=Use(live=self.live)),
        )
        case = RuleInputs(
            now=at,
            number=person.number,
            whereabouts=person.whereabouts,
            tenant=of.tenant,
            campaign=of.rules,
            dnc=Listed(everyone=number if number.startswith(("+1900", "+4490")) else None, snapshot="1"),
            consent=Consent(number=number, reference="form", given_at=GIVEN_AT),
            campaign_attempts=person.rung,
            tenant_attempts=person.rung,
            flows=flows,
        )
        decision = may_we_call(case)
        if not decision.is_allowed:
            name = decision.rule.value if decision.rule else ""
            self.report.refused[name] = self.report.refused.get(name, 0) + 1
            if decision.try_again_at is not None:
                self.waiting.add(of.rules.campaign_id, index, person.clock, due_at=decision.try_again_at)
            return
        self._check(at, person, of)
        person.rung = (*person.rung, at)
        self.live += 1
        of.live += 1
        self.live_of_tenant[tenant_id] += 1
        self.report.too_many_live += self.live > self.slots
        self.report.placed += 1
        self.report.placed_by_tenant[tenant_id] = self.report.placed_by_tenant.get(tenant_id, 0) + 1
        self.hour.setdefault(tenant_id, [0, 0])[0] += 1
        _, result, disposition, takes_s = self.rng.choices(OUTCOMES, WEIGHTS)[0]
        takes = timedelta(seconds=takes_s * (0.5 + self.rng.random()))
        heappush(self.ends, (at + takes, index, self.report.placed, result, disposition))

    def _end_calls(self) -> None:
        while self.ends and self.ends[0][0] <= self.now:
            at, index, _, result, disposition = heappop(self.ends)
            person = self.people[index]
            of = self.running[person.campaign]
            self.live -= 1
            of.live -= 1
            self.live_of_tenant[of.tenant.tenant_id] -= 1
            kind = outcome_kind(result, disposition)
            if person.kinds is None:
                person.kinds = {}
            person.kinds[kind] = person.kinds.get(kind, 0) + 1
            asked = at + timedelta(minutes=self.rng.randrange(30, 900)) if kind is OutcomeKind.CALLBACK else None
            then = next_attempt(
                of.rules.retries,
                person.kinds,
                kind,
                ended_at=at,
                opening=self.waiting.opening(of.rules.campaign_id, person.clock),
                rng=self.rng,
                callback_at=asked,
            )
            if then.at is not None:
                campaign_id = of.rules.campaign_id
                self.waiting.add(campaign_id, index, person.clock, due_at=then.at, is_promised=then.is_promised)

    # ---- what is checked ----------------------------------------------------------------------------

    def _check(self, at: datetime, person: Person, of: Running) -> None:
        zones: Sequence[str] = person.whereabouts.zones
        if self.report.placed % 50 == 0:
            zones = timezone.time_zones_for_number(phonenumbers.parse(person.number))
        moment = at.timestamp()
        walls = [datetime.fromtimestamp(moment, _zone(name)) for name in zones]
        self.report.outside += not zones or not all(is_inside(of.hours, wall) for wall in walls)
        cap = of.rules.caps.per_day or 0
        for wall in walls:
            today = [rung for rung in person.rung if rung.astimezone(wall.tzinfo).date() == wall.date()]
            self.report.over_cap += len(today) >= cap

    def _count_hour(self) -> None:
        self.ticks_this_hour += 1
        if self.ticks_this_hour < self.ticks_an_hour:
            return
        busy = [calls for calls, backlogged in self.hour.values() if backlogged >= self.ticks_an_hour]
        if len(busy) > 1:
            self.report.fairness.append(jain(busy))
        self.hour, self.ticks_this_hour = {}, 0


def _demand(of: Running, due: int, promised: int) -> Demand:
    return Demand(
        campaign_id=of.rules.campaign_id,
        tenant_id=of.rules.tenant_id,
        trunk_id=of.rules.trunk_id,
        due=due,
        promised=promised,
        priority=of.rules.priority,
        weight=of.rules.weight,
    )


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def main() -> int:
    """Run a day and print what it came to."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--contacts", type=int, default=1_000_000)
    arguments.add_argument("--tenants", type=int, default=50)
    arguments.add_argument("--day", type=date.fromisoformat, default=date(2026, 3, 8))
    arguments.add_argument("--calls-per-s", type=float, default=12.0)
    arguments.add_argument("--tick-s", type=int, default=2)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    day = Day(
        contacts=given.contacts,
        tenants=given.tenants,
        day=given.day,
        calls_per_s=given.calls_per_s,
        tick_s=given.tick_s,
        seed=given.seed,
    )
    found = day.run()
    show(found, f"{given.tenants} tenants, {given.day} UTC")
    return 1 if found.outside or found.over_cap or found.too_many_live else 0


if __name__ == "__main__":
    sys.exit(main())

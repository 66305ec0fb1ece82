"""A day of calls to many contacts in every time zone, with a change of the clocks in it; no time is waited.

    python -m benchmarks.campaign_day [--contacts 20000] [--tenants 20] [--day 2026-03-08] [--url postgresql://…]

The record, the planner, the permission and the retries are the package's own; callees, their outcomes and the clock are
made up from a seed. Every call placed is checked again without the package: the number's zones, the wall clock by
`zoneinfo`, the hours as written here. Exit code 1 when one was outside.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
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
from opendeep_kit.campaigns.capacity import Heartbeat
from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.campaigns.model import Consent
from opendeep_kit.campaigns.retries import OutcomeKind, next_attempt, outcome_kind
from opendeep_kit.campaigns.rule_inputs import closed_days
from opendeep_kit.campaigns.windows import next_opening
from opendeep_kit.campaigns.zones import Whereabouts, is_in_use, whereabouts
from opendeep_kit.engine.permits import checker
from opendeep_kit.engine.planning import Planned, Planning
from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import attempts, campaigns, claiming, consents, counters, directory, enrolling, workers
from opendeep_kit.record.attempts import Attempt, AttemptResult, finish_attempt
from opendeep_kit.record.database import open_database
from opendeep_kit.record.enrolments import NextStep
from opendeep_kit.settings import FlowSettings, ServiceSettings
from opendeep_kit.tenants import Tenant


@dataclass(slots=True)
class Person:
    """One contact, as the checks know them: kept apart from the record."""

    whereabouts: Whereabouts
    rung: list[datetime] = field(default_factory=list)
    kinds: Counter[OutcomeKind] = field(default_factory=Counter)


class Day:
    """One simulated day."""

    def __init__(
        self, url: str, *, contacts: int, tenants: int, day: date, calls_per_s: float, tick_s: int, seed: int
    ) -> None:
        self.database = open_database(url)
        self.rng = random.Random(seed)
        self.now = datetime(day.year, day.month, day.day, tzinfo=UTC)
        self.end = self.now + timedelta(days=1)
        self.tick = timedelta(seconds=tick_s)
        self.ticks_an_hour = 3600 // tick_s
        self.slots = max(2, round(calls_per_s * 240))
        self.report = DayReport()
        trunk = FlowSettings(calls_per_s=calls_per_s)
        settings = ServiceSettings(tick_s=tick_s, worker_dead_after_s=2 * tick_s, trunks={"default": trunk})
        self.planning = Planning(self.database, settings)
        self.check = checker(settings, worker_capacity=self.slots, reaches_people=True)
        self.running = {(of.rules.tenant_id, of.rules.campaign_id): of for of in made_campaigns(tenants)}
        self.ends: list[tuple[datetime, int, Attempt, PhoneResult, Disposition | None]] = []
        self.people: dict[tuple[str, str, str], Person] = {}
        self.hour: dict[str, list[int]] = {}
        """By tenant: calls placed, and ticks with calls due."""
        self.ticks_this_hour = 0
        self._import(contacts, tenants)

    # ---- the contacts -------------------------------------------------------------------------------

    def _import(self, contacts: int, tenants: int) -> None:
        began = time.perf_counter()
        for of in self.running.values():
            tenant = Tenant(tenant_id=of.tenant.tenant_id, display_name=of.tenant.tenant_id)
            directory.save_tenant(self.database, tenant, now=self.now)
            campaigns.save_limits(self.database, of.tenant)
            campaigns.create(self.database, of.rules, by="benchmark", now=self.now)
        lists: dict[tuple[str, str], list[Contact]] = {key: [] for key in self.running}
        zones: set[str] = set()
        for number in made_numbers(contacts, self.rng):
            tenant_number = 0 if self.rng.random() < WHALE_SHARE else self.rng.randrange(tenants)
            of_tenant = [key for key in self.running if key[0] == f"t{tenant_number}"]
            key = self.rng.choice(of_tenant)
            where = whereabouts(number)
            self.report.refused_at_import += not (is_in_use(number) and where.zones)
            zones.update(where.zones)
            # Those without a zone are enrolled as well: that nobody calls them is for the rules to show.
            lists[key].append(Contact(contact_id=number, number=number))
            self.people[(*key, number)] = Person(where)
        for key, people in lists.items():
            given = [Consent(number=person.number, reference="form", given_at=GIVEN_AT) for person in people]
            consents.save_consents(self.database, key[0], given, now=self.now)
            enrolling.enrol(self.database, *key, people, now=self.now)
        self.report.contacts, self.report.zones = len(self.people), len(zones)
        self.report.import_s = time.perf_counter() - began

    # ---- the day ------------------------------------------------------------------------------------

    def run(self) -> DayReport:
        """From midnight to midnight, UTC."""
        began = time.perf_counter()
        while self.now < self.end:
            self._end_calls()
            for planned in self._planned():
                self._dial(planned)
            self._count_hour()
            self.now += self.tick
        keys = self.running
        self.report.left_waiting = sum(counters.counts(self.database, *key).waiting for key in keys)
        self.report.day_s = time.perf_counter() - began
        self.database.close()
        return self.report

    def _planned(self) -> list[Planned]:
        """The calls of this tick: what the planner costs is measured here, its look at the record included."""
        beat = Heartbeat(worker_id="m", host="here", port=1, capacity=self.slots, live_calls=len(self.ends))
        workers.beat(self.database, beat, now=self.now)
        live = attempts.open_attempts(self.database)
        began = time.process_time()
        tick = self.planning.tick(self.now, live=live, asked=frozenset())
        self.report.tick_ms.append((time.process_time() - began) * 1000)
        for tenant_id in {key.partition("/")[0] for key in tick.held}:
            self.hour.setdefault(tenant_id, [0, 0])[1] += 1
        return tick.calls

    def _dial(self, planned: Planned) -> None:
        attempt = claiming.NewAttempt(
            attempt_id=str(uuid.UUID(int=self.rng.getrandbits(128))),
            control_id="control",
            trunk_id="default",
            worker_id="m",
            media_host="here",
            media_port=1,
        )
        of = self.running[planned.tenant_id, planned.campaign_id]
        claim = claiming.claim(
            self.database, planned.tenant_id, planned.enrolment_id, attempt, check=self.check, now=planned.at
        )
        if claim.attempt is None:
            name = (claim.ruling.rule if claim.ruling else None) or claim.outcome
            self.report.refused[name] = self.report.refused.get(name, 0) + 1
            return
        person = self.people[planned.tenant_id, planned.campaign_id, claim.attempt.number]
        self._check(planned.at, claim.attempt.number, person, of)
        person.rung.append(planned.at)
        self.report.placed += 1
        tenant_id = planned.tenant_id
        self.report.placed_by_tenant[tenant_id] = self.report.placed_by_tenant.get(tenant_id, 0) + 1
        self.hour.setdefault(tenant_id, [0, 0])[0] += 1
        _, result, disposition, takes_s = self.rng.choices(OUTCOMES, WEIGHTS)[0]
        takes = timedelta(seconds=takes_s * (0.5 + self.rng.random()))
        heappush(self.ends, (planned.at + takes, self.report.placed, claim.attempt, result, disposition))
        self.report.too_many_live += len(self.ends) > self.slots

    def _end_calls(self) -> None:
        while self.ends and self.ends[0][0] <= self.now:
            at, _, attempt, result, disposition = heappop(self.ends)
            of = self.running[attempt.tenant_id, attempt.campaign_id]
            person = self.people[attempt.tenant_id, attempt.campaign_id, attempt.number]
            kind = outcome_kind(result, disposition)
            person.kinds[kind] += 1
            asked = at + timedelta(minutes=self.rng.randrange(30, 900)) if kind is OutcomeKind.CALLBACK else None
            following = next_attempt(
                of.rules.retries,
                person.kinds,
                kind,
                ended_at=at,
                opening=_opening(of, person.whereabouts),
                rng=self.rng,
                callback_at=asked,
            )
            step = NextStep(at=following.at, reason=following.reason, is_callback=following.is_promised)
            ended = AttemptResult(phone_result=result, disposition=disposition or Disposition.NOT_REACHED)
            finish_attempt(self.database, attempt.tenant_id, attempt.attempt_id, ended, step, now=at)

    # ---- what is checked ----------------------------------------------------------------------------

    def _check(self, at: datetime, number: str, person: Person, of: Running) -> None:
        zones: Sequence[str] = person.whereabouts.zones
        if self.report.placed % 50 == 0:
            zones = timezone.time_zones_for_number(phonenumbers.parse(number))
        walls = [datetime.fromtimestamp(at.timestamp(), _zone(name)) for name in zones]
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


def _opening(of: Running, where: Whereabouts) -> Callable[[datetime], datetime | None]:
    closed = closed_days(of.rules, where)
    return lambda after: next_opening(of.rules.windows, where.zones, after, closed)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def main() -> int:
    """Run a day and print what it came to."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--url", default="", help="an empty database; none: a file of SQLite that is thrown away")
    arguments.add_argument("--contacts", type=int, default=20_000)
    arguments.add_argument("--tenants", type=int, default=20)
    arguments.add_argument("--day", type=date.fromisoformat, default=date(2026, 3, 8))
    arguments.add_argument("--calls-per-s", type=float, default=0.25)
    arguments.add_argument("--tick-s", type=int, default=60)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    with ExitStack() as stack:
        url = given.url or f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/opendeep.db"
        day = Day(
            url,
            contacts=given.contacts,
            tenants=given.tenants,
            day=given.day,
            calls_per_s=given.calls_per_s,
            tick_s=given.tick_s,
            seed=given.seed,
        )
        report = day.run()
    show(report, f"{given.tenants} tenants, {given.day} UTC")
    return 1 if report.outside or report.over_cap or report.too_many_live else 0


if __name__ == "__main__":
    sys.exit(main())

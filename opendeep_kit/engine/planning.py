"""Connects the record to the planner: what is due and allowed now, in the planner's terms.

Given the record and the time, reads the facts of the moment, fetches as many due contacts as there is room for, and
lets the planner decide whose turn it is. A tick's cost grows with the calls it may place and the hour groups, not with
the contacts.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from opendeep_kit.campaigns import capacity
from opendeep_kit.campaigns.calendars import Calendar, clock
from opendeep_kit.campaigns.model import Campaign, Flow, Money
from opendeep_kit.campaigns.planner import Demand, Limit, PlanLimits, Rotation, plan
from opendeep_kit.campaigns.rule_inputs import at_any_hour, closed_days
from opendeep_kit.engine.blocked_by import RESERVED, UNREACHED
from opendeep_kit.engine.permits import to_flow
from opendeep_kit.record import attempts, enrolments
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolments import Due
from opendeep_kit.record.hour_groups import HourGroup
from opendeep_kit.record.plan_facts import PlanFacts, Running, read_plan_facts
from opendeep_kit.rehearsal.public import GIVEN_OUT_LIKE, MADE_UP_LIKE
from opendeep_kit.settings import ServiceSettings

ONLY_MADE_UP: dict[str, Any] = {"numbers_like": MADE_UP_LIKE, "but_like": GIVEN_OUT_LIKE}
REMEMBERED = timedelta(minutes=1)
"""So long a campaign is not looked at again whose due contacts the line does not reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One call to ask permission for."""

    tenant_id: str
    campaign_id: str
    enrolment_id: int
    at: datetime


@dataclass(slots=True)
class Tick:
    """What one look at the record came to."""

    calls: list[Planned] = field(default_factory=list)
    held: Mapping[str, str] = field(default_factory=dict)
    """By `tenant/campaign`: what holds its due calls."""
    bound_by: str = ""
    """What allows no call at all, in a clause."""


class Planning:
    """Remembers whose turn it was, and the calendars, between ticks.

    Args:
        settings: limits of the whole installation and its trunks.
    """

    def __init__(self, database: Database, settings: ServiceSettings) -> None:
        self._database = database
        self._settings = settings
        self._tired = capacity.CapacityPolicy(
            good_lag_ms=settings.lag_good_ms,
            bad_lag_ms=settings.lag_bad_ms,
            silent_after_s=settings.worker_dead_after_s,
        )
        self._rotation = Rotation()
        self._calendars: dict[tuple[object, str], Calendar] = {}
        self._unreached: dict[str, datetime] = {}
        """By campaign: until when nobody in it is looked for whom a line without a trunk reaches."""

    def tick(
        self,
        now: datetime,
        *,
        live: Sequence[attempts.Attempt],
        asked: frozenset[int],
        reaches_people: bool = True,
    ) -> Tick:
        """Whose calls are placed until the next tick. Blocks: call it off the loop.

        Args:
            live: attempts that have not ended.
            asked: enrolments for which permission is being asked now.
            reaches_people: False: there is no line but to the rehearsal's public; all but made-up numbers stay due.
        """
        service = self._settings
        facts = read_plan_facts(self._database, now=now, alive_within_s=service.worker_dead_after_s)
        most, bound_by = self._room(facts, len(live), len(asked), now)
        if most <= 0:
            return Tick(bound_by=bound_by)
        open_now = {of.campaign.key: self._open(of, now, reaches_people) for of in facts.running}
        due: dict[str, deque[Due]] = {
            of.campaign.key: self._due(of.campaign, open_now[of.campaign.key], now, most, asked, reaches_people)
            for of in facts.running
        }
        busy = [of for of in facts.running if due[of.campaign.key]]
        made = plan(
            [_demand(of.campaign, due[of.campaign.key]) for of in busy],
            self._limits(facts, busy, live, most, bound_by),
            self._rotation,
            now=now,
            until=now + timedelta(seconds=service.tick_s),
            most=most,
        )
        self._rotation = made.rotation
        campaigns: dict[str, Campaign] = {of.campaign.key: of.campaign for of in busy}
        calls = [
            Planned(
                tenant_id=campaigns[place.campaign_id].tenant_id,
                campaign_id=campaigns[place.campaign_id].campaign_id,
                enrolment_id=due[place.campaign_id].popleft().enrolment_id,
                at=place.at,
            )
            for place in made.places
        ]
        unreached = {name: UNREACHED for name, again in self._unreached.items() if not reaches_people and now < again}
        return Tick(calls=calls, held={**made.held, **unreached})

    def _room(self, facts: PlanFacts, live: int, asked: int, now: datetime) -> tuple[int, str]:
        """How many calls may be asked for, and what allows no more."""
        provider = capacity.provider(facts.workers, live=live, now=now)
        room = capacity.room(facts.workers, provider, now=now, policy=self._tired)
        everyone = self._settings.everyone.max_live
        if everyone is not None and everyone - live < room.calls:
            left = everyone - live
            return left - asked, "the installation has as many calls as it may"
        return room.calls - asked, room.bound_by

    def _open(self, of: Running, now: datetime, reaches_people: bool) -> list[int]:
        """The campaign's hour groups that have somebody due and are open."""
        campaign = of.campaign
        if campaign.starts_at is not None and now < campaign.starts_at:
            return []
        if not reaches_people and now < self._unreached.get(campaign.key, now):
            return []
        # Without a line to people only made-up numbers are looked for.
        rules = campaign if reaches_people else at_any_hour(campaign)
        return [
            group.hour_group_id for group in of.hour_groups if _is_due(group, now) and self._is_open(rules, group, now)
        ]

    def _is_open(self, campaign: Campaign, group: HourGroup, now: datetime) -> bool:
        where = group.whereabouts
        if not where.zones:
            # Asked nevertheless: the rules refuse it, and the ledger says why.
            return True
        of = clock(where.zones, closed_days(campaign, where))
        key = (campaign.windows, of.key)
        if key not in self._calendars:
            self._calendars[key] = Calendar(campaign.windows, of)
        opening = self._calendars[key].opening(now)
        # An hour group that never opens is asked too: its contacts end with the reason.
        return opening is None or opening <= now

    def _due(
        self,
        campaign: Campaign,
        open_now: Sequence[int],
        now: datetime,
        most: int,
        asked: frozenset[int],
        reaches_people: bool,
    ) -> deque[Due]:
        """The campaign's contacts to call next, no more than there is room for; callbacks first."""
        if not open_now:
            return deque()
        of, only = (campaign.tenant_id, campaign.campaign_id), {} if reaches_people else ONLY_MADE_UP
        limit = most + len(asked)
        due = enrolments.due(self._database, *of, now=now, limit=limit, hour_group_ids=open_now, **only)
        if not (due or reaches_people) and enrolments.waits_for_others(self._database, *of, **only, now=now):
            # To find nobody all who are due are looked at: that is not done again at every tick.
            self._unreached[campaign.key] = now + REMEMBERED
        return deque(who for who in due if who.enrolment_id not in asked)

    def _limits(
        self,
        facts: PlanFacts,
        busy: Sequence[Running],
        live: Sequence[attempts.Attempt],
        most: int,
        bound_by: str,
    ) -> PlanLimits:
        by_trunk = Counter(attempt.trunk_id for attempt in live)
        by_tenant = Counter(attempt.tenant_id for attempt in live)
        by_campaign = Counter((attempt.tenant_id, attempt.campaign_id) for attempt in live)
        affordable = {of.campaign.key: _affordable(of, most) for of in busy}
        shared: dict[str, int] = {}
        for of in busy:
            left = affordable[of.campaign.key][1]
            if left:
                # By the most expensive call that still fits: with several prices, never plan too many.
                shared[of.campaign.tenant_id] = min(left, shared.get(of.campaign.tenant_id, left))
        return PlanLimits(
            everyone=Limit(room=most, calls_per_s=self._settings.everyone.calls_per_s, bound_by=bound_by),
            trunks={
                name: _limit(to_flow(trunk), by_trunk[name], bound_by="the trunk has as many calls as it may")
                for name, trunk in self._settings.trunks.items()
            },
            tenants={
                name: _limit(
                    of_tenant.flow,
                    by_tenant[name],
                    of_tenant.weight,
                    "the tenant has as many calls as it may",
                    shared.get(name),
                )
                for name, of_tenant in facts.limits.items()
            },
            campaigns={
                of.campaign.key: _limit(
                    of.campaign.flow,
                    by_campaign[of.campaign.tenant_id, of.campaign.campaign_id],
                    of.campaign.weight,
                    "the campaign has as many calls as it may",
                    affordable[of.campaign.key][0],
                )
                for of in busy
            },
        )


def _affordable(of: Running, most: int) -> tuple[int | None, int | None]:
    """How many calls the money allows that is left to the campaign, and to its tenant; None: no budget is kept.

    The rules would refuse what exceeds it; so it is not asked about.
    """
    campaign, shared = of.campaign, of.limits.budget if of.limits else None
    by_own = None if campaign.budget is None else _calls_within(campaign.budget, of.spent, campaign.call_cost, most)
    by_shared = None if shared is None else _calls_within(shared, of.tenant_spent, campaign.call_cost, most)
    both = [calls for calls in (by_own, by_shared) if calls is not None]
    return min(both, default=None), by_shared


def _limit(flow: Flow, live: int, weight: float = 1.0, bound_by: str = "", affordable: int | None = None) -> Limit:
    room = None if flow.max_live is None else max(0, flow.max_live - live)
    if affordable is not None and (room is None or affordable < room):
        room, bound_by = affordable, RESERVED
    return Limit(room=room, calls_per_s=flow.calls_per_s, weight=weight, bound_by=bound_by)


def _calls_within(budget: Money, used: Mapping[str, int], cost: Money | None, most: int) -> int:
    """How many further calls the budget holds, `most` at most; none while their cost is not known in its currency."""
    left = budget.minor - used.get(budget.currency, 0)
    if cost is None or cost.currency != budget.currency or left < 0:
        return 0
    return min(most, left // cost.minor) if cost.minor else most


def _demand(campaign: Campaign, due: deque[Due]) -> Demand:
    return Demand(
        campaign_id=campaign.key,
        tenant_id=campaign.tenant_id,
        trunk_id=campaign.trunk_id,
        due=len(due),
        promised=sum(who.is_callback for who in due),
        priority=campaign.priority,
        weight=campaign.weight,
    )


def _is_due(hour_group: HourGroup, now: datetime) -> bool:
    return any(at is not None and at <= now for at in (hour_group.next_at, hour_group.next_callback_at))

"""Connects the record to the planner: what is due and allowed now, in the planner's terms.

Given the record and the time, counts live calls, fetches as many due contacts as there is room for, and lets the
planner decide whose turn it is. A tick's cost grows with the calls it may place and the hour groups, not with the
contacts.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from opendeep_kit.campaigns import capacity
from opendeep_kit.campaigns.calendars import Calendar, clock
from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import Campaign, Flow, Money, TenantLimits
from opendeep_kit.campaigns.planner import Demand, Limit, Place, PlanLimits, Rotation, plan
from opendeep_kit.campaigns.rule_inputs import at_any_hour, closed_days
from opendeep_kit.engine.blocked_by import RESERVED, UNREACHED
from opendeep_kit.engine.permits import to_flow
from opendeep_kit.record import attempts, campaigns, counters, enrolments, workers
from opendeep_kit.record.claim_facts import HAND_TRUNK, by_hand
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolments import Due, waits_for_others
from opendeep_kit.record.hour_groups import HourGroup, hour_groups_of
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


@dataclass(frozen=True, slots=True)
class Affordable:
    """How many calls the money that is left allows; who keeps no budget is not in it."""

    campaigns: dict[str, int] = field(default_factory=dict)
    """By `tenant/campaign`."""
    tenants: dict[str, int] = field(default_factory=dict)


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
        found = workers.alive(self._database, now=now, within_s=self._settings.worker_dead_after_s)
        provider = capacity.provider(found, live=len(live), now=now)
        room = capacity.room(found, provider, now=now, policy=self._tired)
        with self._database.read() as connection:
            hand = Counter({name: of.live for name, of in by_hand(connection, now=now).items()})
        most = room.calls - len(asked)
        bound_by, everyone = room.bound_by, self._settings.everyone.max_live
        if everyone is not None and everyone - len(live) - hand.total() - len(asked) < most:
            most = everyone - len(live) - hand.total() - len(asked)
            bound_by = "the installation has as many calls as it may"
        if most <= 0:
            return Tick(bound_by=bound_by)
        tenants = campaigns.all_limits(self._database)
        running = campaigns.all_campaigns(self._database, [TaskState.RUNNING])
        due = {_key(one): self._due(one, now, most, asked, reaches_people) for one in running}
        money = self._affordable([one for one in running if due[_key(one)]], tenants, most)
        limits = self._limits(running, tenants, live, hand, most, bound_by, money)
        demands = [_demand(one, due[_key(one)]) for one in running if due[_key(one)]]
        until = now + timedelta(seconds=self._settings.tick_s)
        made = plan(demands, limits, self._rotation, now=now, until=until, most=most)
        self._rotation = made.rotation
        calls = _assign(made.places, due, {_key(one): one for one in running})
        unreached = {name: UNREACHED for name, again in self._unreached.items() if not reaches_people and now < again}
        return Tick(calls=calls, held={**made.held, **unreached})

    def _due(
        self, campaign: Campaign, now: datetime, most: int, asked: frozenset[int], reaches_people: bool
    ) -> deque[Due]:
        """The campaign's contacts to call next, no more than there is room for; callbacks first."""
        if campaign.starts_at is not None and now < campaign.starts_at:
            return deque()
        mine = (campaign.tenant_id, campaign.campaign_id)
        if not reaches_people and now < self._unreached.get(_key(campaign), now):
            return deque()
        # Without a line to people only made-up numbers are looked for.
        rules = campaign if reaches_people else at_any_hour(campaign)
        hour_groups = hour_groups_of(self._database, *mine)
        open_now = [
            hour_group.hour_group_id
            for hour_group in hour_groups
            if _is_due(hour_group, now) and self._is_open(rules, hour_group, now)
        ]
        if not open_now:
            return deque()
        found = enrolments.due(
            self._database,
            *mine,
            now=now,
            limit=most + len(asked),
            hour_group_ids=open_now,
            **({} if reaches_people else ONLY_MADE_UP),
        )
        if not (found or reaches_people) and waits_for_others(self._database, *mine, **ONLY_MADE_UP, now=now):
            # RuleAnswer nobody means to look at all who are due: that is not done again at every tick.
            self._unreached[_key(campaign)] = now + REMEMBERED
        return deque(one for one in found if one.enrolment_id not in asked)

    def _is_open(self, campaign: Campaign, hour_group: HourGroup, now: datetime) -> bool:
        where = hour_group.whereabouts
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

    def _affordable(self, busy: Sequence[Campaign], tenants: Mapping[str, TenantLimits], most: int) -> Affordable:
        """Asked of those alone that have calls due and keep a budget: the rules would refuse what exceeds it."""
        found = Affordable()
        for one in busy:
            shared = tenants[one.tenant_id].budget if one.tenant_id in tenants else None
            if one.budget is None and shared is None:
                continue
            with self._database.read() as connection:
                mine, all_ = counters.money(connection, one.tenant_id, one.campaign_id)
            by_own = most if one.budget is None else _calls_within(one.budget, mine, one.call_cost, most)
            by_shared = most if shared is None else _calls_within(shared, all_, one.call_cost, most)
            found.campaigns[_key(one)] = min(by_own, by_shared)
            if shared is not None and by_shared:
                # By the most expensive call that still fits: with several prices, never plan too many.
                found.tenants[one.tenant_id] = min(by_shared, found.tenants.get(one.tenant_id, by_shared))
        return found

    def _limits(
        self,
        running: Sequence[Campaign],
        tenants: Mapping[str, TenantLimits],
        live: Sequence[attempts.Attempt],
        hand: Counter[str],
        most: int,
        bound_by: str,
        money: Affordable,
    ) -> PlanLimits:
        by_trunk = Counter(one.trunk_id for one in live) + Counter({HAND_TRUNK: hand.total()})
        by_tenant = Counter(one.tenant_id for one in live) + hand
        by_campaign = Counter((one.tenant_id, one.campaign_id) for one in live)
        return PlanLimits(
            everyone=Limit(room=most, calls_per_s=self._settings.everyone.calls_per_s, bound_by=bound_by),
            trunks={
                name: _limit(to_flow(trunk), by_trunk[name], bound_by="the trunk has as many calls as it may")
                for name, trunk in self._settings.trunks.items()
            },
            tenants={
                name: _limit(
                    of.flow,
                    by_tenant[name],
                    of.weight,
                    "the tenant has as many calls as it may",
                    money.tenants.get(name),
                )
                for name, of in tenants.items()
            },
            campaigns={
                _key(one): _limit(
                    one.flow,
                    by_campaign[one.tenant_id, one.campaign_id],
                    one.weight,
                    "the campaign has as many calls as it may",
                    money.campaigns.get(_key(one)),
                )
                for one in running
            },
        )


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
        campaign_id=_key(campaign),
        tenant_id=campaign.tenant_id,
        trunk_id=campaign.trunk_id,
        due=len(due),
        promised=sum(one.is_callback for one in due),
        priority=campaign.priority,
        weight=campaign.weight,
    )


def _assign(places: Sequence[Place], due: Mapping[str, deque[Due]], running: Mapping[str, Campaign]) -> list[Planned]:
    """Contacts for the places, in order."""
    return [
        Planned(
            tenant_id=running[place.campaign_id].tenant_id,
            campaign_id=running[place.campaign_id].campaign_id,
            enrolment_id=due[place.campaign_id].popleft().enrolment_id,
            at=place.at,
        )
        for place in places
    ]


def _is_due(hour_group: HourGroup, now: datetime) -> bool:
    return any(at is not None and at <= now for at in (hour_group.next_at, hour_group.next_callback_at))


def _key(campaign: Campaign) -> str:
    return f"{campaign.tenant_id}/{campaign.campaign_id}"

"""Reads everything that the permission of one call depends on, in the transaction that may place it.

Given a connection and the contact's row, or a number outside any campaign, counts live calls and looks up earlier
attempts, money, lists and consent. Decides nothing: the rules get the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, literal_column, or_, select, true

from opendeep_kit.campaigns.model import Campaign, Consent, TenantLimits
from opendeep_kit.campaigns.rule_inputs import Listed, Use
from opendeep_kit.campaigns.specs import parse_limits
from opendeep_kit.errors import BadInput
from opendeep_kit.record import counters
from opendeep_kit.record.attempts import OPEN
from opendeep_kit.record.calls import CallState
from opendeep_kit.record.campaign_tables import attempts, campaigns, permissions
from opendeep_kit.record.campaigns import to_campaign
from opendeep_kit.record.consents import consent_at
from opendeep_kit.record.dnc import listed
from opendeep_kit.record.enrolments import Enrolment
from opendeep_kit.record.tables import calls, tenants

NO_CAMPAIGN = ""
"""In the ledger, the campaign of a call that belongs to none."""
HAND_TRUNK = "default"
"""Over which a call of no campaign leaves: as campaigns' calls unless they name another."""
HAND_LASTS, UNWRITTEN = timedelta(hours=1), timedelta(minutes=1)
"""So long a call of no campaign counts as live that never ended; and one permitted that has no row yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules may ask of one call."""

    now: datetime
    enrolment: Enrolment
    """Waiting, and due."""
    campaign: Campaign
    limits: TenantLimits
    everyone: Use
    trunk: Use
    tenant: Use
    of_campaign: Use
    worker_live: int
    """Attempts that were given to this media worker and have not ended."""
    campaign_attempts: tuple[datetime, ...] = field(repr=False)
    """When the number may have been rung in this campaign, in order."""
    tenant_attempts: tuple[datetime, ...] = field(repr=False)
    """The same over all the tenant's campaigns, and calls of none."""
    campaign_spent: Mapping[str, int]
    """Spent and reserved, in minor units by currency."""
    tenant_spent: Mapping[str, int]
    dnc: Listed
    consent: Consent | None
    """The one to be judged; None: none is on file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandFacts:
    """All that the rules may ask of a call of no campaign."""

    now: datetime
    tenant_id: str
    number: str = field(repr=False)
    limits: TenantLimits
    everyone: Use
    trunk: Use
    tenant: Use
    tenant_attempts: tuple[datetime, ...] = field(repr=False)
    """When the number may have been rung for the tenant, in order."""
    tenant_spent: Mapping[str, int]
    dnc: Listed
    consent: Consent | None


# Built once: building them takes longer than asking them, and all other calling waits meanwhile.
_OF_CAMPAIGN = (campaigns.c.tenant_id == bindparam("tenant"), campaigns.c.campaign_id == bindparam("campaign"))
_CAMPAIGN = (
    select(campaigns, tenants.c.limits).join(tenants, tenants.c.tenant_id == campaigns.c.tenant_id).where(*_OF_CAMPAIGN)
)
_FLOWS: dict[str, ColumnElement[bool]] = {
    "everyone": true(),
    "trunk": attempts.c.trunk_id == bindparam("trunk"),
    "tenant": attempts.c.tenant_id == bindparam("tenant"),
    "of_campaign": and_(attempts.c.tenant_id == bindparam("tenant"), attempts.c.campaign_id == bindparam("campaign")),
}
"""By the flow's name in `Facts`."""
_COUNTED = {**_FLOWS, "worker": attempts.c.worker_id == bindparam("worker")}
# Counted, not kept in a counter: a cap must hold whatever else went wrong, and live calls are few.
_LIVE = select(*(func.count(case((condition, 1))).label(name) for name, condition in _COUNTED.items())).where(
    attempts.c.state.in_(OPEN)
)
_NEWEST = select(attempts.c.created_at).order_by(attempts.c.created_at.desc()).limit(1)
_LAST_STARTS = select(*(_NEWEST.where(condition).scalar_subquery().label(name) for name, condition in _FLOWS.items()))
_BY_HAND = select(permissions.c.campaign_id, permissions.c.at).where(
    permissions.c.tenant_id == bindparam("tenant"),
    permissions.c.number == bindparam("number"),
    permissions.c.campaign_id == NO_CAMPAIGN,
    permissions.c.is_allowed == true(),
)
"""Calls of no campaign have no attempt: that they were permitted is all that is known, and they may have rung."""
_HISTORY = (
    select(attempts.c.campaign_id, attempts.c.created_at.label("at"))
    .where(
        attempts.c.tenant_id == bindparam("tenant"),
        attempts.c.number == bindparam("number"),
        attempts.c.may_have_rung == true(),
    )
    .union_all(_BY_HAND)
    .order_by("at")
)
# Not the bare column: SQLite would walk all the ledger in a tenant's order instead of the last hour.
_BY_TENANT = func.coalesce(permissions.c.tenant_id, literal_column("''"))
_HAND = (
    select(
        _BY_TENANT.label("tenant_id"),
        func.count(
            case(
                (
                    or_(
                        calls.c.state != CallState.ENDED,
                        and_(calls.c.call_id.is_(None), permissions.c.at > bindparam("unwritten_since")),
                    ),
                    1,
                )
            )
        ).label("live"),
        func.max(permissions.c.at).label("last_start"),
    )
    .select_from(permissions.outerjoin(calls, calls.c.call_id == permissions.c.attempt_id))
    .where(
        # Not a parameter: the index that holds these rows alone is used only where the text says so.
        permissions.c.campaign_id == literal_column("''"),
        permissions.c.is_allowed == true(),
        permissions.c.at > bindparam("since"),
    )
    .group_by(_BY_TENANT)
)
_LIMITS = select(tenants.c.limits).where(tenants.c.tenant_id == bindparam("tenant"))


def read_facts(connection: Connection, who: Enrolment, *, trunk_id: str, worker_id: str, now: datetime) -> Facts:
    """The facts of a call to this contact over this trunk and media worker.

    Raises:
        BadInput: the campaign's rules or the tenant's limits cannot be read.
    """
    of = {"tenant": who.tenant_id, "campaign": who.campaign_id}
    row = connection.execute(_CAMPAIGN, of).one()
    live = connection.execute(_LIVE, of | {"trunk": trunk_id, "worker": worker_id}).one()._mapping
    starts = connection.execute(_LAST_STARTS, of | {"trunk": trunk_id}).one()._mapping
    hand = _by_scope(by_hand(connection, now=now), who.tenant_id, trunk_id)
    history = connection.execute(_HISTORY, {"tenant": who.tenant_id, "number": who.number}).all()
    campaign_spent, tenant_spent = counters.money(connection, who.tenant_id, who.campaign_id)
    return Facts(
        now=now,
        enrolment=who,
        campaign=to_campaign(row),
        limits=parse_limits(who.tenant_id, row.limits),
        **{name: _sum(live[name], starts[name], hand.get(name, ())) for name in _FLOWS},
        worker_live=live["worker"],
        campaign_attempts=tuple(at for campaign_id, at in history if campaign_id == who.campaign_id),
        tenant_attempts=tuple(at for _, at in history),
        campaign_spent=campaign_spent,
        tenant_spent=tenant_spent,
        dnc=listed(connection, who.tenant_id, who.number),
        consent=consent_at(connection, who.tenant_id, who.number, now),
    )


def read_hand_facts(connection: Connection, tenant_id: str, number: str, *, now: datetime) -> HandFacts:
    """The facts of a call of no campaign to this number.

    Raises:
        BadInput: there is no such tenant, or its limits cannot be read.
    """
    limits = connection.execute(_LIMITS, {"tenant": tenant_id}).one_or_none()
    if limits is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="run `opendeep tenant add`")
    of = {"tenant": tenant_id, "campaign": NO_CAMPAIGN, "trunk": HAND_TRUNK}
    live = connection.execute(_LIVE, of | {"worker": ""}).one()._mapping
    starts = connection.execute(_LAST_STARTS, of).one()._mapping
    hand = _by_scope(by_hand(connection, now=now), tenant_id, HAND_TRUNK)
    history = connection.execute(_HISTORY, {"tenant": tenant_id, "number": number}).all()
    _, tenant_spent = counters.money(connection, tenant_id, NO_CAMPAIGN)
    return HandFacts(
        now=now,
        tenant_id=tenant_id,
        number=number,
        limits=parse_limits(tenant_id, limits.limits),
        **{name: _sum(live[name], starts[name], hand[name]) for name in ("everyone", "trunk", "tenant")},
        tenant_attempts=tuple(at for _, at in history),
        tenant_spent=tenant_spent,
        dnc=listed(connection, tenant_id, number),
        consent=consent_at(connection, tenant_id, number, now),
    )


def by_hand(connection: Connection, *, now: datetime) -> dict[str, Use]:
    """By tenant: the calls of no campaign that live, and when the last one of the last hour was permitted."""
    since = {"since": now - HAND_LASTS, "unwritten_since": now - UNWRITTEN}
    return {row.tenant_id: Use(live=row.live, last_start=row.last_start) for row in connection.execute(_HAND, since)}


# ---- inside -----------------------------------------------------------------------------------------


def _by_scope(hand: Mapping[str, Use], tenant_id: str, trunk_id: str) -> dict[str, tuple[Use, ...]]:
    """The calls of no campaign that a flow of this name counts."""
    every = tuple(hand.values())
    mine = (hand[tenant_id],) if tenant_id in hand else ()
    return {"everyone": every, "trunk": every if trunk_id == HAND_TRUNK else (), "tenant": mine}


def _sum(live: int, last_start: datetime | None, others: Iterable[Use]) -> Use:
    starts = [at for at in (last_start, *(one.last_start for one in others)) if at is not None]
    return Use(live=live + sum(one.live for one in others), last_start=max(starts, default=None))

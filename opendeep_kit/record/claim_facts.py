"""Reads everything that the permission of one call depends on, in the transaction that may place it.

Given a connection and the contact's row, counts live calls and looks up earlier attempts, money, lists and consent.
Decides nothing: the rules get the facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, select, true

from opendeep_kit.campaigns.model import Campaign, Consent, TenantLimits
from opendeep_kit.campaigns.rule_inputs import Listed, Use
from opendeep_kit.campaigns.specs import parse_limits
from opendeep_kit.record import counters
from opendeep_kit.record.attempts import OPEN
from opendeep_kit.record.campaign_tables import attempts, campaigns
from opendeep_kit.record.campaigns import to_campaign
from opendeep_kit.record.consents import consent_at
from opendeep_kit.record.dnc import listed
from opendeep_kit.record.enrolments import Enrolment
from opendeep_kit.record.tables import tenants


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
    """The same over all the tenant's campaigns, calls by hand among them."""
    campaign_spent: Mapping[str, int]
    """Spent and reserved, in minor units by currency."""
    tenant_spent: Mapping[str, int]
    dnc: Listed
    consent: Consent | None
    """The one to be judged; None: none is on file."""


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
_HISTORY = (
    select(attempts.c.campaign_id, attempts.c.created_at.label("at"))
    .where(
        attempts.c.tenant_id == bindparam("tenant"),
        attempts.c.number == bindparam("number"),
        attempts.c.may_have_rung == true(),
    )
    .order_by("at")
)


def read_facts(connection: Connection, who: Enrolment, *, trunk_id: str, worker_id: str, now: datetime) -> Facts:
    """The facts of a call to this contact over this trunk and media worker.

    Raises:
        BadInput: the campaign's rules or the tenant's limits cannot be read.
    """
    of = {"tenant": who.tenant_id, "campaign": who.campaign_id}
    row = connection.execute(_CAMPAIGN, of).one()
    live = connection.execute(_LIVE, of | {"trunk": trunk_id, "worker": worker_id}).one()._mapping
    starts = connection.execute(_LAST_STARTS, of | {"trunk": trunk_id}).one()._mapping
    history = connection.execute(_HISTORY, {"tenant": who.tenant_id, "number": who.number}).all()
    campaign_spent, tenant_spent = counters.money(connection, who.tenant_id, who.campaign_id)
    return Facts(
        now=now,
        enrolment=who,
        campaign=to_campaign(row),
        limits=parse_limits(who.tenant_id, row.limits),
        **{name: Use(live=live[name], last_start=starts[name]) for name in _FLOWS},
        worker_live=live["worker"],
        campaign_attempts=tuple(at for campaign_id, at in history if campaign_id == who.campaign_id),
        tenant_attempts=tuple(at for _, at in history),
        campaign_spent=campaign_spent,
        tenant_spent=tenant_spent,
        dnc=listed(connection, who.tenant_id, who.number),
        consent=consent_at(connection, who.tenant_id, who.number, now),
    )

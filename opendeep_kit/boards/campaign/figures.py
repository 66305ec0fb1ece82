"""How a campaign is doing right now: how fast it calls, and which rules hold it back.

Given a campaign and the time, counts recent rows by an index: the cost depends on the last minutes, not on the
campaign's length. Its totals are in `counters`. Never judges whether that is good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from opendeep_kit.record.campaign_tables import attempts, enrolments, hour_groups, permissions
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolments import EnrolmentState

RULINGS = 2000
"""So many of the last rulings are counted."""
MOST_DUE = 1000
"""Nobody needs to know how far beyond it goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignNow:
    """One campaign at this moment."""

    per_minute: tuple[int, ...]
    """Attempts begun in each of the last minutes, the present one last."""
    refusals: Mapping[str, int]
    """Of the last rulings, by the rule that said no."""
    rulings: int
    """How many were looked at."""
    due: int
    """Contacts whose time has come; `MOST_DUE`: at least so many."""


def campaign_now(
    database: Database, tenant_id: str, campaign_id: str, *, now: datetime, minutes: int = 30
) -> CampaignNow:
    """One campaign at this moment.

    Args:
        minutes: how far back its pace is told.

    Raises:
        Unavailable: the record cannot be read now.
    """
    with database.read() as connection:
        begun = _begun(connection, tenant_id, campaign_id, now - timedelta(minutes=minutes))
        rulings = _rulings(connection, tenant_id, campaign_id)
        due = _due(connection, tenant_id, campaign_id, now)
    refusals = {rule: count for rule, count in rulings.items() if rule}
    return CampaignNow(
        per_minute=_by_minute(begun, now, minutes),
        refusals=dict(sorted(refusals.items(), key=lambda refusal: (-refusal[1], refusal[0]))),
        rulings=sum(rulings.values()),
        due=due,
    )


def _begun(connection: Connection, tenant_id: str, campaign_id: str, since: datetime) -> list[datetime]:
    query = select(attempts.c.created_at).where(
        attempts.c.tenant_id == tenant_id, attempts.c.campaign_id == campaign_id, attempts.c.created_at > since
    )
    return list(connection.scalars(query))


def _by_minute(begun: list[datetime], now: datetime, minutes: int) -> tuple[int, ...]:
    counts = [0] * minutes
    for at in begun:
        age = int((now - at) / timedelta(minutes=1))
        if 0 <= age < minutes:
            counts[minutes - 1 - age] += 1
    return tuple(counts)


def _rulings(connection: Connection, tenant_id: str, campaign_id: str) -> dict[str, int]:
    last = (
        select(func.coalesce(permissions.c.rule, "").label("rule"))
        .where(permissions.c.tenant_id == tenant_id, permissions.c.campaign_id == campaign_id)
        .order_by(permissions.c.row_id.desc())
        .limit(RULINGS)
        .subquery()
    )
    query = select(last.c.rule, func.count()).group_by(last.c.rule)
    return dict(connection.execute(query).all())


def _due(connection: Connection, tenant_id: str, campaign_id: str, now: datetime) -> int:
    own = select(hour_groups.c.hour_group_id).where(
        hour_groups.c.tenant_id == tenant_id, hour_groups.c.campaign_id == campaign_id
    )
    some = (
        select(enrolments.c.enrolment_id)
        .where(
            enrolments.c.hour_group_id.in_(own),
            enrolments.c.state == EnrolmentState.WAITING,
            enrolments.c.next_at <= now,
        )
        .limit(MOST_DUE)
        .subquery()
    )
    return connection.scalar(select(func.count()).select_from(some)) or 0

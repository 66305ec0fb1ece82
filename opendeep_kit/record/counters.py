"""Keeps campaigns' running totals, so that nobody has to count rows.

Given a transaction's connection, adds to counts and sums of money: they change together with the rows they count, or
not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, Insert, Table, bindparam, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record.campaign_tables import attempts, counters, spending
from opendeep_kit.record.database import Database
from opendeep_kit.tasks.spec import MAX_DURATION_S

OUTCOME = "outcome:"
ENDED = "ended"
"""`AttemptState.ENDED`: `attempts` imports this module."""
LONGEST_ATTEMPT = timedelta(seconds=MAX_DURATION_S) + timedelta(minutes=15)
"""From its permission to its end: it rings, lasts as long as a script may say, and is in doubt for a while."""


_USED = spending.c.spent_minor + spending.c.reserved_minor
_MONEY = (
    select(
        spending.c.currency,
        func.sum(case((spending.c.campaign_id == bindparam("campaign"), _USED), else_=0)),
        func.sum(_USED),
    )
    .where(spending.c.tenant_id == bindparam("tenant"))
    .group_by(spending.c.currency)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """A campaign at a glance."""

    waiting: int
    """Contacts with a next attempt, whenever it is due."""
    claimed: int
    """Contacts whose call has not ended."""
    final: int
    attempts: int
    """That have ended."""
    outcomes: Mapping[str, int]
    """Ended attempts by disposition."""


def add(connection: Connection, tenant_id: str, changes: Mapping[tuple[str, str], int]) -> None:
    """Add to counts.

    Args:
        changes: by campaign and what is counted.
    """
    rows = [
        {"tenant_id": tenant_id, "campaign_id": campaign_id, "what": what, "amount": change}
        for (campaign_id, what), change in sorted(changes.items())
        if change
    ]
    if rows:
        _accumulate(connection, counters, rows)


def add_money(
    connection: Connection, tenant_id: str, campaign_id: str, currency: str, *, reserved: int = 0, spent: int = 0
) -> None:
    """Add to what a campaign has reserved and spent, in minor units."""
    row: dict[str, object] = {"tenant_id": tenant_id, "campaign_id": campaign_id, "currency": currency}
    _accumulate(connection, spending, [row | {"reserved_minor": reserved, "spent_minor": spent}])


def money(connection: Connection, tenant_id: str, campaign_id: str) -> tuple[dict[str, int], dict[str, int]]:
    """What the campaign, and all of the tenant, has spent or reserved, in minor units by currency."""
    rows = connection.execute(_MONEY, {"tenant": tenant_id, "campaign": campaign_id}).all()
    return {name: int(own) for name, own, _ in rows}, {name: int(total) for name, _, total in rows}


def counts(database: Database, tenant_id: str, campaign_id: str) -> Counts:
    """The campaign's counts; a few rows, however many contacts it has."""
    of_campaign = (counters.c.tenant_id == tenant_id, counters.c.campaign_id == campaign_id)
    with database.read() as connection:
        amounts = dict(connection.execute(select(counters.c.what, counters.c.amount).where(*of_campaign)).all())
    outcomes = {what.removeprefix(OUTCOME): n for what, n in sorted(amounts.items()) if what.startswith(OUTCOME) and n}
    return Counts(
        waiting=amounts.get("waiting", 0),
        claimed=amounts.get("claimed", 0),
        final=amounts.get("final", 0),
        attempts=amounts.get("attempts", 0),
        outcomes=outcomes,
    )


def ended_since(
    database: Database, tenant_id: str, campaign_id: str, since: datetime
) -> dict[tuple[PhoneResult, Disposition | None], int]:
    """How many attempts ended how since then: cost grows with the last hour, not with the campaign.

    Those that the death of a process of ours broke off say nothing of the campaign: they are left out.
    """
    query = (
        select(attempts.c.phone_result, attempts.c.disposition, func.count())
        .where(
            attempts.c.tenant_id == tenant_id,
            attempts.c.campaign_id == campaign_id,
            # By the index on the time of permission: who ended since was permitted no longer ago than a call lasts.
            attempts.c.created_at > since - LONGEST_ATTEMPT,
            attempts.c.ended_at > since,
            attempts.c.state == ENDED,
            attempts.c.phone_result.is_not(None),
        )
        .group_by(attempts.c.phone_result, attempts.c.disposition)
    )
    with database.read() as connection:
        return {
            (PhoneResult(result), None if disposition is None else Disposition(disposition)): count
            for result, disposition, count in connection.execute(query)
        }


def _accumulate(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    connection.execute(_adding_to(table, connection.dialect.name), rows)


@cache
def _adding_to(table: Table, dialect_name: str) -> Insert:
    """Adds a row's amounts to those that are there. Built once: building takes longer than running."""
    dialect = sqlite if dialect_name == "sqlite" else postgresql
    statement = dialect.insert(table)
    key = [column.name for column in table.primary_key]
    changed = {column.name: column + statement.excluded[column.name] for column in table.c if column.name not in key}
    adding: Insert = statement.on_conflict_do_update(index_elements=key, set_=changed)
    return adding

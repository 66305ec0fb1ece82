"""The ledger of permissions: who was allowed to be called, who was not, by which rule and why.

Given a ruling, appends it; rows are never changed or deleted. Decides nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime

from sqlalchemy import Connection, insert, select

from opendeep_kit.record.campaign_tables import permissions
from opendeep_kit.record.database import Database, calling
from opendeep_kit.record.enrolments import NextStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the rules said of one call."""

    is_allowed: bool
    words: str
    """One clause for a person."""
    rule: str | None = None
    """That refused; None: none did."""
    facts_sha256: str = ""
    """Of all that was looked at."""
    dnc_snapshot: str = ""
    """Names the do-not-call lists that were asked."""
    consent: str = ""
    """Where it is on file."""
    try_again_at: datetime | None = None
    """Of a refusal: when it may be allowed; None: not known, or never."""
    next: NextStep | None = None
    """Of a refusal: what follows for the contact; None: it stays due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One row of the ledger."""

    row_id: int
    tenant_id: str
    campaign_id: str
    number: str = field(repr=False)
    attempt_id: str | None
    """The call it allowed."""
    is_allowed: bool
    rule: str | None
    words: str
    facts_sha256: str
    dnc_snapshot: str
    consent: str
    try_again_at: datetime | None
    at: datetime


def record(database: Database, tenant_id: str, campaign_id: str, number: str, ruling: Ruling, *, now: datetime) -> None:
    """Note a ruling on which no campaign's call follows; `claiming.claim` notes its own.

    Raises:
        BadInput: there is no such tenant.
    """
    with calling(database) as connection:
        write(connection, tenant_id, campaign_id, number, ruling, attempt_id=None, now=now)


def permissions_of(
    database: Database,
    tenant_id: str,
    *,
    number: str | None = None,
    campaign_id: str | None = None,
    limit: int = 100,
) -> list[LedgerEntry]:
    """The tenant's ledger, the newest first; of one number or campaign when it is named."""
    query = select(permissions).where(permissions.c.tenant_id == tenant_id)
    if number is not None:
        query = query.where(permissions.c.number == number)
    if campaign_id is not None:
        query = query.where(permissions.c.campaign_id == campaign_id)
    with database.read() as connection:
        rows = connection.execute(query.order_by(permissions.c.row_id.desc()).limit(limit)).all()
    return [LedgerEntry(**{part.name: row._mapping[part.name] for part in fields(LedgerEntry)}) for row in rows]


def write(
    connection: Connection,
    tenant_id: str,
    campaign_id: str,
    number: str,
    ruling: Ruling,
    *,
    attempt_id: str | None,
    now: datetime,
) -> None:
    """As `record`, in a transaction that `database.calling` began."""
    row = {part.name: getattr(ruling, part.name) for part in fields(Ruling) if part.name != "next"}
    of = {"tenant_id": tenant_id, "campaign_id": campaign_id, "number": number, "attempt_id": attempt_id, "at": now}
    connection.execute(insert(permissions), of | row)

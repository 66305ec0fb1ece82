"""Who agreed to be called, and where that is on file.

Given plain values and the time, writes and reads them. Whether a consent is needed, and whether it will do, is not
known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from opendeep_kit.errors import BadInput
from opendeep_kit.store.campaign_tables import consents
from opendeep_kit.store.database import Database
from opendeep_kit.store.records import E164

BATCH = 5_000
_FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """That somebody agreed to be called."""

    number: str = field(repr=False)
    """E.164."""
    reference: str
    """Where it is on file."""
    given_at: datetime
    expires_at: datetime | None = None
    """From this instant on it is none."""

    def __post_init__(self) -> None:
        if not E164.fullmatch(self.number):
            raise BadInput("the number of a consent is not E.164", do="write it as +, country code, digits")
        if not self.reference.strip():
            raise BadInput("a consent does not say where it is on file", do="give its reference")


_CONSENTS = (
    select(*(consents.c[part.name] for part in fields(Consent)))
    .where(consents.c.tenant_id == bindparam("tenant"), consents.c.number == bindparam("of_number"))
    .order_by(consents.c.given_at.desc(), consents.c.reference)
)


def save_consents(
    database: Database, tenant_id: str, given: Iterable[Consent], *, renews: bool = True, now: datetime
) -> int:
    """Add consents, in batches; one whose number and reference are known is changed. Returns how many were given.

    Args:
        renews: False leaves a known one as it is, withdrawn or not.

    Raises:
        BadInput: there is no such tenant.
    """
    coming, count = iter(given), 0
    dialect = postgresql if database.is_postgresql else sqlite
    statement = dialect.insert(consents)
    changed = {name: statement.excluded[name] for name in ("given_at", "expires_at", "changed_at")}
    key = [column.name for column in consents.primary_key]
    kept = statement.on_conflict_do_nothing(index_elements=key)
    adding = statement.on_conflict_do_update(index_elements=key, set_=changed) if renews else kept
    while batch := list(islice(coming, BATCH)):
        rows = [
            {"tenant_id": tenant_id, "changed_at": now, **{p.name: getattr(one, p.name) for p in fields(Consent)}}
            for one in batch
        ]
        with database.write() as connection:
            connection.execute(adding, rows)
        count += len(batch)
    return count


def withdraw(database: Database, tenant_id: str, number: str, *, now: datetime) -> int:
    """End every consent of this number now. Returns how many were in force."""
    mine = (consents.c.tenant_id == tenant_id, consents.c.number == number)
    in_force = consents.c.expires_at.is_(None) | (consents.c.expires_at > now)
    with database.write() as connection:
        return connection.execute(
            update(consents).where(*mine, in_force).values(expires_at=now, changed_at=now)
        ).rowcount


def consents_of(database: Database, tenant_id: str, number: str) -> list[Consent]:
    """Every consent of this number, the newest first."""
    with database.read() as connection:
        return _consents(connection, tenant_id, number)


def consent_at(connection: Connection, tenant_id: str, number: str, now: datetime) -> Consent | None:
    """The consent to be judged: of those in force the one that lasts longest, else the newest."""
    found = _consents(connection, tenant_id, number)
    in_force = [one for one in found if one.given_at <= now and (one.expires_at is None or one.expires_at > now)]
    if in_force:
        return max(in_force, key=lambda one: one.expires_at or _FOR_EVER)
    return found[0] if found else None


def _consents(connection: Connection, tenant_id: str, number: str) -> list[Consent]:
    rows = connection.execute(_CONSENTS, {"tenant": tenant_id, "of_number": number})
    return [Consent(**row._mapping) for row in rows]

"""Who agreed to be called, where that is on file, and whom a campaign misses for lack of it.

Given plain values and the time, writes and reads consents. Whether one is needed, or sufficient, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, not_, select, update

from opendeep_kit.campaigns.model import Consent
from opendeep_kit.record.campaign_tables import consents, enrolments, hour_groups
from opendeep_kit.record.database import Database, calling
from opendeep_kit.record.enrolments import EnrolmentState, NextStep, alike, let_wait_again
from opendeep_kit.record.upserts import add_new, upsert

BATCH = 5_000
_FOR_EVER = datetime.max.replace(tzinfo=UTC)


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
    while batch := list(islice(coming, BATCH)):
        rows = [
            {"tenant_id": tenant_id, "changed_at": now, **{p.name: getattr(consent, p.name) for p in fields(Consent)}}
            for consent in batch
        ]
        with database.write() as connection:
            adding = upsert(connection, consents, rows[0]) if renews else add_new(connection, consents)
            connection.execute(adding, rows)
        count += len(batch)
    return count


def withdraw(database: Database, tenant_id: str, number: str, *, now: datetime) -> int:
    """End every consent of this number now. Returns how many were in force."""
    of_number = (consents.c.tenant_id == tenant_id, consents.c.number == number)
    with database.write() as connection:
        return connection.execute(
            update(consents).where(*of_number, _lasts(now)).values(expires_at=now, changed_at=now)
        ).rowcount


def consents_of(database: Database, tenant_id: str, number: str) -> list[Consent]:
    """Every consent of this number, the newest first."""
    with database.read() as connection:
        return _consents(connection, tenant_id, number)


def consents_of_all(database: Database, tenant_id: str, *, after: str = "", limit: int = 1000) -> list[Consent]:
    """Every consent of a page of numbers, by number, newest first.

    Args:
        after: the last number of the page before.
    """
    numbers = (
        select(consents.c.number)
        .where(consents.c.tenant_id == tenant_id, consents.c.number > after)
        .distinct()
        .order_by(consents.c.number)
        .limit(limit)
    )
    query = (
        select(*(consents.c[part.name] for part in fields(Consent)))
        .where(consents.c.tenant_id == tenant_id, consents.c.number.in_(numbers))
        .order_by(consents.c.number, consents.c.given_at.desc(), consents.c.reference)
    )
    with database.read() as connection:
        return [Consent(**row._mapping) for row in connection.execute(query)]


def missing(
    database: Database,
    tenant_id: str,
    campaign_id: str,
    *,
    spared_like: str = "",
    but_like: Sequence[str] = (),
    now: datetime,
) -> int:
    """How many wait in a campaign for whom no consent is on file that has not ended.

    Args:
        spared_like: numbers of this pattern need none, unless they are of one of `but_like`; see `enrolments.due`.
    """
    groups = select(hour_groups.c.hour_group_id).where(
        hour_groups.c.tenant_id == tenant_id, hour_groups.c.campaign_id == campaign_id
    )
    query = select(func.count()).where(
        enrolments.c.hour_group_id.in_(groups),
        enrolments.c.state == EnrolmentState.WAITING,
        ~_has_consent(_lasts(now)),
        not_(alike(spared_like, but_like)),
    )
    with database.read() as connection:
        return connection.scalar(query) or 0


def bring_back(
    database: Database,
    tenant_id: str,
    campaign_ids: Sequence[str],
    numbers: Sequence[str],
    *,
    reasons: Iterable[str],
    at: datetime | None = None,
    now: datetime,
) -> Mapping[str, int]:
    """Let contacts wait again that had come to their end, and for whom a consent will be in force.

    Args:
        numbers: a few thousand at most.
        at: from when on they wait; None: now.
        reasons: what their end's reason begins with; those that ended otherwise stay as they are.

    Returns:
        How many, by campaign.
    """
    at = at or now
    which = (
        enrolments.c.campaign_id.in_(campaign_ids),
        enrolments.c.number.in_(numbers),
        _has_consent(_lasts(at), consents.c.given_at <= at),
    )
    step = NextStep(at=at, reason="there is a consent")
    with calling(database) as connection:
        return let_wait_again(connection, tenant_id, *which, reasons=reasons, step=step, now=now)


def consent_at(connection: Connection, tenant_id: str, number: str, now: datetime) -> Consent | None:
    """The consent to be judged: of those in force the one that lasts longest, else the newest."""
    known = _consents(connection, tenant_id, number)
    in_force = [
        consent
        for consent in known
        if consent.given_at <= now and (consent.expires_at is None or consent.expires_at > now)
    ]
    if in_force:
        return max(in_force, key=lambda consent: consent.expires_at or _FOR_EVER)
    return known[0] if known else None


def _consents(connection: Connection, tenant_id: str, number: str) -> list[Consent]:
    rows = connection.execute(_CONSENTS, {"tenant": tenant_id, "of_number": number})
    return [Consent(**row._mapping) for row in rows]


def _lasts(now: datetime) -> ColumnElement[bool]:
    return consents.c.expires_at.is_(None) | (consents.c.expires_at > now)


def _has_consent(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """That there is such a consent for the enrolment's number."""
    theirs = (consents.c.tenant_id == enrolments.c.tenant_id, consents.c.number == enrolments.c.number)
    return exists().where(*theirs, *conditions)

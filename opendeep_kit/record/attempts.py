"""Campaigns' call attempts: one row per dial, written before the line is asked.

Given plain values and the time, follows an attempt from intent to end, whoever ends it. The line is asked at most once
per attempt: whoever is about to ask marks the row first, and only its present owner may. `claiming` creates attempts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from opendeep_kit import events
from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import counters
from opendeep_kit.record.campaign_tables import attempts, enrolments, hour_groups
from opendeep_kit.record.campaigns import REHEARSAL
from opendeep_kit.record.database import Database, calling
from opendeep_kit.record.enrolments import EnrolmentState, NextStep, step_values
from opendeep_kit.record.event_log import add_events
from opendeep_kit.record.service_tables import control_processes


class AttemptState(StrEnum):
    """How far an attempt has come."""

    INTENDED = "intended"
    """Permitted; the line has not been asked: certain as long as it stands here."""
    DIALLED = "dialled"
    """The line is asked now, or was."""
    ENDED = "ended"
    INTERRUPTED = "interrupted"
    """Broken off by the death of a process of ours or of our Asterisk: it says nothing of its campaign."""


OPEN = (AttemptState.INTENDED, AttemptState.DIALLED)
IDS_AT_ONCE = 500
"""In one query: far below the limits of both databases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """What an attempt came to."""

    phone_result: PhoneResult
    disposition: Disposition
    detail: str = ""
    """One clause for a person."""
    may_have_rung: bool = True
    """False: certain that nothing left us. It then counts for no cap and no outcome."""
    spent_minor: int = 0
    """In the attempt's currency."""
    is_interrupted: bool = False
    """A process of ours died under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt's row."""

    attempt_id: str
    """The call's id."""
    tenant_id: str
    campaign_id: str
    enrolment_id: int
    number: str = field(repr=False)
    state: AttemptState
    is_callback: bool
    control_id: str
    """Who places and follows it."""
    trunk_id: str
    worker_id: str
    media_host: str
    media_port: int
    created_at: datetime
    """When it was permitted."""
    dialled_at: datetime | None
    ended_at: datetime | None
    may_have_rung: bool
    phone_result: str | None
    disposition: str | None
    detail: str | None
    currency: str | None
    reserved_minor: int
    """The most it can cost; 0 once ended."""
    spent_minor: int


def mark_dialled(
    database: Database, tenant_id: str, attempt_id: str, *, control_id: str, line: str, at: datetime
) -> bool:
    """Note that the line is asked next. False: do not ask it, the attempt is another's, or is past that.

    Args:
        at: also names this very asking: where the answer to it was lost, it may be asked again with the same.
    """
    of = (*_of(tenant_id, attempt_id), attempts.c.control_id == control_id)
    intended = (*of, attempts.c.state == AttemptState.INTENDED, _is_alive(control_id))
    with database.write() as connection:
        marking = update(attempts).where(*intended)
        values = {"state": AttemptState.DIALLED, "dialled_at": at, "changed_at": at}
        if connection.execute(marking.values(values)).rowcount == 1:
            dialled = events.Dialled(call_id=attempt_id, at_ms=0.0, line=line)
            add_events(database, connection, [dialled], tenant_id)
            return True
        marked = select(attempts.c.attempt_id).where(
            *of, attempts.c.state == AttemptState.DIALLED, attempts.c.dialled_at == at
        )
        return connection.scalar(marked) is not None


def finish_attempt(
    database: Database, tenant_id: str, attempt_id: str, result: AttemptResult, following: NextStep, *, now: datetime
) -> bool:
    """Close an attempt and move its contact on. False when there is no such open attempt: the first result stays.

    Args:
        following: what follows for the contact.
    """
    with calling(database) as connection:
        return finish(connection, tenant_id, attempt_id, result, following, now=now)


def finish(
    connection: Connection,
    tenant_id: str,
    attempt_id: str,
    result: AttemptResult,
    following: NextStep,
    *,
    now: datetime,
) -> bool:
    """As `finish_attempt`, in a transaction that `database.calling` began."""
    row = connection.execute(select(attempts).where(*_of(tenant_id, attempt_id))).one_or_none()
    if row is None or row.state not in OPEN:
        return False
    _close(connection, row, result, now)
    _move_on(connection, row, result, following, now)
    return True


def attempt(database: Database, tenant_id: str, attempt_id: str) -> Attempt | None:
    """The tenant's attempt of this id."""
    with database.read() as connection:
        row = connection.execute(select(attempts).where(*_of(tenant_id, attempt_id))).one_or_none()
    return None if row is None else to_attempt(row)


def attempts_of(
    database: Database,
    tenant_id: str,
    *,
    campaign_id: str | None = None,
    number: str | None = None,
    limit: int = 1000,
) -> list[Attempt]:
    """The tenant's attempts, the newest first; of one campaign or number when it is named."""
    query = select(attempts).where(attempts.c.tenant_id == tenant_id)
    if campaign_id is not None:
        query = query.where(attempts.c.campaign_id == campaign_id)
    if number is not None:
        query = query.where(attempts.c.number == number)
    with database.read() as connection:
        rows = connection.execute(query.order_by(attempts.c.created_at.desc(), attempts.c.attempt_id).limit(limit))
        return [to_attempt(row) for row in rows]


def attempts_by_id(database: Database, tenant_id: str, attempt_ids: Sequence[str]) -> dict[str, Attempt]:
    """Those of the tenant's attempts that have these ids, however many."""
    by_id: dict[str, Attempt] = {}
    with database.read() as connection:
        for first in range(0, len(attempt_ids), IDS_AT_ONCE):
            some = attempts.c.attempt_id.in_(attempt_ids[first : first + IDS_AT_ONCE])
            rows = connection.execute(select(attempts).where(attempts.c.tenant_id == tenant_id, some))
            by_id |= {row.attempt_id: to_attempt(row) for row in rows}
    return by_id


# ---- recovery, over all tenants: for the control processes only -------------------------------------


def open_attempts(database: Database, *, control_id: str | None = None) -> list[Attempt]:
    """Attempts that have not ended, the oldest first: one control process's, or everybody's."""
    query = select(attempts).where(attempts.c.state.in_(OPEN))
    if control_id is not None:
        query = query.where(attempts.c.control_id == control_id)
    with database.read() as connection:
        return [to_attempt(row) for row in connection.execute(query.order_by(attempts.c.created_at))]


def take_over(database: Database, tenant_id: str, attempt_id: str, *, by: str, now: datetime) -> Attempt | None:
    """The attempt, from here on owned by this control process. None: it is closed, or `by` itself was buried.

    Its former owner may not ask the line for it any more: `mark_dialled` tells it so.
    """
    row = attempt(database, tenant_id, attempt_id)
    if row is None or row.state not in OPEN or row.control_id == by:
        return row if row is not None and row.state in OPEN else None
    with database.write() as connection:
        taken = connection.execute(
            update(attempts)
            .where(*_of(tenant_id, attempt_id), attempts.c.state.in_(OPEN), _is_alive(by))
            .values(control_id=by, changed_at=now)
            .returning(attempts)
        ).one_or_none()
    return None if taken is None else to_attempt(taken)


# ---- rows -------------------------------------------------------------------------------------------


def to_attempt(row: Row[Any]) -> Attempt:
    """The attempt in a row that has all its columns."""
    values = {part.name: row._mapping[part.name] for part in fields(Attempt)}
    return Attempt(**values | {"state": AttemptState(row.state)})


def _of(tenant_id: str, attempt_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return attempts.c.tenant_id == tenant_id, attempts.c.attempt_id == attempt_id


def _is_alive(control_id: str) -> ColumnElement[bool]:
    """Nobody has declared this control process dead: one that was only asleep learns it here."""
    of = control_processes.c
    return select(of.control_id).where(of.control_id == control_id, of.buried_by.is_(None)).exists()


def _close(connection: Connection, row: Row[Any], result: AttemptResult, now: datetime) -> None:
    values = {
        "state": AttemptState.INTERRUPTED if result.is_interrupted else AttemptState.ENDED,
        "ended_at": now,
        "changed_at": now,
        "may_have_rung": result.may_have_rung,
        "phone_result": result.phone_result,
        "disposition": result.disposition,
        "detail": result.detail,
        "reserved_minor": 0,
        "spent_minor": result.spent_minor,
    }
    connection.execute(update(attempts).where(*_of(row.tenant_id, row.attempt_id)).values(values))
    if row.currency is not None:
        money = {"reserved": -row.reserved_minor, "spent": result.spent_minor}
        counters.add_money(connection, row.tenant_id, row.campaign_id, row.currency, **money)


def _move_on(connection: Connection, row: Row[Any], result: AttemptResult, step: NextStep, now: datetime) -> None:
    values = step_values(step, now=now) | {"outcome": result.disposition}
    if not result.may_have_rung:
        values["attempts"] = enrolments.c.attempts - 1
    moved = connection.execute(
        update(enrolments)
        .where(
            enrolments.c.enrolment_id == row.enrolment_id,
            enrolments.c.state == EnrolmentState.CLAIMED,
            enrolments.c.last_call_id == row.attempt_id,
        )
        .values(values)
    )
    changes: Counter[tuple[str, str]] = Counter()
    if moved.rowcount == 1:
        changes[row.campaign_id, EnrolmentState.CLAIMED] -= 1
        changes[row.campaign_id, values["state"]] += 1
    if result.may_have_rung:
        changes[row.campaign_id, "attempts"] += 1
        changes[row.campaign_id, counters.OUTCOME + result.disposition] += 1
    counters.add(connection, row.tenant_id, changes)


# ---- when a tenant's callees were called, and whether they answered -----------------------------------

NEWEST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rang:
    """One attempt that was dialled and ended."""

    at: datetime
    zones: tuple[str, ...]
    """All that the callee may be in."""
    phone_result: str
    disposition: str


def rang(database: Database, tenant_id: str, *, limit: int = NEWEST) -> list[Rang]:
    """The tenant's newest attempts that came to something, the newest first; a few milliseconds."""
    query = (
        select(attempts.c.dialled_at, hour_groups.c.zones, attempts.c.phone_result, attempts.c.disposition)
        .join(enrolments, enrolments.c.enrolment_id == attempts.c.enrolment_id)
        .join(hour_groups, hour_groups.c.hour_group_id == enrolments.c.hour_group_id)
        .where(
            attempts.c.tenant_id == tenant_id,
            attempts.c.campaign_id != REHEARSAL,
            attempts.c.state == AttemptState.ENDED,
            attempts.c.dialled_at.is_not(None),
            attempts.c.phone_result.is_not(None),
            attempts.c.disposition.is_not(None),
        )
        .order_by(attempts.c.created_at.desc())
        .limit(limit)
    )
    with database.read() as connection:
        return [
            Rang(at=at, zones=tuple(zones), phone_result=result, disposition=disposition)
            for at, zones, result, disposition in connection.execute(query)
        ]

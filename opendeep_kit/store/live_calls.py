"""What the process that places a call and the one that holds its sound tell each other, through the call's row.

Given plain values and the time, writes and reads what is wanted while a call lives: who holds it, that the callee
answered, how its sound ended. Works by call id: at the door the tenant is not known yet.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, update

from opendeep_kit.outcomes import EndedBy
from opendeep_kit.store.calls import CallState
from opendeep_kit.store.database import Database
from opendeep_kit.store.tables import calls, scripts

DONE = "done"
"""The callee was handed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What the holder of a call's sound needs of it."""

    tenant_id: str
    script_name: str | None
    script_text: str | None
    """None: its script is not in the record, and cannot be held by another process than the one that placed it."""
    facts: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaEnd:
    """How a call's sound ended."""

    ended_by: EndedBy | None = None
    """None: not our side; the line knows."""
    detail: str = ""
    media_ms: float = 0.0
    """Length of the call's clock."""
    recording: str = ""
    """Path below the recordings folder; empty: none."""
    recording_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What the record knows of a call's sound."""

    worker_id: str | None
    is_admitted: bool
    is_answered: bool
    transfer_to: str | None = field(repr=False)
    """Asked for and not yet answered."""
    end: MediaEnd | None
    """None: it goes on, or its holder is dead."""


def admit_at(database: Database, call_id: str, worker_id: str, *, now: datetime) -> Admitted | None:
    """Let this UUID in here, and say what it is about; None: not expected now. A call is admitted at most once."""
    asked = (calls.c.call_id == call_id, calls.c.state == CallState.EXPECTED, calls.c.expected_until > now)
    text = (
        select(calls.c.tenant_id, calls.c.script_name, calls.c.facts, scripts.c.text)
        .outerjoin(
            scripts,
            (scripts.c.tenant_id == calls.c.tenant_id)
            & (scripts.c.name == calls.c.script_name)
            & (scripts.c.version == calls.c.script_version),
        )
        .where(calls.c.call_id == call_id)
    )
    with database.write() as connection:
        values = {"state": CallState.LIVE, "worker_id": worker_id, "admitted_at": now, "changed_at": now}
        if connection.execute(update(calls).where(*asked).values(values)).rowcount != 1:
            return None
        row = connection.execute(text).one()
    return Admitted(tenant_id=row.tenant_id, script_name=row.script_name, script_text=row.text, facts=row.facts)


def answered_of(database: Database, call_ids: Collection[str]) -> set[str]:
    """Those of these calls whose callee picked up. One query for all calls of a worker."""
    query = select(calls.c.call_id).where(calls.c.call_id.in_(call_ids), calls.c.answered_at.is_not(None))
    with database.read() as connection:
        return set(connection.scalars(query))


def end_media(database: Database, call_id: str, end: MediaEnd, *, now: datetime) -> None:
    """Note how a call's sound ended, once; its events and its recording are written before."""
    values = {
        "media_ended_at": now,
        "media_ended_by": end.ended_by,
        "media_detail": end.detail,
        "media_ms": end.media_ms,
        "recording": end.recording,
        "recording_sha256": end.recording_sha256,
        "changed_at": now,
    }
    mine = (calls.c.call_id == call_id, calls.c.media_ended_at.is_(None), calls.c.state != CallState.ENDED)
    with database.write() as connection:
        connection.execute(update(calls).where(*mine).values(values))


def media_of(database: Database, call_id: str) -> Media | None:
    """What the record knows of this call's sound; None: there is no such call."""
    with database.read() as connection:
        row = connection.execute(select(calls).where(calls.c.call_id == call_id)).one_or_none()
    if row is None:
        return None
    end = None
    if row.media_ended_at is not None:
        end = MediaEnd(
            ended_by=None if row.media_ended_by is None else EndedBy(row.media_ended_by),
            detail=row.media_detail or "",
            media_ms=row.media_ms or 0.0,
            recording=row.recording or "",
            recording_sha256=row.recording_sha256 or "",
        )
    return Media(
        worker_id=row.worker_id,
        is_admitted=row.admitted_at is not None,
        is_answered=row.answered_at is not None,
        transfer_to=row.transfer_to if row.transfer_answer is None else None,
        end=end,
    )


# ---- handing over: the worker asks, the process that holds the line does it -------------------------------


def ask_transfer(database: Database, call_id: str, target: str, *, now: datetime) -> None:
    """Ask that the callee be handed over to this number."""
    values = {"transfer_to": target, "transfer_answer": None, "changed_at": now}
    with database.write() as connection:
        connection.execute(update(calls).where(calls.c.call_id == call_id).values(values))


def answer_transfer(database: Database, call_id: str, answer: str, *, now: datetime) -> None:
    """Say what came of it: `DONE`, or a clause why not."""
    with database.write() as connection:
        mine = update(calls).where(calls.c.call_id == call_id, calls.c.transfer_answer.is_(None))
        connection.execute(mine.values(transfer_answer=answer, changed_at=now))


def transfer_answer(database: Database, call_id: str) -> str | None:
    """What came of the hand-over; None: not known yet."""
    with database.read() as connection:
        found: str | None = connection.scalar(select(calls.c.transfer_answer).where(calls.c.call_id == call_id))
    return found

"""The call's row: expected, admitted once, ended.

Given plain values and the time, writes and reads calls. The admission is one UPDATE, so that of all processes one
wins. Never asks what a call achieved: it is told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, RowMapping, insert, select, update

from opendeep_kit.errors import BadInput
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.numbers import checked
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.record.database import Database
from opendeep_kit.record.tables import calls, scripts


class CallState(StrEnum):
    """How far a call's row has come."""

    EXPECTED = "expected"
    """Dialled or about to be; its UUID has not come to the door."""
    LIVE = "live"
    """Its UUID was admitted."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedCall:
    """A call about to be placed. What it refers to is saved before, under the same tenant."""

    call_id: str
    """Our id, a UUID's text."""
    tenant_id: str
    number: str = field(repr=False)
    """E.164."""
    line: str
    """Which line carries it: `simulator`, `asterisk`."""
    expected_until: datetime
    """Its UUID is admitted before this instant only."""
    task_id: str | None = None
    script_name: str | None = None
    script_version: int | None = None
    contact_id: str | None = None
    campaign: str | None = None
    """A label."""
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The contact's, as the script may say them: the media worker reads them here."""

    def __post_init__(self) -> None:
        if not _is_uuid(self.call_id):
            raise BadInput("a call's id is not a UUID in its usual text form", do="use str(uuid.uuid4())")
        checked(self.number, "the number to call")
        if (self.script_name is None) != (self.script_version is None):
            raise BadInput("a call names half a script", do="give both its name and its version, or neither")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call's row."""

    call_id: str
    tenant_id: str
    task_id: str | None
    script_name: str | None
    script_version: int | None
    contact_id: str | None
    campaign: str | None
    number: str = field(repr=False)
    line: str
    state: CallState
    created_at: datetime
    expected_until: datetime
    admitted_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    result: Summary | None
    """None until the call has ended."""


def expect(database: Database, call: ExpectedCall, *, now: datetime) -> None:
    """Let this call's UUID in, once, until its time is over.

    Raises:
        BadInput: the id was used before, or the call refers to a tenant, task, script or contact that is not there.
    """
    row = {part.name: getattr(call, part.name) for part in fields(call)} | {"facts": dict(call.facts)}
    with database.write() as connection:
        connection.execute(insert(calls), row | {"state": CallState.EXPECTED, "created_at": now})


def mark_answered(database: Database, tenant_id: str, call_id: str, *, at: datetime) -> bool:
    """Note when the callee picked up. False when there is no such open call, or it was noted before."""
    with database.write() as connection:
        return _change(connection, tenant_id, call_id, {"answered_at": at}, once="answered_at")


def end(database: Database, tenant_id: str, call_id: str, result: Summary, *, at: datetime) -> bool:
    """Close the call's row, admitted or not. False when there is no such open call: the first result stays."""
    with database.write() as connection:
        return close(connection, tenant_id, call_id, result, at=at)


def close(connection: Connection, tenant_id: str, call_id: str, result: Summary, *, at: datetime) -> bool:
    """As `end`, in a transaction."""
    values: dict[str, Any] = {part.name: getattr(result, part.name) for part in fields(result)}
    values |= {"answers": dict(result.answers), "barge_in_stops_ms": list(result.barge_in_stops_ms)}
    values |= {"state": CallState.ENDED, "ended_at": at}
    return _change(connection, tenant_id, call_id, values, once="ended_at")


def call(database: Database, tenant_id: str, call_id: str) -> Call | None:
    """The tenant's call of this id."""
    query = select(calls).where(calls.c.tenant_id == tenant_id, calls.c.call_id == call_id)
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _call(row)


def calls_of(
    database: Database,
    tenant_id: str,
    *,
    campaign: str | None = None,
    state: CallState | None = None,
    limit: int = 1000,
) -> list[Call]:
    """The tenant's calls, the newest first."""
    query = select(calls).where(calls.c.tenant_id == tenant_id)
    if campaign is not None:
        query = query.where(calls.c.campaign == campaign)
    if state is not None:
        query = query.where(calls.c.state == state)
    query = query.order_by(calls.c.created_at.desc(), calls.c.call_id).limit(limit)
    with database.read() as connection:
        return [_call(row) for row in connection.execute(query)]


def _is_uuid(written: str) -> bool:
    try:
        return str(UUID(written)) == written
    except ValueError:
        return False


def _change(connection: Connection, tenant_id: str, call_id: str, values: dict[str, Any], *, once: str) -> bool:
    this_call = (calls.c.tenant_id == tenant_id, calls.c.call_id == call_id, calls.c.state != CallState.ENDED)
    return connection.execute(update(calls).where(*this_call, calls.c[once].is_(None)).values(values)).rowcount == 1


def _call(row: Row[Any]) -> Call:
    columns = row._mapping
    values = {part.name: columns[part.name] for part in fields(Call) if part.name != "result"}
    state = CallState(columns["state"])
    return Call(**values | {"state": state}, result=_result(columns) if state is CallState.ENDED else None)


def _result(columns: RowMapping) -> Summary:
    values = {part.name: columns[part.name] for part in fields(Summary)}
    return Summary(
        **values
        | {
            "phone_result": PhoneResult(columns["phone_result"]),
            "disposition": Disposition(columns["disposition"]),
            "ended_by": EndedBy(columns["ended_by"]),
            "barge_in_stops_ms": tuple(columns["barge_in_stops_ms"]),
        }
    )


# ---- what whoever places a call and whoever holds its sound tell each other ---------------------------


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
    is_transfer_asked: bool
    """A hand-over is asked for that nobody has taken upon itself."""
    transfer_taken_by: str | None
    """The control process that took it and has not answered."""
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
        values = {"state": CallState.LIVE, "worker_id": worker_id, "admitted_at": now}
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
    }
    still_open = (calls.c.call_id == call_id, calls.c.media_ended_at.is_(None), calls.c.state != CallState.ENDED)
    with database.write() as connection:
        connection.execute(update(calls).where(*still_open).values(values))


def close_door(database: Database, call_id: str) -> None:
    """The call is over: its UUID is admitted no more, and what is known of its sound's beginning stays so."""
    closing = update(calls).where(calls.c.call_id == call_id, calls.c.state == CallState.EXPECTED)
    with database.write() as connection:
        # Its own beginning: a clock that is late elsewhere admits nobody either.
        connection.execute(closing.values(expected_until=calls.c.created_at))


def untold_ends(database: Database, worker_id: str, *, admitted_before: datetime) -> list[str]:
    """Calls that this media worker admitted, and of whose sound's end the record knows nothing."""
    query = select(calls.c.call_id).where(
        calls.c.worker_id == worker_id,
        calls.c.state == CallState.LIVE,
        calls.c.media_ended_at.is_(None),
        calls.c.admitted_at < admitted_before,
    )
    with database.read() as connection:
        return [*connection.scalars(query)]


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
        is_transfer_asked=row.transfer_to is not None and row.transfer_taken_by is None and row.transfer_answer is None,
        transfer_taken_by=row.transfer_taken_by if row.transfer_answer is None else None,
        end=end,
    )

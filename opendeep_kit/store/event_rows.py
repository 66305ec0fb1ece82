"""How events lie in their table.

Given events, writes and reads rows; gives each its place (`seq`) in its call, whoever wrote the ones before. Never
decides what is kept and what is dropped: that is `event_log`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlalchemy import ColumnElement, func, insert, select

from opendeep_kit import events
from opendeep_kit.errors import BadInput
from opendeep_kit.events import Event
from opendeep_kit.store.database import Database
from opendeep_kit.store.tables import call_events

WRITERS_TURN = 2
"""Key of the writers' lock on PostgreSQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One row but for its `seq`, which the transaction gives."""

    tenant_id: str
    call_id: str
    at_ms: float
    type: str
    data: str
    """JSON."""
    recorded_at: datetime
    skipped: int
    """Events of this call that were dropped just before: `seq` leaves them a gap."""


def to_row(event: Event, tenant_id: str, *, skipped: int) -> EventRow:
    """The row of an event.

    Raises:
        BadInput: it could not be read back.
    """
    try:
        data = events.to_json(event)
        # One row that cannot be read would hide its whole call: half a surrogate pair in the model's JSON, a NaN.
        events.from_json(type(event).__name__, data)
    except (ValueError, TypeError, msgspec.MsgspecError):
        raise BadInput("an event cannot be kept as JSON", do="look at where its values came from") from None
    return EventRow(
        tenant_id=tenant_id,
        call_id=event.call_id,
        at_ms=event.at_ms,
        type=type(event).__name__,
        data=data,
        recorded_at=datetime.now(UTC),
        skipped=skipped,
    )


def write_rows(database: Database, batch: Sequence[EventRow], gaps: Mapping[str, int]) -> None:
    """Write rows in one transaction.

    Args:
        gaps: by call, further events dropped before its first row here.

    Raises:
        Unavailable: not now.
        BadInput: not these rows.
    """
    calls = {row.call_id for row in batch}
    gaps = {call_id: gaps[call_id] for call_id in calls if call_id in gaps}
    last = select(call_events.c.call_id, func.max(call_events.c.seq)).group_by(call_events.c.call_id)
    with database.write() as connection:
        # One writer at a time, so that `row_id` grows in the order of commits: a reader that follows it would
        # otherwise pass over rows that were numbered earlier and committed later.
        database.in_turn(connection, WRITERS_TURN)
        newest = dict(connection.execute(last.where(call_events.c.call_id.in_(calls))).all())
        values = []
        for row in batch:
            seq = newest.get(row.call_id, 0) + 1 + row.skipped + gaps.pop(row.call_id, 0)
            newest[row.call_id] = seq
            values.append(
                {
                    "tenant_id": row.tenant_id,
                    "call_id": row.call_id,
                    "seq": seq,
                    "at_ms": row.at_ms,
                    "type": row.type,
                    "data": row.data,
                    "recorded_at": row.recorded_at,
                }
            )
        if values:
            connection.execute(insert(call_events), values)


def read_events(database: Database, tenant_id: str, call_id: str) -> list[Event]:
    """The call's events so far, in order."""
    query = select(call_events.c.type, call_events.c.data).where(*_of(tenant_id, call_id)).order_by(call_events.c.seq)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [events.from_json(row.type, row.data) for row in rows]


def count_lost(database: Database, tenant_id: str, call_id: str) -> int:
    """How many of the call's events were dropped: the gaps in `seq`."""
    query = select(func.max(call_events.c.seq) - func.count()).where(*_of(tenant_id, call_id))
    with database.read() as connection:
        return int(connection.scalar(query) or 0)


def _of(tenant_id: str, call_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return call_events.c.tenant_id == tenant_id, call_events.c.call_id == call_id

"""Keeps every event of every call, in order, written off the media loop.

Given events by `append`, which never waits, a thread writes them in batches; a disk that refuses is tried again for
as long as the log is open, and nothing is ever raised into the loop. Never folds events: that is `insight`.

Drop policy, when the writer cannot keep up and the bound is reached: the detectors' frequent notes (`EXPENDABLE`) are
turned away from three quarters of the bound on, other events at the bound, and what a tenant answers for (`KEPT`, a
few per call) never. Every drop is counted by type, and leaves a gap in its call's `seq` that `lost` reports.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, Connection, func, insert, select

from opendeep_kit import events
from opendeep_kit.errors import BadInput, OpenDeepError, OurMistake, Unavailable
from opendeep_kit.events import Event
from opendeep_kit.logs import log
from opendeep_kit.record.database import Database
from opendeep_kit.record.tables import call_events, event_writers
from opendeep_kit.record.upserts import upsert

EXPENDABLE: frozenset[type[Event]] = frozenset(
    {
        events.CalleeSoundStarted,
        events.CalleeSoundStopped,
        events.SpeechStarted,
        events.SpeechStopped,
        events.ReplyAudioArrived,
        events.Unknown,
    }
)
"""Many per turn; without them latencies are missing, not facts."""
KEPT: frozenset[type[Event]] = frozenset(
    {
        events.Answered,
        events.DisclosureHeard,
        events.AnswerRecorded,
        events.CallbackScheduled,
        events.OptedOut,
        events.TransferAsked,
        events.VoicemailLeft,
        events.RecordingSaved,
        events.CallEnded,
        events.CallJudged,
    }
)
"""A few per call: the bound gives way for them."""
BATCH = 500
LINGER_S = 0.05
"""How long the writer waits for company for a first event: a live transcript lags by this much at most."""
FIRST_RETRY_S = 0.1
LAST_RETRY_S = 1.0
GIVE_UP_S = 2.0
"""How much longer a write under way gets after `close` ran out of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    event: Event
    tenant_id: str
    skipped: int
    """Events of this call that were dropped since its last entry."""


class EventLog:
    """The writing end of every call's event list, and the reading one.

    Each event is numbered before it is first written, and the last number written stands in the record beside the
    events, in the same transaction: a batch whose commit was never answered is found there, and not written twice.

    Args:
        capacity: events that may wait in memory.
    """

    def __init__(self, database: Database, *, capacity: int = 20_000) -> None:
        self._database = database
        self._capacity = capacity
        self._queue: queue.SimpleQueue[_Entry | threading.Event | None] = queue.SimpleQueue()
        self._in_hand = 0
        self._skipped: Counter[str] = Counter()
        """By call: dropped by `append` since the call's last entry."""
        self._refused: Counter[str] = Counter()
        """The same for events that no database takes; the writer's own."""
        self._counting = threading.Lock()
        self._give_up = threading.Event()
        self._is_closed = False
        self._failure = ""
        self._writer_id = str(uuid4())
        self._numbers = count(1)
        self.dropped: Counter[str] = Counter()
        """Events dropped since the start, by type."""
        self._thread = threading.Thread(target=self._write_all, name="event-log", daemon=True)
        self._thread.start()

    # ---- for the media loop -------------------------------------------------------------------------

    def append(self, event: Event, tenant_id: str) -> None:
        """Add the next event of its call. Never waits, never raises."""
        if self._is_closed or self.waiting >= self._room_for(event):
            self._drop(event, leaves_gap=not self._is_closed)
            return
        skipped = self._skipped.pop(event.call_id, 0) if self._skipped else 0
        self._queue.put(_Entry(event=event, tenant_id=tenant_id, skipped=skipped))

    @property
    def waiting(self) -> int:
        """Events in memory that are not in the record yet."""
        return self._queue.qsize() + self._in_hand

    @property
    def failure(self) -> str:
        """Why nothing can be written now; empty when all is well."""
        if not self._is_closed and not self._thread.is_alive():
            return "the event log's writer has stopped: start the process again."
        return self._failure

    def _room_for(self, event: Event) -> float:
        if type(event) in KEPT:
            return float("inf")
        return self._capacity * 3 // 4 if type(event) in EXPENDABLE else self._capacity

    def _drop(self, event: Event, *, leaves_gap: bool) -> None:
        with self._counting:  # held for two additions: nobody waits for a disk here
            self.dropped[type(event).__name__] += 1
            if leaves_gap:
                self._skipped[event.call_id] += 1

    # ---- off the loop -------------------------------------------------------------------------------

    def flush(self, *, timeout_s: float = 10.0) -> bool:
        """Wait until all that was appended before is in the record. False when it is not, by then."""
        if self._is_closed:
            return self.waiting == 0
        written = threading.Event()
        self._queue.put(written)
        return written.wait(timeout_s)

    def close(self, *, timeout_s: float = 10.0) -> None:
        """Write what waits and stop.

        Raises:
            Unavailable: the record could not be written by then; the message says how many events are lost.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._queue.put(None)
        self._thread.join(timeout_s)
        self._give_up.set()
        self._thread.join(GIVE_UP_S)
        lost = self._in_hand
        while not self._queue.empty():
            lost += isinstance(self._queue.get_nowait(), _Entry)
        if lost:
            raise Unavailable(
                f"{lost} events were not recorded ({self._failure or 'they came after the end'})",
                do="fix that before the next call; the calls' recordings are not affected",
            )

    def read(self, tenant_id: str, call_id: str) -> list[Event]:
        """The call's events so far, in order."""
        return read_events(self._database, tenant_id, call_id)

    def lost(self, tenant_id: str, call_id: str) -> int:
        """How many of the call's events were dropped."""
        return count_lost(self._database, tenant_id, call_id)

    # ---- the writer ---------------------------------------------------------------------------------

    def _write_all(self) -> None:
        is_open = True
        while is_open:
            batch, flushed, is_open = self._collect()
            if not self._save(self._rows(batch)):
                return
            self._in_hand = 0
            if flushed is not None:
                flushed.set()

    def _collect(self) -> tuple[list[_Entry], threading.Event | None, bool]:
        """The next batch, who waits for it, and whether more may come."""
        batch: list[_Entry] = []
        until: float | None = None
        while len(batch) < BATCH:
            try:
                got = self._queue.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if not isinstance(got, _Entry):
                return batch, got, got is not None
            batch.append(got)
            self._in_hand = len(batch)
            until = until or time.monotonic() + LINGER_S
        return batch, None, True

    def _rows(self, batch: Sequence[_Entry]) -> list[EventRow]:
        rows = []
        gaps: Counter[str] = Counter()
        for entry in batch:
            call_id, skipped = entry.event.call_id, entry.skipped + gaps.pop(entry.event.call_id, 0)
            try:
                rows.append(to_row(entry.event, entry.tenant_id, skipped=skipped, number=next(self._numbers)))
            except BadInput:
                gaps[call_id] = skipped + 1
                self._count_refused(type(entry.event).__name__)
        self._refused.update(gaps)
        return rows

    def _save(self, batch: Sequence[EventRow]) -> bool:
        """Write the batch, however long it takes. False when it was given up."""
        wait_s = FIRST_RETRY_S
        while batch:
            try:
                write_rows(self._database, self._writer_id, batch, self._refused)
            except (Unavailable, OurMistake) as error:
                self._note_failure(error)
                if self._give_up.wait(wait_s):
                    return False
                wait_s = min(wait_s * 2, LAST_RETRY_S)
            except BadInput:
                if len(batch) > 1:
                    return all(self._save([row]) for row in batch)
                self._refused[batch[0].call_id] += batch[0].skipped + 1
                self._count_refused(batch[0].type)
                return True
            else:
                self._note_success(batch)
                return True
        return True

    def _count_refused(self, type_name: str) -> None:
        log().error("! an event cannot be recorded and is dropped", type=type_name)
        with self._counting:
            self.dropped[type_name] += 1

    def _note_failure(self, error: OpenDeepError) -> None:
        if not self._failure:
            log().error("! the record cannot be written; events wait in memory", why=error.what)
        self._failure = str(error)

    def _note_success(self, batch: Sequence[EventRow]) -> None:
        for row in batch:
            self._refused.pop(row.call_id, None)
        if self._failure:
            self._failure = ""
            log().info("= the record can be written again", waiting=self._queue.qsize(), dropped=self.dropped.total())


# ---- how events lie in their table --------------------------------------------------------------------

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
    number: int
    """1, 2, 3 … in its writer, 0 for one that is written with something else: that is there once, or not at all."""


def to_row(event: Event, tenant_id: str, *, skipped: int = 0, number: int = 0) -> EventRow:
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
        number=number,
    )


def write_rows(database: Database, writer_id: str, batch: Sequence[EventRow], gaps: Mapping[str, int]) -> None:
    """Write a writer's next rows in one transaction; what it has written before, answered or not, is left out.

    Args:
        gaps: by call, further events dropped before its first row here.

    Raises:
        Unavailable: not now.
        BadInput: not these rows.
    """
    gaps = {row.call_id: gaps[row.call_id] for row in batch if row.call_id in gaps}
    with database.write() as connection:
        _take_turn(database, connection)
        known = select(event_writers.c.written).where(event_writers.c.writer_id == writer_id)
        written = connection.scalar(known) or 0
        new = [row for row in batch if row.number > written]
        if new:
            _insert(connection, new, gaps)
            mark = {"writer_id": writer_id, "written": new[-1].number, "seen_at": new[-1].recorded_at}
            connection.execute(upsert(connection, event_writers, mark), mark)


def add_events(database: Database, connection: Connection, happened: Sequence[Event], tenant_id: str) -> None:
    """Write events in a transaction that writes something else too: both are there, or neither.

    Raises:
        BadInput: one of them cannot be kept.
    """
    _take_turn(database, connection)
    _insert(connection, [to_row(event, tenant_id) for event in happened], {})


def _take_turn(database: Database, connection: Connection) -> None:
    # One writer at a time, so that `row_id` grows in the order of commits: a reader that follows it would
    # otherwise pass over rows that were numbered earlier and committed later.
    database.in_turn(connection, WRITERS_TURN)


def _insert(connection: Connection, rows: Sequence[EventRow], gaps: dict[str, int]) -> None:
    calls = {row.call_id for row in rows}
    last = select(call_events.c.call_id, func.max(call_events.c.seq)).group_by(call_events.c.call_id)
    newest = dict(connection.execute(last.where(call_events.c.call_id.in_(calls))).all())
    values = []
    for row in rows:
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
    connection.execute(insert(call_events), values)


def read_events(database: Database, tenant_id: str, call_id: str) -> list[Event]:
    """The call's events so far, in order."""
    query = select(call_events.c.type, call_events.c.data).where(*_of(tenant_id, call_id)).order_by(call_events.c.seq)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [events.from_json(row.type, row.data) for row in rows]


def count_events(connection: Connection, tenant_id: str, call_id: str) -> int:
    """How many of the call's events there are."""
    return int(connection.scalar(select(func.count()).where(*_of(tenant_id, call_id))) or 0)


def count_lost(database: Database, tenant_id: str, call_id: str) -> int:
    """How many of the call's events were dropped: the gaps in `seq`."""
    query = select(func.max(call_events.c.seq) - func.count()).where(*_of(tenant_id, call_id))
    with database.read() as connection:
        return int(connection.scalar(query) or 0)


def _of(tenant_id: str, call_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return call_events.c.tenant_id == tenant_id, call_events.c.call_id == call_id

"""A tenant's live calls, cheap enough to be queried every second by every supervisor.

Given the time, reads in one short transaction the live calls, and for one selected call what happened since the last
look. Never reads calls that are over, never more of a conversation than is new, and never writes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from opendeep_kit import events
from opendeep_kit.events import Event
from opendeep_kit.record.calls import CallState
from opendeep_kit.record.campaign_tables import campaigns
from opendeep_kit.record.database import Database
from opendeep_kit.record.service_tables import media_workers
from opendeep_kit.record.tables import call_events, calls

HORIZON = timedelta(hours=2)
"""The first look goes back so far: no call lives longer."""
OVERLAP = timedelta(seconds=30)
"""A call's row is committed later than the time it bears, by hosts whose clocks differ."""
GONE_AFTER = timedelta(seconds=30)
"""A call whose sound did not come by its time is not shown for longer than so."""
EVENTS_AT_ONCE = 2000
KNOWN_AT_ONCE = 500
"""Ids in one query: far below the limits of both databases."""


class Stage(StrEnum):
    """How far a call that lives has come."""

    DIALLING = "dialling"
    """The line is asked; there is no sound yet."""
    RINGING = "ringing"
    TALKING = "talking"
    TRANSFERRING = "transferring"
    """The callee is being handed to a person."""
    ENDING = "ending"
    """Its sound is over; what came of it is being written."""
    ENDED = "ended"
    LOST = "lost"
    """The media worker that held it gives no sign any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNow:
    """One call at this moment."""

    call_id: str
    stage: Stage
    number: str = field(repr=False)
    """E.164."""
    name: str = field(repr=False)
    """The contact's, as the call was placed; empty: not known."""
    campaign_id: str | None
    campaign: str
    """Its name, or the label; empty: none."""
    script_name: str | None
    script_version: int | None
    worker_id: str | None
    created_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    disposition: str | None
    ended_by: str | None
    detail: str | None

    @property
    def since(self) -> datetime:
        """From when its duration counts: the answer, or the dial while nobody has answered."""
        return self.answered_at or self.created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """The health of one media worker's loop. How many calls it holds is not said: they may be other tenants'."""

    worker_id: str
    is_serving: bool
    """False: it takes no new calls."""
    lag_ms: float
    """How late its loop woke up, at the worst in the last second."""
    gap_share: float
    """0..1 of 20 ms slots skipped in the last second."""
    silent_s: float
    """Since its last sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look found."""

    calls: tuple[CallNow, ...]
    """The longest lived first."""
    loops: tuple[Loop, ...]
    chosen: CallNow | None
    """The call that was asked for; it may have ended. None: the tenant has no such call."""
    news: tuple[Event, ...]
    """What happened in it since the last look."""


class LiveCalls:
    """Follows the live calls of one tenant, and the talk of one of them, for one viewer.

    Args:
        dead_after_s: a media worker that gave no sign for so long holds no call any more.
    """

    def __init__(self, database: Database, tenant_id: str, *, dead_after_s: float) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._dead_after = timedelta(seconds=dead_after_s)
        self._known: frozenset[str] = frozenset()
        self._looked_at: datetime | None = None
        self._followed: tuple[str, int] = ("", 0)
        """The chosen call, and the place of its last event that was seen."""

    def look(self, *, now: datetime, chosen: str = "") -> Look:
        """What is to be seen now.

        Args:
            chosen: the call whose talk is followed; another one than before is told from its beginning.

        Raises:
            Unavailable: the record cannot be read now.
        """
        if self._followed[0] != chosen:
            self._followed = (chosen, 0)
        since = now - HORIZON if self._looked_at is None else self._looked_at - OVERLAP
        with self._database.read() as connection:
            loops = tuple(_loop(row, now) for row in connection.execute(_LOOPS))
            dead = self._dead(loops)
            living = self._living(connection, since, now, dead)
            chosen_rows = self._rows(connection, [calls.c.call_id == chosen]) if chosen else []
            news = self._news(connection) if chosen_rows else []
        self._known = frozenset(call.call_id for call in living)
        self._looked_at = now
        if news:
            self._followed = (chosen, int(news[-1].seq))
        return Look(
            calls=tuple(sorted(living, key=lambda call: (call.since, call.call_id))),
            loops=tuple(loop for loop in loops if loop.silent_s < 6 * self._dead_after.total_seconds()),
            chosen=_call(chosen_rows[0], dead) if chosen_rows else None,
            news=tuple(events.from_json(row.type, row.data) for row in news),
        )

    def _dead(self, loops: Sequence[Loop]) -> Collection[str]:
        return {loop.worker_id for loop in loops if loop.silent_s > self._dead_after.total_seconds()}

    def _living(self, connection: Connection, since: datetime, now: datetime, dead: Collection[str]) -> list[CallNow]:
        """Those seen before, by their ids, and those that came since: both by an index, however long the history."""
        is_open = and_(
            calls.c.state != CallState.ENDED,
            or_(calls.c.admitted_at.is_not(None), calls.c.expected_until > now - GONE_AFTER),
        )
        rows = {row.call_id: row for row in self._rows(connection, [is_open, calls.c.created_at > since])}
        rest = sorted(self._known - rows.keys())
        for first in range(0, len(rest), KNOWN_AT_ONCE):
            some = rest[first : first + KNOWN_AT_ONCE]
            rows |= {row.call_id: row for row in self._rows(connection, [is_open, calls.c.call_id.in_(some)])}
        return [_call(row, dead) for row in rows.values() if row.created_at > now - HORIZON]

    def _rows(self, connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> Sequence[Row[Any]]:
        return connection.execute(_CALLS.where(calls.c.tenant_id == self._tenant_id, *conditions)).all()

    def _news(self, connection: Connection) -> Sequence[Row[Any]]:
        call_id, seen = self._followed
        query: Select[Any] = (
            select(call_events.c.seq, call_events.c.type, call_events.c.data)
            .where(call_events.c.call_id == call_id, call_events.c.seq > seen)
            .where(call_events.c.tenant_id == self._tenant_id)
            .order_by(call_events.c.seq)
            .limit(EVENTS_AT_ONCE)
        )
        return connection.execute(query).all()


_CALLS: Select[Any] = select(
    *(
        calls.c[name]
        for name in (
            *("call_id", "state", "number", "script_name", "script_version", "worker_id", "created_at"),
            *("admitted_at", "answered_at", "ended_at", "media_ended_at", "transfer_to", "transfer_answer"),
            *("disposition", "ended_by", "detail"),
        )
    ),
    calls.c.campaign.label("campaign_id"),
    calls.c.facts,
    campaigns.c.name.label("campaign_name"),
).outerjoin(campaigns, and_(campaigns.c.tenant_id == calls.c.tenant_id, campaigns.c.campaign_id == calls.c.campaign))
_LOOPS: Select[Any] = select(media_workers).order_by(media_workers.c.worker_id)


def _call(row: Row[Any], dead: Collection[str]) -> CallNow:
    return CallNow(
        call_id=row.call_id,
        stage=_stage(row, dead),
        number=row.number,
        name=row.facts.get("name", ""),
        campaign_id=row.campaign_id,
        campaign=row.campaign_name or row.campaign_id or "",
        script_name=row.script_name,
        script_version=row.script_version,
        worker_id=row.worker_id,
        created_at=row.created_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        disposition=row.disposition,
        ended_by=row.ended_by,
        detail=row.detail,
    )


def _stage(row: Row[Any], dead: Collection[str]) -> Stage:
    if row.state == CallState.ENDED:
        return Stage.ENDED
    if row.media_ended_at is not None:
        return Stage.ENDING
    if row.worker_id in dead:
        return Stage.LOST
    if row.transfer_to is not None and row.transfer_answer is None:
        return Stage.TRANSFERRING
    if row.answered_at is not None:
        return Stage.TALKING
    return Stage.RINGING if row.admitted_at is not None else Stage.DIALLING


def _loop(row: Row[Any], now: datetime) -> Loop:
    return Loop(
        worker_id=row.worker_id,
        is_serving=row.state == "serving",
        lag_ms=row.loop_lag_ms,
        gap_share=row.gap_share,
        silent_s=max(0.0, (now - row.seen_at).total_seconds()),
    )

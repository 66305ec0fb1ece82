"""Notebook runs, and the schedules that start them. A run's row is the truth, not the notebook it writes.

Given plain values and the time, writes and reads them; of several processes that would start a scheduled run, exactly
one does. Never runs anything, never parses a cron expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, false, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from opendeep_kit.record.database import Database
from opendeep_kit.record.service_tables import runs, schedules


class RunState(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """A cell raised."""
    KILLED = "killed"
    """It gave no sign any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A notebook about to be run."""

    run_id: str
    """The same run is started once, whoever asks: choose it so."""
    tenant_id: str
    notebook: str
    """Path below the project's folder."""
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    output_notebook: str = ""
    """Path below the reports folder."""
    output_html: str = ""
    schedule_id: str | None = None
    """None: started by hand."""
    due_at: datetime | None = None
    """By its schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(NewRun):
    """One run's row."""

    state: RunState
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a notebook runs on a schedule."""

    tenant_id: str
    schedule_id: str
    """The tenant's own name of it."""
    cron: str
    time_zone: str
    """IANA name."""
    notebook: str
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    is_paused: bool = False
    last_run_at: datetime | None = None
    """The time it was due."""
    next_run_at: datetime | None = None
    """None: never."""


# ---- runs -------------------------------------------------------------------------------------------


def start(database: Database, run: NewRun, *, now: datetime) -> bool:
    """Note that a run begins. False: it was begun before, do not run it.

    Raises:
        BadInput: there is no such tenant or schedule.
    """
    row = {part.name: getattr(run, part.name) for part in fields(NewRun)} | {"parameters": dict(run.parameters)}
    row |= {"state": RunState.RUNNING, "started_at": now, "heartbeat_at": now, "error": "", "changed_at": now}
    statement = (postgresql if database.is_postgresql else sqlite).insert(runs).on_conflict_do_nothing()
    with database.write() as connection:
        added = connection.execute(statement.values(row), execution_options={"preserve_rowcount": True})
        return added.rowcount == 1


def beat(database: Database, tenant_id: str, run_id: str, *, now: datetime) -> bool:
    """The run goes on. False: it was closed meanwhile, stop it."""
    with database.write() as connection:
        values = {"heartbeat_at": now, "changed_at": now}
        return connection.execute(update(runs).where(*_running(tenant_id, run_id)).values(values)).rowcount == 1


def finish(database: Database, tenant_id: str, run_id: str, state: RunState, *, error: str = "", now: datetime) -> bool:
    """The run is over. False when it was closed before: the first end stays."""
    values = {"state": state, "error": error, "ended_at": now, "heartbeat_at": now, "changed_at": now}
    with database.write() as connection:
        return connection.execute(update(runs).where(*_running(tenant_id, run_id)).values(values)).rowcount == 1


def close_silent(database: Database, *, now: datetime, silent_s: float) -> list[Run]:
    """Close runs of all tenants that were silent for this long, and return them. For the control process only."""
    silent = (runs.c.state == RunState.RUNNING, runs.c.heartbeat_at <= now - timedelta(seconds=silent_s))
    error = f"it gave no sign for {silent_s:g} s"
    values = {"state": RunState.KILLED, "error": error, "ended_at": now, "changed_at": now}
    with database.write() as connection:
        return [_run(row) for row in connection.execute(update(runs).where(*silent).values(values).returning(runs))]


def run(database: Database, tenant_id: str, run_id: str) -> Run | None:
    """The tenant's run of this id."""
    query = select(runs).where(runs.c.tenant_id == tenant_id, runs.c.run_id == run_id)
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _run(row)


def runs_of(database: Database, tenant_id: str, *, schedule_id: str | None = None, limit: int = 100) -> list[Run]:
    """The tenant's runs, the newest first; of one schedule when it is named."""
    query = select(runs).where(runs.c.tenant_id == tenant_id)
    if schedule_id is not None:
        query = query.where(runs.c.schedule_id == schedule_id)
    with database.read() as connection:
        rows = connection.execute(query.order_by(runs.c.started_at.desc(), runs.c.run_id).limit(limit))
        return [_run(row) for row in rows]


# ---- schedules --------------------------------------------------------------------------------------


def save_schedule(database: Database, schedule: Schedule, *, now: datetime) -> None:
    """Add a schedule, or change it; when it ran last stays.

    Raises:
        BadInput: there is no such tenant.
    """
    row = {part.name: getattr(schedule, part.name) for part in fields(Schedule)}
    row |= {"parameters": dict(schedule.parameters), "created_at": now, "changed_at": now}
    statement = (postgresql if database.is_postgresql else sqlite).insert(schedules)
    unchanged = ("tenant_id", "schedule_id", "last_run_at", "created_at")
    changed = {name: statement.excluded[name] for name in row if name not in unchanged}
    with database.write() as connection:
        connection.execute(
            statement.on_conflict_do_update(index_elements=["tenant_id", "schedule_id"], set_=changed), row
        )


def schedules_of(database: Database, tenant_id: str) -> list[Schedule]:
    """The tenant's schedules by id."""
    query = select(schedules).where(schedules.c.tenant_id == tenant_id).order_by(schedules.c.schedule_id)
    with database.read() as connection:
        return [_schedule(row) for row in connection.execute(query)]


def schedule(database: Database, tenant_id: str, schedule_id: str) -> Schedule | None:
    """The tenant's schedule of this id."""
    query = select(schedules).where(schedules.c.tenant_id == tenant_id, schedules.c.schedule_id == schedule_id)
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _schedule(row)


def remove_schedule(database: Database, tenant_id: str, schedule_id: str, *, now: datetime) -> bool:
    """Delete the schedule; its runs stay, as if started by hand. False: there is no such schedule."""
    with database.write() as connection:
        by_it = (runs.c.tenant_id == tenant_id, runs.c.schedule_id == schedule_id)
        connection.execute(update(runs).where(*by_it).values(schedule_id=None, changed_at=now))
        this_schedule = (schedules.c.tenant_id == tenant_id, schedules.c.schedule_id == schedule_id)
        return connection.execute(delete(schedules).where(*this_schedule)).rowcount == 1


def due_schedules(database: Database, *, now: datetime) -> list[Schedule]:
    """Schedules of all tenants whose time has come and whose last run is over, the longest overdue first.

    For the control process only.
    """
    goes_on = exists().where(
        runs.c.tenant_id == schedules.c.tenant_id,
        runs.c.schedule_id == schedules.c.schedule_id,
        runs.c.state == RunState.RUNNING,
    )
    is_due = (schedules.c.is_paused == false(), schedules.c.next_run_at <= now, ~goes_on)
    query = select(schedules).where(*is_due)
    with database.read() as connection:
        return [_schedule(row) for row in connection.execute(query.order_by(schedules.c.next_run_at))]


def start_due(
    database: Database, schedule: Schedule, begun: NewRun, *, next_run_at: datetime | None, now: datetime
) -> bool:
    """Begin the run that this schedule is due for, and set its next time, together. False: another process did.

    Args:
        schedule: as `due_schedules` returned it.
        next_run_at: by its cron expression; None: never again.
    """
    due_at = schedule.next_run_at
    this_schedule = (schedules.c.tenant_id == schedule.tenant_id, schedules.c.schedule_id == schedule.schedule_id)
    row = {part.name: getattr(begun, part.name) for part in fields(NewRun)} | {"parameters": dict(begun.parameters)}
    row |= {"tenant_id": schedule.tenant_id, "schedule_id": schedule.schedule_id, "due_at": due_at}
    row |= {"state": RunState.RUNNING, "started_at": now, "heartbeat_at": now, "error": "", "changed_at": now}
    with database.write() as connection:
        moved = connection.execute(
            update(schedules)
            .where(*this_schedule, schedules.c.next_run_at == due_at, schedules.c.is_paused == false())
            .values(last_run_at=due_at, next_run_at=next_run_at, changed_at=now)
        )
        if moved.rowcount != 1:
            return False
        connection.execute(insert(runs), row)
        return True


# ---- rows -------------------------------------------------------------------------------------------


def _running(tenant_id: str, run_id: str) -> tuple[ColumnElement[bool], ...]:
    return runs.c.tenant_id == tenant_id, runs.c.run_id == run_id, runs.c.state == RunState.RUNNING


def _run(row: Row[Any]) -> Run:
    values = {part.name: row._mapping[part.name] for part in fields(Run)}
    return Run(**values | {"state": RunState(row.state)})


def _schedule(row: Row[Any]) -> Schedule:
    return Schedule(**{part.name: row._mapping[part.name] for part in fields(Schedule)})

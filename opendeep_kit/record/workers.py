"""Which processes are alive: media workers with their capacity, and control processes.

Given their heartbeats and the time, keeps the last one of each and says who is alive and who has room. They belong to
no tenant: all of this is for the service and its operator.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, func, or_, select, true, update

from opendeep_kit.campaigns.capacity import Heartbeat, Worker, WorkerState
from opendeep_kit.record.attempts import OPEN
from opendeep_kit.record.campaign_tables import attempts
from opendeep_kit.record.database import Database
from opendeep_kit.record.service_tables import control_processes, media_workers
from opendeep_kit.record.tables import event_writers
from opendeep_kit.record.upserts import upsert

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlProcess:
    """A control process."""

    control_id: str
    """Another one after every start."""
    host: str
    reaches_people: bool
    """Whether its line does; else it reaches made-up numbers only."""
    started_at: datetime
    seen_at: datetime
    held: Mapping[str, str] = field(default_factory=dict)
    """By `tenant/campaign`: what holds its due calls, in a clause. Of the one that plans."""
    bound_by: str = ""
    """What allows no call at all, in a clause."""


def beat(database: Database, worker: Heartbeat, *, now: datetime) -> None:
    """Note a media worker's heartbeat."""
    _note(database, media_workers, {part.name: getattr(worker, part.name) for part in fields(Heartbeat)}, now)


def beat_control(
    database: Database,
    control_id: str,
    *,
    host: str,
    reaches_people: bool = True,
    serves: bool = True,
    now: datetime,
) -> bool:
    """Note a control process's heartbeat; the first comes before its first claim. False: it was buried.

    Args:
        serves: it plans and takes calls of campaigns; else it places those only for which somebody waits in it.
    """
    row = {"control_id": control_id, "host": host, "reaches_people": reaches_people, "serves": serves}
    return _note(database, control_processes, row, now, control_processes.c.buried_by.is_(None))


def tell_held(database: Database, control_id: str, *, held: Mapping[str, str], bound_by: str) -> None:
    """Note what holds due calls, so that whoever looks sees why nothing is dialled."""
    this_process = control_processes.c.control_id == control_id
    with database.write() as connection:
        connection.execute(update(control_processes).where(this_process).values(held=dict(held), bound_by=bound_by))


def sign_off(database: Database, worker_id: str) -> None:
    """A media worker ends: nobody waits for its silence."""
    with database.write() as connection:
        connection.execute(delete(media_workers).where(media_workers.c.worker_id == worker_id))


def sign_off_control(database: Database, control_id: str) -> None:
    """A control process ends: whatever attempts it leaves open are taken over at once."""
    with database.write() as connection:
        connection.execute(delete(control_processes).where(control_processes.c.control_id == control_id))


def alive(database: Database, *, now: datetime, within_s: float) -> list[Worker]:
    """Media workers with a heartbeat within this time, draining ones included, by id."""
    with database.read() as connection:
        return read_alive(connection, now=now, within_s=within_s)


def read_alive(connection: Connection, *, now: datetime, within_s: float) -> list[Worker]:
    """As `alive`, in a transaction."""
    given = (
        select(attempts.c.worker_id, func.count().label("given_calls"))
        .where(attempts.c.state.in_(OPEN))
        .group_by(attempts.c.worker_id)
        .subquery()
    )
    query = (
        select(media_workers, func.coalesce(given.c.given_calls, 0).label("given_calls"))
        .outerjoin(given, given.c.worker_id == media_workers.c.worker_id)
        .where(media_workers.c.seen_at > now - timedelta(seconds=within_s))
        .order_by(media_workers.c.worker_id)
    )
    return [_worker(row) for row in connection.execute(query)]


def least_loaded(
    database: Database, *, now: datetime, within_s: float, missed: Mapping[str, datetime] = MappingProxyType({})
) -> Worker | None:
    """The living worker with the greatest share of its slots free; of equals the least late. None: none is free.

    Args:
        missed: workers that could not be reached, by id: passed over until a later sign of theirs.
    """
    living = alive(database, now=now, within_s=within_s)
    free = [
        worker for worker in living if worker.free_slots and not worker.seen_at <= missed.get(worker.worker_id, NEVER)
    ]
    return max(
        free,
        key=lambda worker: (worker.free_slots / worker.capacity, -worker.loop_lag_ms, worker.worker_id),
        default=None,
    )


def controls_alive(database: Database, *, now: datetime, within_s: float) -> list[ControlProcess]:
    """Control processes of the service with a heartbeat within this time, by id."""
    of = control_processes.c
    alive = (of.seen_at > now - timedelta(seconds=within_s), of.buried_by.is_(None), of.serves == true())
    query = select(*_CONTROL).where(*alive).order_by(of.control_id)
    with database.read() as connection:
        return [_control(row) for row in connection.execute(query)]


def planner(controls: Sequence[ControlProcess]) -> ControlProcess | None:
    """The one of these that plans: the oldest, as two would only ask for the same contacts twice."""
    return min(controls, key=lambda control: (control.started_at, control.control_id), default=None)


def signs_of_life(database: Database) -> dict[str, datetime]:
    """The last sign of every process that has not signed off and was not buried, by id."""
    with database.read() as connection:
        media = connection.execute(select(media_workers.c.worker_id, media_workers.c.seen_at)).all()
        control = connection.execute(
            select(control_processes.c.control_id, control_processes.c.seen_at).where(
                control_processes.c.buried_by.is_(None)
            )
        ).all()
    return dict([*(tuple(row) for row in media), *(tuple(row) for row in control)])


def bury(
    database: Database, control_id: str, *, by: str, seen_at: datetime | None, living: Collection[str], now: datetime
) -> bool:
    """Declare a control process dead, for good, and be the one that takes its work over. False: it is not ours to.

    Args:
        seen_at: its last sign, as it was when it was found dead; a later one saves it. None: it signed off.
        living: those that are not dead: one of them may have taken its work over before.
    """
    of = control_processes.c
    nothing = {"host": "", "reaches_people": False, "serves": False}
    row = {"control_id": control_id, **nothing, "started_at": now, "seen_at": now}
    is_heirless = or_(of.buried_by.is_(None), of.buried_by == by, of.buried_by.not_in(list(living)))
    still_silent = or_(of.buried_by.is_not(None), of.seen_at == seen_at) if seen_at else of.buried_by.is_not(None)
    with database.write() as connection:
        burying = upsert(connection, control_processes, ["buried_by"], is_heirless, still_silent)
        return connection.scalar(burying.returning(of.control_id), row | {"buried_by": by}) is not None


def forget_silent(database: Database, *, now: datetime, silent_s: float) -> int:
    """Drop the rows of processes and event logs silent for this long. Returns how many."""
    gone = 0
    with database.write() as connection:
        for table in (media_workers, control_processes, event_writers):
            silent = table.c.seen_at <= now - timedelta(seconds=silent_s)
            gone += connection.execute(delete(table).where(silent)).rowcount
    return gone


def _note(
    database: Database, table: Table, row: dict[str, Any], now: datetime, *only_where: ColumnElement[bool]
) -> bool:
    values = row | {"started_at": now, "seen_at": now}
    with database.write() as connection:
        noting = upsert(connection, table, values, *only_where).returning(*table.primary_key)
        return connection.scalar(noting, values) is not None


_CONTROL = [control_processes.c[part.name] for part in fields(ControlProcess)]


def _control(row: Row[Any]) -> ControlProcess:
    return ControlProcess(**dict(row._mapping) | {"held": row.held or {}, "bound_by": row.bound_by or ""})


def _worker(row: Row[Any]) -> Worker:
    values = {part.name: row._mapping[part.name] for part in fields(Worker)}
    return Worker(**values | {"state": WorkerState(row.state)})

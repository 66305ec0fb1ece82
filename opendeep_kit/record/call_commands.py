"""Commands to live calls: a supervisor gives them, the call's media worker takes each one once.

Given plain values and the time, writes and reads them. Never carries one out.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.record.calls import CallState
from opendeep_kit.record.database import Database
from opendeep_kit.record.service_tables import call_commands
from opendeep_kit.record.tables import calls

TOO_LATE = "the call ended before it was taken"
WITHDRAWN = "withdrawn: no media worker took it in time"
NOT_UNDERSTOOD = "not understood"
"""What came of a command of a kind that this version does not know: another one gave it."""


class CommandKind(StrEnum):
    """What to do with a call."""

    HANG_UP = "hang_up"
    SAY = "say"
    """The agent says the argument to the callee."""
    COACH = "coach"
    """The agent is told the argument; the callee is not."""
    TAKE_OVER = "take_over"
    """A person leads instead of the agent; the argument is where they are reached, or nothing: they lead by `say`."""
    TRANSFER = "transfer"
    """The callee is handed to the argument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command."""

    command_id: str
    tenant_id: str
    call_id: str
    kind: CommandKind
    argument: str = field(repr=False)
    by: str
    """A person's name."""
    created_at: datetime
    taken_at: datetime | None = None
    done_at: datetime | None = None
    outcome: str | None = None
    """What came of it, in a clause."""


def give(
    database: Database, tenant_id: str, call_id: str, kind: CommandKind, *, argument: str = "", by: str, now: datetime
) -> Command:
    """Command a live call.

    Raises:
        BadInput: the tenant has no such call, or the command lacks what to say or where to.
        Refused: the call has ended.
    """
    if kind not in (CommandKind.HANG_UP, CommandKind.TAKE_OVER) and not argument.strip():
        raise BadInput(f"the command {kind.value!r} lacks its argument", do="give the words to say, or the number")
    command = Command(
        command_id=str(uuid.uuid4()),
        tenant_id=tenant_id,
        call_id=call_id,
        kind=kind,
        argument=argument,
        by=by,
        created_at=now,
    )
    row = {part.name: getattr(command, part.name) for part in fields(Command)} | {"changed_at": now}
    query = select(calls.c.state).where(calls.c.tenant_id == tenant_id, calls.c.call_id == call_id)
    with database.write() as connection:
        state = connection.scalar(query)
        if state is None:
            raise BadInput("there is no such call", do="look it up in the tenant's calls")
        if state == CallState.ENDED:
            raise Refused("the call has ended", do="command one that is live")
        connection.execute(insert(call_commands), row)
    return command


def take(database: Database, call_ids: Collection[str], *, now: datetime) -> list[Command]:
    """The commands given to these calls since the last time, in order. Each is given out once, whoever asks.

    One of a kind that is not known is closed instead. The calls are the worker's own, of whatever tenant. Where there
    is none, nothing is locked.
    """
    waiting = (call_commands.c.call_id.in_(call_ids), call_commands.c.taken_at.is_(None))
    with database.read() as connection:
        ids = connection.scalars(select(call_commands.c.command_id).where(*waiting)).all()
    if not ids:
        return []
    taking = (
        update(call_commands)
        .where(call_commands.c.command_id.in_(ids), call_commands.c.taken_at.is_(None))
        .values(taken_at=now, changed_at=now)
    )
    closing = taking.where(call_commands.c.kind.not_in(CommandKind)).values(done_at=now, outcome=NOT_UNDERSTOOD)
    taking = taking.returning(*(call_commands.c[part.name] for part in fields(Command)))
    with database.write() as connection:
        connection.execute(closing)
        taken = [_command(row) for row in connection.execute(taking)]
    return sorted(taken, key=lambda command: (command.created_at, command.command_id))


def done(database: Database, command: Command, *, outcome: str, now: datetime) -> bool:
    """Note what came of a command that was taken. False when that was noted before."""
    this_command = (call_commands.c.command_id == command.command_id, call_commands.c.tenant_id == command.tenant_id)
    with database.write() as connection:
        noted = connection.execute(
            update(call_commands)
            .where(*this_command, call_commands.c.done_at.is_(None))
            .values(done_at=now, outcome=outcome, changed_at=now)
        )
        return noted.rowcount == 1


def withdraw(database: Database, command: Command, *, now: datetime) -> bool:
    """Command it no more: told as failed, it is never carried out later. False: somebody has taken it."""
    this_command = (call_commands.c.command_id == command.command_id, call_commands.c.tenant_id == command.tenant_id)
    with database.write() as connection:
        return _close(connection, *this_command, outcome=WITHDRAWN, now=now) == 1


def close_untaken(connection: Connection, tenant_id: str, call_id: str, *, now: datetime) -> int:
    """The call is over: what nobody took of its commands came too late. Returns how many. In a transaction."""
    of_call = (call_commands.c.tenant_id == tenant_id, call_commands.c.call_id == call_id)
    return _close(connection, *of_call, outcome=TOO_LATE, now=now)


def _close(connection: Connection, *which: ColumnElement[bool], outcome: str, now: datetime) -> int:
    untaken = update(call_commands).where(*which, call_commands.c.taken_at.is_(None))
    return connection.execute(untaken.values(taken_at=now, done_at=now, outcome=outcome, changed_at=now)).rowcount


def commands_of(database: Database, tenant_id: str, call_id: str) -> list[Command]:
    """The commands to the tenant's call, in order, but for those of a kind that is not known."""
    query = select(call_commands).where(call_commands.c.tenant_id == tenant_id, call_commands.c.call_id == call_id)
    query = query.where(call_commands.c.kind.in_(CommandKind))
    query = query.order_by(call_commands.c.created_at, call_commands.c.command_id)
    with database.read() as connection:
        return [_command(row) for row in connection.execute(query)]


def _command(row: Row[Any]) -> Command:
    values = {part.name: row._mapping[part.name] for part in fields(Command)}
    return Command(**values | {"kind": CommandKind(row.kind)})

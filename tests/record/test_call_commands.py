"""Commands to live calls: each taken once."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.record import call_commands as commands
from opendeep_kit.record import calls
from opendeep_kit.record.call_commands import CommandKind
from opendeep_kit.record.calls import ExpectedCall
from opendeep_kit.record.database import Database
from opendeep_kit.record.service_tables import call_commands
from tests.record.campaigning import number, race
from tests.record.conftest import NOON, SOON

ENDED = Summary(
    phone_result=PhoneResult.ANSWERED, disposition=Disposition.COMPLETED, ended_by=EndedBy.AGENT, detail="goodbye"
)
TAKER = """
import sys
from tests.record.test_call_commands import SOON, commands
from opendeep_kit.record.database import open_database
database = open_database(sys.argv[1])
print("ready", flush=True)
calls = [line.strip() for line in sys.stdin]
for _ in range(5):
    for command in commands.take(database, calls, now=SOON):
        print(command.command_id, flush=True)
"""


def live_call(database: Database, *, tenant_id: str = "clinic") -> str:
    """A call that was admitted."""
    call_id = str(uuid.uuid4())
    call = ExpectedCall(call_id=call_id, tenant_id=tenant_id, number=number(0), line="simulator", expected_until=SOON)
    calls.expect(database, call, now=NOON)
    assert calls.admit_at(database, call_id, "media-1", now=NOON)
    return call_id


def test_a_command_is_taken_once_and_in_order(database: Database) -> None:
    """The worker gets what was given to its calls, the oldest first, and never again."""
    mine, other = live_call(database), live_call(database, tenant_id="garage")
    late = NOON + timedelta(seconds=9)
    commands.give(database, "clinic", mine, CommandKind.SAY, argument="one moment", by="Ann", now=late)
    commands.give(database, "garage", other, CommandKind.HANG_UP, by="Bob", now=NOON)
    commands.give(database, "clinic", mine, CommandKind.COACH, argument="offer Friday", by="Ann", now=NOON)

    first = commands.take(database, [mine], now=SOON)

    assert [(one.kind, one.argument, one.by) for one in first] == [
        (CommandKind.COACH, "offer Friday", "Ann"),
        (CommandKind.SAY, "one moment", "Ann"),
    ]
    assert [one.kind for one in commands.take(database, [mine, other], now=SOON)] == [CommandKind.HANG_UP]
    assert commands.take(database, [mine, other], now=SOON) == []
    assert commands.take(database, [], now=SOON) == []


def test_of_two_processes_one_takes(database: Database, url: str) -> None:
    """Two processes that look at the same calls share the commands: none is carried out twice, none lost."""
    live = [live_call(database) for _ in range(3)]
    given = [
        commands.give(database, "clinic", live[place % 3], CommandKind.HANG_UP, by="Ann", now=NOON).command_id
        for place in range(12)
    ]

    printed = race(TAKER, url, live)

    assert sorted(printed[0] + printed[1]) == sorted(given)


def test_what_came_of_it_is_noted_once(database: Database) -> None:
    """The outcome is kept with its times, and the first one stays."""
    call_id = live_call(database)
    commands.give(database, "clinic", call_id, CommandKind.HANG_UP, by="Ann", now=NOON)
    (command,) = commands.take(database, [call_id], now=SOON)

    assert [commands.done(database, command, outcome=told, now=SOON) for told in ("hung up", "no")] == [True, False]

    (read,) = commands.commands_of(database, "clinic", call_id)
    assert (read.created_at, read.taken_at, read.done_at, read.outcome) == (NOON, SOON, SOON, "hung up")
    assert commands.commands_of(database, "garage", call_id) == []


def test_a_command_may_come_too_late(database: Database) -> None:
    """What nobody took before the call was over is told so, and is not given out."""
    call_id = live_call(database)
    commands.give(database, "clinic", call_id, CommandKind.HANG_UP, by="Ann", now=NOON)

    with database.write() as connection:
        assert commands.close_untaken(connection, "garage", call_id, now=SOON) == 0
        assert commands.close_untaken(connection, "clinic", call_id, now=SOON) == 1

    assert commands.take(database, [call_id], now=SOON) == []
    (read,) = commands.commands_of(database, "clinic", call_id)
    assert read.outcome == "the call ended before it was taken"


def test_a_command_is_withdrawn_until_it_is_taken(database: Database) -> None:
    """Whoever gave it and told that it failed can be sure that it is not carried out later."""
    call_id = live_call(database)
    early, late = (commands.give(database, "clinic", call_id, CommandKind.HANG_UP, by="Ann", now=NOON) for _ in "12")
    assert commands.withdraw(database, early, now=SOON)

    assert [command.command_id for command in commands.take(database, [call_id], now=SOON)] == [late.command_id]
    assert not commands.withdraw(database, late, now=SOON)
    outcomes = {one.command_id: one.outcome for one in commands.commands_of(database, "clinic", call_id)}
    assert outcomes == {early.command_id: commands.WITHDRAWN, late.command_id: None}


def test_a_command_of_an_unknown_kind_is_closed(database: Database) -> None:
    """Another version gave it: it holds up neither the commands beside it nor whoever lists them."""
    call_id = live_call(database)
    given = commands.give(database, "clinic", call_id, CommandKind.HANG_UP, by="Ann", now=NOON)
    commands.give(database, "clinic", call_id, CommandKind.HANG_UP, by="Bob", now=NOON)
    mine = call_commands.c.command_id == given.command_id
    with database.write() as connection:
        connection.execute(update(call_commands).where(mine).values(kind="whisper"))

    assert [one.by for one in commands.take(database, [call_id], now=SOON)] == ["Bob"]
    assert [one.by for one in commands.commands_of(database, "clinic", call_id)] == ["Bob"]
    with database.read() as connection:
        closed = connection.execute(select(call_commands.c.done_at, call_commands.c.outcome).where(mine)).one()
    assert tuple(closed) == (SOON, "not understood")


def test_only_own_live_calls_are_commanded(database: Database) -> None:
    """Another tenant's call, a call that is over and a command without its words are refused."""
    call_id = live_call(database)

    with pytest.raises(BadInput, match="no such call"):
        commands.give(database, "garage", call_id, CommandKind.HANG_UP, by="Bob", now=NOON)
    with pytest.raises(BadInput, match="'transfer' lacks its argument"):
        commands.give(database, "clinic", call_id, CommandKind.TRANSFER, by="Ann", now=NOON)
    calls.end(database, "clinic", call_id, ENDED, at=SOON)
    with pytest.raises(Refused, match="has ended"):
        commands.give(database, "clinic", call_id, CommandKind.HANG_UP, by="Ann", now=SOON)

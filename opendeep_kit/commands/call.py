"""`opendeep call …`: a supervisor steers a live call.

Writes the command to the record, waits briefly until the call's media worker has carried it out, and prints the
outcome. Never touches a line itself.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from opendeep_kit.commands.options import DataOption, JsonOption, TenantOption, by, now, record, say, say_rows
from opendeep_kit.errors import Unavailable
from opendeep_kit.numbers import e164
from opendeep_kit.record import call_commands, calls, directory
from opendeep_kit.record.call_commands import Command, CommandKind
from opendeep_kit.record.calls import CallState
from opendeep_kit.record.database import Database
from opendeep_kit.tenants import DEFAULT_TENANT

call_app = typer.Typer(no_args_is_help=True, help="List live calls and steer them.")
CallArgument = Annotated[str, typer.Argument(help="The call's id; `opendeep call list` shows them.")]
TO_A_NUMBER = (CommandKind.TAKE_OVER, CommandKind.TRANSFER)
"""Their argument is the telephone number of a human."""
ANSWER_WITHIN_S, LOOK_S = 15.0, 0.1


@call_app.command("list")
def list_(tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None) -> None:
    """List the tenant's live calls."""
    with record(data) as (database, _):
        live = calls.calls_of(database, tenant, state=CallState.LIVE)
    rows = [
        {
            "call_id": call.call_id,
            "number": call.number,
            "campaign": call.campaign,
            "since": call.admitted_at,
            "answered_at": call.answered_at,
        }
        for call in live
    ]
    say_rows(json_, rows, title="live calls", nothing="no call is live")


@call_app.command("hang-up")
def hang_up(
    call_id: CallArgument, tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None
) -> None:
    """End a call now."""
    _give(call_id, CommandKind.HANG_UP, "", tenant=tenant, as_json=json_, data=data)


@call_app.command("say")
def say_(
    call_id: CallArgument,
    words: Annotated[str, typer.Argument(help="What the agent says to the callee, immediately.")],
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Make the agent say exactly these words."""
    _give(call_id, CommandKind.SAY, words, tenant=tenant, as_json=json_, data=data)


@call_app.command()
def coach(
    call_id: CallArgument,
    words: Annotated[str, typer.Argument(help="A hint for the agent; the callee does not hear it.")],
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Give the agent a hint."""
    _give(call_id, CommandKind.COACH, words, tenant=tenant, as_json=json_, data=data)


@call_app.command("take-over")
def take_over(
    call_id: CallArgument,
    number: Annotated[str, typer.Argument(help="Your telephone number; without it you speak through `call say`.")] = "",
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Silence the agent and lead the conversation yourself."""
    _give(call_id, CommandKind.TAKE_OVER, number, tenant=tenant, as_json=json_, data=data)


@call_app.command()
def transfer(
    call_id: CallArgument,
    number: Annotated[str, typer.Argument(help="Who takes over: E.164, or a national number of the tenant's region.")],
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Connect the callee to a human."""
    _give(call_id, CommandKind.TRANSFER, number, tenant=tenant, as_json=json_, data=data)


def _give(call_id: str, kind: CommandKind, argument: str, *, tenant: str, as_json: bool, data: Path | None) -> None:
    """Give the command and print its outcome."""
    with record(data) as (database, _):
        if argument and kind in TO_A_NUMBER:
            row = directory.tenant(database, tenant)
            argument = e164(argument, row.default_region if row else "US")
        given = call_commands.give(database, tenant, call_id, kind, argument=argument, by=by(), now=now())
        outcome = _outcome(database, given)
    say(as_json, {"command_id": given.command_id, "kind": kind.value, "outcome": outcome}, outcome)
    if outcome != "done":
        raise typer.Exit(1)


def _outcome(database: Database, given: Command) -> str:
    until = time.monotonic() + ANSWER_WITHIN_S
    while time.monotonic() < until:
        commands = call_commands.commands_of(database, given.tenant_id, given.call_id)
        command = next(command for command in commands if command.command_id == given.command_id)
        if command.done_at is not None:
            return command.outcome or ""
        time.sleep(LOOK_S)
    if call_commands.withdraw(database, given, now=now()):
        return call_commands.WITHDRAWN
    raise Unavailable("a media worker has taken the command and not said yet what came of it", do="look at the call")

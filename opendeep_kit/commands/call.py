"""`opendeep call …`: a supervisor's word to a live call, through the record; its media worker carries it out.

Given a command line, gives the command, waits a moment for what came of it, and prints. Never touches a line.
"""

from __future__ import annotations

import time
from typing import Annotated

import typer

from opendeep_kit.campaigns.contacts import e164
from opendeep_kit.commands.record import DataOption, JsonOption, TenantOption, by, now, record, say, say_rows
from opendeep_kit.errors import Unavailable
from opendeep_kit.store import calls, commands
from opendeep_kit.store.calls import CallState
from opendeep_kit.store.commands import CommandKind
from opendeep_kit.store.database import Database
from opendeep_kit.tenants import DEFAULT_TENANT

call_app = typer.Typer(no_args_is_help=True, help="Live calls: listen to none, steer any.")
CallArgument = Annotated[str, typer.Argument(help="The call's id; `opendeep call list` shows them.")]
ANSWER_WITHIN_S, LOOK_S = 15.0, 0.1


@call_app.command("list")
def list_(tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None) -> None:
    """The tenant's live calls."""
    with record(data) as (database, _):
        found = calls.calls_of(database, tenant, state=CallState.LIVE)
    rows = [
        {
            "call_id": one.call_id,
            "number": one.number,
            "campaign": one.campaign,
            "since": one.admitted_at,
            "answered_at": one.answered_at,
        }
        for one in found
    ]
    say_rows(json_, rows, title="live calls", nothing="no call is live")


@call_app.command("hang-up")
def hang_up(
    call_id: CallArgument, tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None
) -> None:
    """End it now."""
    with record(data) as (database, _):
        _give(database, tenant, call_id, CommandKind.HANG_UP, "", as_json=json_)


@call_app.command("say")
def say_(
    call_id: CallArgument,
    words: Annotated[str, typer.Argument(help="What the agent says to the callee, at once.")],
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Let the agent say exactly this."""
    with record(data) as (database, _):
        _give(database, tenant, call_id, CommandKind.SAY, words, as_json=json_)


@call_app.command()
def coach(
    call_id: CallArgument,
    words: Annotated[str, typer.Argument(help="A word to the agent; the callee does not hear it.")],
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Tell the agent something."""
    with record(data) as (database, _):
        _give(database, tenant, call_id, CommandKind.COACH, words, as_json=json_)


@call_app.command("take-over")
def take_over(
    call_id: CallArgument,
    number: Annotated[str, typer.Argument(help="Where you are reached; nothing: you lead it by `call say`.")] = "",
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Silence the agent; you lead the talk."""
    with record(data) as (database, _):
        target = e164(number, "US") if number else ""
        _give(database, tenant, call_id, CommandKind.TAKE_OVER, target, as_json=json_)


@call_app.command()
def transfer(
    call_id: CallArgument,
    number: Annotated[str, typer.Argument(help="Who takes the callee over, E.164.")],
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Connect the callee with a human."""
    with record(data) as (database, _):
        _give(database, tenant, call_id, CommandKind.TRANSFER, e164(number, "US"), as_json=json_)


def _give(database: Database, tenant: str, call_id: str, kind: CommandKind, argument: str, *, as_json: bool) -> None:
    given = commands.give(database, tenant, call_id, kind, argument=argument, by=by(), now=now())
    until = time.monotonic() + ANSWER_WITHIN_S
    while time.monotonic() < until:
        found = {one.command_id: one for one in commands.commands_of(database, tenant, call_id)}[given.command_id]
        if found.done_at is not None:
            outcome = found.outcome or ""
            say(as_json, {"command_id": given.command_id, "kind": kind.value, "outcome": outcome}, outcome)
            if outcome != "done":
                raise typer.Exit(1)
            return
        time.sleep(LOOK_S)
    raise Unavailable("no media worker has taken the command yet", do="see `opendeep status`")

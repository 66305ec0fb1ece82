"""`opendeep schedule …`: notebooks that run by themselves, at times of a wall clock.

Given a command line, checks the time, the notebook and its parameters, and writes the schedule. The running service
(`opendeep up`) runs it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from opendeep_kit.campaigns.cron import next_due
from opendeep_kit.commands.record import DataOption, JsonOption, TenantOption, now, record, say, say_rows
from opendeep_kit.errors import BadInput
from opendeep_kit.record import directory, runs
from opendeep_kit.record.database import Database
from opendeep_kit.record.runs import Schedule
from opendeep_kit.tenants import DEFAULT_TENANT

schedule_app = typer.Typer(no_args_is_help=True, help="Notebooks that run by themselves.")
ScheduleArgument = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@schedule_app.command()
def add(
    name: Annotated[str, typer.Argument(help="Its name: a-z, 0-9 and -; one that is there is changed.")],
    notebook: Annotated[Path, typer.Argument(help="For example notebooks/campaign.ipynb.")],
    cron: Annotated[str, typer.Option(help='Minute, hour, day, month, weekday: "0 9 * * mon-fri"; or @daily.')],
    zone: Annotated[str | None, typer.Option(help="IANA name of the wall clock; the tenant's if not said.")] = None,
    parameter: Annotated[list[str] | None, typer.Option("-p", help="NAME=VALUE, once for each.")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Run a notebook at these times, while `opendeep up` runs."""
    from opendeep_kit.commands.notebook_run import checked

    if not _NAME.fullmatch(name):
        raise BadInput(f"{name[:40]!r} is no name for a schedule", do="use a-z, 0-9 and -, 40 at most")
    with record(data) as (database, _):
        path, parameters = checked(database, tenant, notebook, parameter or [])
        time_zone = zone or _zone_of(database, tenant)
        made = Schedule(
            tenant_id=tenant,
            schedule_id=name,
            cron=cron,
            time_zone=time_zone,
            notebook=path,
            parameters=parameters,
            next_run_at=next_due(cron, time_zone=time_zone, after=now()),
        )
        runs.save_schedule(database, made, now=now())
    _say(json_, made)


@schedule_app.command()
def pause(
    name: ScheduleArgument, tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None
) -> None:
    """Start no more runs by it; one under way goes on."""
    with record(data) as (database, _):
        changed = replace(_existing(database, tenant, name), is_paused=True)
        runs.save_schedule(database, changed, now=now())
    _say(json_, changed)


@schedule_app.command()
def resume(
    name: ScheduleArgument, tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None
) -> None:
    """Go on with its next time; what it missed is not made up for."""
    with record(data) as (database, _):
        kept = _existing(database, tenant, name)
        following = next_due(kept.cron, time_zone=kept.time_zone, after=now())
        changed = replace(kept, is_paused=False, next_run_at=following)
        runs.save_schedule(database, changed, now=now())
    _say(json_, changed)


@schedule_app.command()
def remove(
    name: ScheduleArgument, tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None
) -> None:
    """Take it away; its runs and their reports stay."""
    with record(data) as (database, _):
        _existing(database, tenant, name)
        runs.remove_schedule(database, tenant, name, now=now())
    say(json_, {"schedule": name, "removed": True}, f"schedule {name}: removed")


@schedule_app.command("list")
def list_(tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None) -> None:
    """The tenant's schedules, and when each is due next."""
    with record(data) as (database, _):
        rows = [_row(one) for one in runs.schedules_of(database, tenant)]
    if not json_:
        rows = [{name: value for name, value in row.items() if name != "parameters"} for row in rows]
    say_rows(json_, rows, title=f"schedules of {tenant}", nothing="there is no schedule")


def _say(as_json: bool, one: Schedule) -> None:
    row = _row(one)
    how = "paused" if one.is_paused else f"next at {row['next']}"
    say(as_json, row, f"schedule {one.schedule_id}: {one.notebook}, {one.cron} {one.time_zone}, {how}")


def _row(one: Schedule) -> dict[str, Any]:
    here = ZoneInfo(one.time_zone)
    times = {"next": None if one.is_paused else one.next_run_at, "last": one.last_run_at}
    return {
        "schedule": one.schedule_id,
        "cron": one.cron,
        "zone": one.time_zone,
        "notebook": one.notebook,
        "parameters": dict(one.parameters),
        "paused": one.is_paused,
        **{name: at and at.astimezone(here).isoformat(timespec="minutes") for name, at in times.items()},
    }


def _existing(database: Database, tenant: str, name: str) -> Schedule:
    found = runs.schedule(database, tenant, name)
    if found is None:
        raise BadInput(f"there is no schedule {name!r}", do="run `opendeep schedule list`")
    return found


def _zone_of(database: Database, tenant_id: str) -> str:
    tenant = directory.tenant(database, tenant_id)
    return tenant.time_zone if tenant else "UTC"

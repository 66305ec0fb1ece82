"""`opendeep run`, `runs` and `schedule …`: notebooks as reports, now or on a cron schedule.

Given a notebook and values, checks them, writes a row and runs the notebook in its own process, which closes the row;
`opendeep up` starts the scheduled ones. Never runs one twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from opendeep_kit.campaigns.cron import next_due
from opendeep_kit.child_process import Child
from opendeep_kit.commands.options import DataOption, JsonOption, TenantOption, now, record, say, say_rows
from opendeep_kit.config import Settings
from opendeep_kit.engine.schedules import (
    BEAT_S,
    SILENT_S,
    carry_out_elsewhere,
    new_run,
    what_became_of,
)
from opendeep_kit.errors import BadInput, OpenDeepError, Refused, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.record import directory, runs
from opendeep_kit.record.database import Database
from opendeep_kit.record.runs import NewRun, Run, RunState, Schedule
from opendeep_kit.tenants import DEFAULT_TENANT

schedule_app = typer.Typer(no_args_is_help=True, help="Run notebooks on a schedule.")
ScheduleArgument = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
OWN = ("data_dir", "tenant", "own_service")
"""Parameters that a run fills in when the notebook has them and no value was given."""


def checked(database: Database, tenant_id: str, notebook: Path, said: list[str]) -> tuple[str, dict[str, Any]]:
    """The notebook's path as stored, and its parameters with their types. Writes nothing.

    Raises:
        BadInput: the tenant, the notebook, a parameter's name or its value is wrong.
    """
    # Here, not above: Jupyter takes seconds to import, and every command imports this module.
    from opendeep_kit.lab.reports import parameters_of, typed_parameters

    if directory.tenant(database, tenant_id) is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="run `opendeep tenant list`")
    parameters = typed_parameters(notebook, said)
    _check_tenant(notebook, parameters_of(notebook), tenant_id)
    if parameters.get("tenant", tenant_id) != tenant_id:
        raise BadInput(f"a run for {tenant_id!r} cannot show another tenant's calls", do="use --tenant instead")
    full = notebook.resolve()
    folder = Path.cwd().resolve()
    return (full.relative_to(folder) if full.is_relative_to(folder) else full).as_posix(), parameters


async def run_notebook(notebook: Path, said: list[str], *, tenant: str, as_json: bool, data: Path | None) -> int:
    """Run a notebook now and print where its report is. Returns 1 when it did not finish.

    Raises:
        BadInput: notebook or parameters are wrong; nothing was run.
    """
    with record(data) as (database, settings):
        path, parameters = checked(database, tenant, notebook, said)
        run = new_run(tenant, path, parameters, name=notebook.stem, at=now())
        runs.start(database, run, now=now())
        try:
            process = await carry_out_elsewhere(settings, run)
        except Unavailable as error:
            runs.finish(database, tenant, run.run_id, RunState.FAILED, error=str(error), now=now())
            raise
        interrupt = partial(_interrupt, database, run, process)
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(number, interrupt)
        status = await process.ended()
        state, why = what_became_of(status)
        runs.finish(database, tenant, run.run_id, state, error=why, now=now())  # unless the process did
        done = runs.run(database, tenant, run.run_id)
    assert done is not None
    row = _run_row(done, settings, now())
    summary = f"{done.run_id}: {row['state']}" + (f", {done.error}" if done.error else "")
    say(as_json, row, "\n".join([summary, *(f"{name:8} {row[name]}" for name in ("page", "executed") if row[name])]))
    return 0 if done.state is RunState.DONE else 1


def _interrupt(database: Database, run: NewRun, process: Child) -> None:
    runs.finish(database, run.tenant_id, run.run_id, RunState.KILLED, error="interrupted", now=now())
    process.tell_to_end()


def carry_out(run_id: str, *, tenant: str) -> None:
    """Run the notebook of this row and close the row. The process that wrote the row waits for it, or is gone.

    Raises:
        Refused: the run is over, or was never asked for.
    """
    from opendeep_kit.lab.reports import execute_report, parameters_of

    with record(None) as (database, settings):
        run = runs.run(database, tenant, run_id)
        if run is None or run.state is not RunState.RUNNING:
            raise Refused(f"the run {run_id!r} is not waiting to be carried out", do="start another")
        state, error = RunState.DONE, ""
        with _beating(database, run):
            try:
                notebook = Path(run.notebook).absolute()
                known = parameters_of(notebook)
                _check_tenant(notebook, known, tenant)  # again: the file may have changed since it was scheduled
                values = _filled_in(run, known, settings)
                execute_report(notebook, values, (settings.reports_dir / run.output_notebook).absolute())
            except OpenDeepError as failed:
                state, error = RunState.FAILED, str(failed)
        is_closed = runs.finish(database, tenant, run_id, state, error=error, now=now())
    if state is not RunState.DONE or not is_closed:
        raise typer.Exit(1)


def list_runs(*, tenant: str, schedule: str | None, limit: int, as_json: bool, data: Path | None) -> None:
    """Print the tenant's runs, newest first."""
    with record(data) as (database, settings):
        at = now()
        rows = [
            _run_row(run, settings, at) for run in runs.runs_of(database, tenant, schedule_id=schedule, limit=limit)
        ]
    if not as_json:
        rows = [{name: row[name] for name in ("run", "state", "started", "seconds", "by", "error")} for row in rows]
    say_rows(as_json, rows, title=f"runs of {tenant}", nothing="no notebook has run yet")


def _check_tenant(notebook: Path, known: Mapping[str, Any], tenant_id: str) -> None:
    """A notebook without a tenant parameter would show the default tenant's calls."""
    if "tenant" not in known and tenant_id != DEFAULT_TENANT:
        raise BadInput(
            f"{notebook} has no parameter 'tenant' and cannot run for {tenant_id!r}",
            do='add `tenant: str = "default"` to its parameters and open the calls with it',
        )


def _filled_in(run: Run, known: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The run's parameters, completed by the run. A scheduled run uses the running service, or waits for it."""
    own = dict(zip(OWN, (str(settings.data_dir.absolute()), run.tenant_id, run.schedule_id is None), strict=True))
    return {name: value for name, value in own.items() if name in known} | dict(run.parameters)


@contextlib.contextmanager
def _beating(database: Database, run: NewRun) -> Iterator[None]:
    """Write the run's heartbeat while it works. When somebody else closed the run, end this process."""
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(BEAT_S):
            try:
                goes_on = runs.beat(database, run.tenant_id, run.run_id, now=now())
            except Unavailable as error:
                log().warning("! a run cannot write its heartbeat", run_id=run.run_id, what=error.what)
                continue
            if not goes_on and not is_over.is_set():
                log().error("! the run was closed by another process: it ends", run_id=run.run_id)
                os.kill(os.getpid(), signal.SIGKILL)  # its kernel sees it and ends too

    beating = threading.Thread(target=beat, name="heartbeat", daemon=True)
    beating.start()
    try:
        yield
    finally:
        is_over.set()
        beating.join()


def _run_row(run: Run, settings: Settings, at: datetime) -> dict[str, Any]:
    folder = settings.reports_dir
    silent_s = (at - run.heartbeat_at).total_seconds()
    is_silent = run.state is RunState.RUNNING and silent_s > SILENT_S
    outputs = {"page": folder / run.output_html, "executed": folder / run.output_notebook}
    return {
        "run": run.run_id,
        "notebook": run.notebook,
        "parameters": dict(run.parameters),
        "state": f"{run.state}, but silent for {silent_s:.0f} s" if is_silent else run.state.value,
        "started": run.started_at.isoformat(timespec="seconds"),
        "seconds": None if run.ended_at is None else round((run.ended_at - run.started_at).total_seconds(), 1),
        "by": run.schedule_id or "hand",
        "error": run.error or None,
        **{name: str(path) if path.is_file() else None for name, path in outputs.items()},
    }


@schedule_app.command()
def add(
    name: Annotated[str, typer.Argument(help="Its name: a-z, 0-9 and -. An existing schedule is replaced.")],
    notebook: Annotated[Path, typer.Argument(help="For example notebooks/campaign.ipynb.")],
    cron: Annotated[str, typer.Option(help='Minute, hour, day, month, weekday: "0 9 * * mon-fri"; or @daily.')],
    zone: Annotated[str | None, typer.Option(help="IANA time zone; default: the tenant's.")] = None,
    parameter: Annotated[list[str] | None, typer.Option("-p", help="NAME=VALUE; repeat for more.")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Run a notebook at these times; `opendeep up` must be running then."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name[:40]!r} is not a valid schedule name", do="use at most 40 of a-z, 0-9 and -")
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
    """Start no more runs; one that is under way continues."""
    with record(data) as (database, _):
        changed = replace(_existing(database, tenant, name), is_paused=True)
        runs.save_schedule(database, changed, now=now())
    _say(json_, changed)


@schedule_app.command()
def resume(
    name: ScheduleArgument, tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None
) -> None:
    """Continue at the next time; missed runs are not made up for."""
    with record(data) as (database, _):
        schedule = _existing(database, tenant, name)
        following = next_due(schedule.cron, time_zone=schedule.time_zone, after=now())
        changed = replace(schedule, is_paused=False, next_run_at=following)
        runs.save_schedule(database, changed, now=now())
    _say(json_, changed)


@schedule_app.command()
def remove(
    name: ScheduleArgument, tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None
) -> None:
    """Delete a schedule; its runs and their reports stay."""
    with record(data) as (database, _):
        _existing(database, tenant, name)
        runs.remove_schedule(database, tenant, name, now=now())
    say(json_, {"schedule": name, "removed": True}, f"schedule {name}: removed")


@schedule_app.command("list")
def list_(tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None) -> None:
    """List the tenant's schedules and when each is due next."""
    with record(data) as (database, _):
        rows = [_schedule_row(schedule) for schedule in runs.schedules_of(database, tenant)]
    if not json_:
        rows = [{name: value for name, value in row.items() if name != "parameters"} for row in rows]
    say_rows(json_, rows, title=f"schedules of {tenant}", nothing="there are no schedules")


def _say(as_json: bool, schedule: Schedule) -> None:
    row = _schedule_row(schedule)
    how = "paused" if schedule.is_paused else f"next at {row['next']}"
    say(
        as_json,
        row,
        f"schedule {schedule.schedule_id}: {schedule.notebook}, {schedule.cron} {schedule.time_zone}, {how}",
    )


def _schedule_row(schedule: Schedule) -> dict[str, Any]:
    here = ZoneInfo(schedule.time_zone)
    times = {"next": None if schedule.is_paused else schedule.next_run_at, "last": schedule.last_run_at}
    return {
        "schedule": schedule.schedule_id,
        "cron": schedule.cron,
        "zone": schedule.time_zone,
        "notebook": schedule.notebook,
        "parameters": dict(schedule.parameters),
        "paused": schedule.is_paused,
        **{name: at and at.astimezone(here).isoformat(timespec="minutes") for name, at in times.items()},
    }


def _existing(database: Database, tenant: str, name: str) -> Schedule:
    schedule = runs.schedule(database, tenant, name)
    if schedule is None:
        raise BadInput(f"there is no schedule {name!r}", do="run `opendeep schedule list`")
    return schedule


def _zone_of(database: Database, tenant_id: str) -> str:
    tenant = directory.tenant(database, tenant_id)
    return tenant.time_zone if tenant else "UTC"

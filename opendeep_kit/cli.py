"""The `opendeep` command: reads arguments, calls one function, turns errors into one sentence and an exit code.

Does nothing that the package could not do without it. Exit codes: 0 done, 1 something failed or is unavailable, 2 the
input is wrong, or policy says no.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from opendeep_kit import __version__
from opendeep_kit.commands.asterisk import asterisk_app
from opendeep_kit.commands.call import call_app
from opendeep_kit.commands.campaign import campaign_app
from opendeep_kit.commands.compliance import consent_app, dnc_app
from opendeep_kit.commands.notebooks import schedule_app
from opendeep_kit.commands.options import JsonOption, TenantOption
from opendeep_kit.commands.tenant import tenant_app
from opendeep_kit.config import Settings, load_settings
from opendeep_kit.errors import BadInput, OpenDeepError, OurMistake, Refused
from opendeep_kit.line_choice import LineName
from opendeep_kit.logs import configure
from opendeep_kit.tenants import DEFAULT_TENANT

START, CALL, SERVE = "Start here", "Call people", "Run the service"
REPORT, BUILD = "Run notebooks", "Build and test"
"""Panels of `opendeep --help`."""

app = typer.Typer(
    name="opendeep",
    help="AI phone calls on Asterisk: rehearse, place, analyse and supervise them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(asterisk_app, name="asterisk", rich_help_panel=SERVE)
app.add_typer(call_app, name="call", rich_help_panel=CALL)
app.add_typer(campaign_app, name="campaign", rich_help_panel=CALL)
app.add_typer(consent_app, name="consent", rich_help_panel=CALL)
app.add_typer(dnc_app, name="dnc", rich_help_panel=CALL)
app.add_typer(schedule_app, name="schedule", rich_help_panel=REPORT)
app.add_typer(tenant_app, name="tenant", rich_help_panel=SERVE)


class Engine(StrEnum):
    """What simulated callees and the local agent speak with."""

    SPEECH = "speech"
    """Real speech recognition and synthesis."""
    TONES = "tones"
    """Hums; understands nothing. For load."""


class Handler(StrEnum):
    """What a line test answers with."""

    ECHO = "echo"
    """Everything it hears."""
    TONE = "tone"
    """A steady 1 kHz tone."""


LineOption = Annotated[LineName, typer.Option("--line", help="What calls go out on.")]
DataDir = Annotated[Path | None, typer.Option("--data", help="Data folder: database and recordings.")]


def run(coroutine: Coroutine[Any, Any, int | None]) -> None:
    """Run a command's coroutine, on uvloop where there is one, and exit with its code."""
    if sys.platform == "win32":
        code = asyncio.run(coroutine)
    else:
        import uvloop

        code = uvloop.run(coroutine)
    if code:
        raise typer.Exit(code)


def settings_with(**overrides: Any) -> Settings:
    """The settings in force, overridden by the command line."""
    return load_settings(**{name: value for name, value in overrides.items() if value is not None})


@app.callback()
def _before(
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "warning",
    log_json: Annotated[bool, typer.Option("--log-json", help="Write logs as JSON.")] = False,
) -> None:
    if log_level not in ("debug", "info", "warning", "error"):
        raise BadInput(f"unknown log level {log_level!r}", do="use debug, info, warning or error")
    configure(level=log_level, as_json=log_json)


@app.command(rich_help_panel=START)
def doctor(data: DataDir = None) -> None:
    """Check everything a call needs, and say how to fix what is missing."""
    from opendeep_kit.commands.doctor import examine

    run(examine(settings_with(data_dir=data)))


@app.command(rich_help_panel=START)
def demo(
    contacts: Annotated[Path, typer.Option(help="CSV: number, name and the script's facts.")] = Path(
        "notebooks/data/contacts.csv"
    ),
    script: Annotated[Path, typer.Option(help="The call script.")] = Path("notebooks/scripts/confirm_appointment.md"),
    parallel: Annotated[int, typer.Option(min=1, max=20, help="Simultaneous calls.")] = 2,
    line: LineOption = LineName.AUTO,
    json_: Annotated[Path | None, typer.Option("--json", help="Write the results to this file.")] = None,
    data: DataDir = None,
) -> None:
    """Call everybody in a contacts file and print the outcomes."""
    from opendeep_kit.commands.demo import run_demo

    run(run_demo(settings_with(data_dir=data), contacts, script, line=line, parallel=parallel, json_path=json_))


@app.command(rich_help_panel=START)
def rehearse(
    script: Annotated[
        Path | None, typer.Argument(help="A call script, for example notebooks/scripts/confirm_appointment.md.")
    ] = None,
    persona: Annotated[str, typer.Option(help="Who answers; `--list` shows them.")] = "agrees",
    fact: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, instead of the script's example; repeat for more.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the personas and exit.")] = False,
    line: LineOption = LineName.SIMULATOR,
    data: DataDir = None,
) -> None:
    """Rehearse a call script against a simulated callee, with real speech both ways."""
    from opendeep_kit.commands.rehearse import list_personas, rehearse_once

    if list_:
        list_personas()
        return
    if script is None:
        raise BadInput("no script given", do="try `opendeep rehearse notebooks/scripts/confirm_appointment.md`")
    run(rehearse_once(settings_with(data_dir=data), script, persona, fact or [], line=line))


@app.command(rich_help_panel=CALL)
def dial(
    number: Annotated[str, typer.Argument(help="E.164, for example +12125550101, a simulated callee who agrees.")],
    script: Annotated[Path, typer.Option(help="The call script.")],
    fact: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, for each fact of the script.")] = None,
    consent: Annotated[str, typer.Option(help="Where the callee's consent is on file; kept in the ledger.")] = "",
    line: LineOption = LineName.ASTERISK,
    data: DataDir = None,
) -> None:
    """Place one call, if the calling rules allow it now. Without a trunk, only simulated callees are reached."""
    from opendeep_kit.commands.rehearse import dial_once

    run(dial_once(settings_with(data_dir=data), number, script, fact or [], line=line, consent=consent))


@app.command(rich_help_panel=SERVE)
def up(
    line: LineOption = LineName.AUTO,
    media_workers: Annotated[
        int | None, typer.Option(min=0, max=64, help="Processes that carry the calls' sound.")
    ] = None,
    media_only: Annotated[
        bool, typer.Option("--media-only", help="Carry sound only; another host plans and places calls.")
    ] = False,
    control_only: Annotated[
        bool, typer.Option("--control-only", help="Plan and place calls only; other hosts carry the sound.")
    ] = False,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
    data: DataDir = None,
) -> None:
    """Run the service: it calls the started campaigns and runs scheduled notebooks until you stop it."""
    from opendeep_kit.commands.up import run_up

    settings = settings_with(data_dir=data)
    if media_workers is not None:
        service = settings.service.model_copy(update={"media_workers": media_workers})
        settings = settings.model_copy(update={"service": service})
    run(run_up(settings, line=line, media_only=media_only, control_only=control_only, is_child=child))


@app.command("run", rich_help_panel=REPORT)
def run_(
    notebook: Annotated[Path, typer.Argument(help="For example notebooks/campaign.ipynb.")],
    parameter: Annotated[list[str] | None, typer.Option("-p", help="NAME=VALUE; repeat for more.")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataDir = None,
) -> None:
    """Run a notebook now and keep the result as a report."""
    from opendeep_kit.commands.notebooks import run_notebook

    run(run_notebook(notebook, parameter or [], tenant=tenant, as_json=json_, data=data))


@app.command(rich_help_panel=REPORT)
def runs(
    schedule: Annotated[str | None, typer.Option(help="Only this schedule's runs.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataDir = None,
) -> None:
    """List notebook runs, by hand or by schedule, and how they went."""
    from opendeep_kit.commands.notebooks import list_runs

    list_runs(tenant=tenant, schedule=schedule, limit=limit, as_json=json_, data=data)


@app.command("carry-out", hidden=True)
def carry_out(
    run_id: Annotated[str, typer.Argument(help="The run's id.")], tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Carry out one notebook run in its own process; `run` and the service start this."""
    from opendeep_kit.commands import notebooks

    notebooks.carry_out(run_id, tenant=tenant)


@app.command(rich_help_panel=SERVE)
def status(json_: JsonOption = False, data: DataDir = None) -> None:
    """Show the state of the service: processes, live calls, campaigns."""
    from opendeep_kit.commands.service import show_status

    if code := show_status(as_json=json_, data=data):
        raise typer.Exit(code)


@app.command(rich_help_panel=SERVE)
def upkeep(json_: JsonOption = False, data: DataDir = None) -> None:
    """Archive closed days and delete what is past its retention. The service does this every night."""
    from opendeep_kit.commands.service import run_upkeep

    if code := run_upkeep(as_json=json_, data=data):
        raise typer.Exit(code)


@app.command(rich_help_panel=CALL)
def why(
    number: Annotated[str, typer.Argument(help="The number to explain.")],
    campaign: Annotated[str, typer.Option(help="The campaign it is in.")],
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataDir = None,
) -> None:
    """Explain, rule by rule, why a number may or may not be called now."""
    from opendeep_kit.commands.service import show_why

    show_why(number, campaign, tenant=tenant, as_json=json_, data=data)


@app.command(rich_help_panel=BUILD)
def realtime(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 picks a free one.")] = None,
    callees_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the simulated callees; 0 picks a free one.")
    ] = None,
    engine: Annotated[
        Engine | None, typer.Option(help="Real speech, or tones that understand nothing (for load).")
    ] = None,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
) -> None:
    """Run the local Realtime server and the simulated callees until interrupted."""
    from opendeep_kit.rehearsal.host import run_host

    settings = load_settings()
    chosen = {"realtime_port": port, "callees_port": callees_port, "engine": engine and engine.value}
    rehearsal = settings.rehearsal.model_copy(
        update={name: value for name, value in chosen.items() if value is not None}
    )
    run(run_host(settings.model_copy(update={"rehearsal": rehearsal}), is_child=child))


@app.command("media-worker", hidden=True)
def media_worker(child: Annotated[bool, typer.Option("--child", hidden=True)] = False) -> None:
    """Run one process that carries the sound of calls; `up` starts it."""
    from opendeep_kit.service.processes import serve_media

    run(serve_media(load_settings(), is_child=child))


@app.command(hidden=True)
def control(
    line: LineOption = LineName.ASTERISK, child: Annotated[bool, typer.Option("--child", hidden=True)] = False
) -> None:
    """Run one process that plans and places calls; `up` starts it."""
    from opendeep_kit.service.processes import serve_control

    run(serve_control(load_settings(), line, is_child=child))


@app.command(rich_help_panel=BUILD)
def media(
    handler: Annotated[Handler, typer.Option(help="What to answer with.")] = Handler.ECHO,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 9092,
    host: Annotated[str, typer.Option(help="AudioSocket has no password: keep it on loopback.")] = "127.0.0.1",
    accept_any: Annotated[bool, typer.Option("--accept-any", help="Admit any UUID; for line tests only.")] = False,
) -> None:
    """Run a bare AudioSocket server that echoes or plays a tone, to check a line by ear or under load."""
    from opendeep_kit.commands.media import serve_line_test

    if not accept_any:
        raise BadInput("a line test cannot check call ids", do="add --accept-any to admit any connection")
    settings = load_settings()
    phone = settings.phone.model_copy(update={"host": host, "port": port})
    run(serve_line_test(phone, handler.value))


@app.command(rich_help_panel=SERVE)
def dashboards(
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Whose calls they show; each tenant needs its own process.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 picks a free one.")] = None,
    host: Annotated[str | None, typer.Option(help="Beyond loopback, put a TLS proxy in front of it.")] = None,
    new_password: Annotated[
        bool, typer.Option("--new-password", help="Make a new password and print it once.")
    ] = False,
    data: DataDir = None,
) -> None:
    """Serve a tenant's dashboards behind a login: live calls, campaigns, quality, settings."""
    from opendeep_kit.commands.dashboards import serve_dashboards

    settings = settings_with(data_dir=data)
    chosen = {"tenant": tenant, "port": port, "host": host}
    own = settings.dashboards.model_copy(update={name: value for name, value in chosen.items() if value is not None})
    serve_dashboards(settings.model_copy(update={"dashboards": own}), new_password=new_password)


@app.command(rich_help_panel=START)
def lab(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of JupyterLab.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    data: DataDir = None,
) -> None:
    """Open JupyterLab on the notebooks."""
    from opendeep_kit.commands.dashboards import serve_lab

    serve_lab(settings_with(data_dir=data), port=port, open_browser=browser)


@app.command(rich_help_panel=BUILD)
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """The console script."""
    try:
        app()
    except OurMistake:
        raise
    except OpenDeepError as error:
        typer.echo(f"opendeep: {error}", err=True)
        sys.exit(2 if isinstance(error, BadInput | Refused) else 1)


if __name__ == "__main__":
    main()

"""The `opendeep` command: reads arguments, calls one function, turns errors into one sentence and an exit code.

Given a command line, does nothing that the package could not do without it. Exit codes: 0 done, 1 something failed
or is not there, 2 the input is wrong, or policy says no.
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

app = typer.Typer(
    name="opendeep",
    help="AI phone calls on Asterisk: rehearse, place, read and supervise them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(asterisk_app, name="asterisk")
app.add_typer(call_app, name="call")
app.add_typer(campaign_app, name="campaign")
app.add_typer(consent_app, name="consent")
app.add_typer(dnc_app, name="dnc")
app.add_typer(schedule_app, name="schedule")
app.add_typer(tenant_app, name="tenant")


class Engine(StrEnum):
    """What the simulated people speak with."""

    SPEECH = "speech"
    TONES = "tones"


class Handler(StrEnum):
    """What a line test answers with."""

    ECHO = "echo"
    TONE = "tone"


LineOption = Annotated[LineName, typer.Option("--line", help="What carries the calls.")]
DataDir = Annotated[Path | None, typer.Option("--data", help="Folder of database and recordings.")]


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
    """The settings in force, with what the command line says on top."""
    return load_settings(**{name: value for name, value in overrides.items() if value is not None})


@app.callback()
def _before(
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "warning",
    log_json: Annotated[bool, typer.Option("--log-json", help="Logs as JSON, for machines.")] = False,
) -> None:
    if log_level not in ("debug", "info", "warning", "error"):
        raise BadInput(f"there is no log level {log_level!r}", do="use debug, info, warning or error")
    configure(level=log_level, as_json=log_json)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command()
def rehearse(
    script: Annotated[
        Path | None, typer.Argument(help="A call script, for example notebooks/scripts/confirm_appointment.md.")
    ] = None,
    persona: Annotated[str, typer.Option(help="Who answers; `--list` shows them.")] = "agrees",
    fact: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, instead of the script's example.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the personas and stop.")] = False,
    line: LineOption = LineName.SIMULATOR,
    data: DataDir = None,
) -> None:
    """Rehearse a call script against a simulated callee, with real speech both ways."""
    from opendeep_kit.commands.rehearse import list_personas, rehearse_once

    if list_:
        list_personas()
        return
    if script is None:
        raise BadInput("no script is named", do="try `opendeep rehearse notebooks/scripts/confirm_appointment.md`")
    run(rehearse_once(settings_with(data_dir=data), script, persona, fact or [], line=line))


@app.command()
def dial(
    number: Annotated[str, typer.Argument(help="E.164, for example +12125550101, who agrees to everything.")],
    script: Annotated[Path, typer.Option(help="The call script.")],
    fact: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, one for each fact of the script.")] = None,
    consent: Annotated[str, typer.Option(help="Where it is on file that the callee agreed; the ledger keeps it.")] = "",
    line: LineOption = LineName.ASTERISK,
    data: DataDir = None,
) -> None:
    """Place one call, if the rules allow it now, through your own Asterisk when the settings name one."""
    from opendeep_kit.commands.rehearse import dial_once

    run(dial_once(settings_with(data_dir=data), number, script, fact or [], line=line, consent=consent))


@app.command()
def demo(
    contacts: Annotated[Path, typer.Option(help="CSV: number, name and the script's facts.")] = Path(
        "notebooks/data/contacts.csv"
    ),
    script: Annotated[Path, typer.Option(help="The call script.")] = Path("notebooks/scripts/confirm_appointment.md"),
    parallel: Annotated[int, typer.Option(min=1, max=20, help="Calls at the same time.")] = 2,
    line: LineOption = LineName.AUTO,
    json_: Annotated[Path | None, typer.Option("--json", help="Write the results to this file.")] = None,
    data: DataDir = None,
) -> None:
    """Call everybody in a contacts file and print what came of it."""
    from opendeep_kit.commands.demo import run_demo

    run(run_demo(settings_with(data_dir=data), contacts, script, line=line, parallel=parallel, json_path=json_))


@app.command()
def up(
    line: LineOption = LineName.AUTO,
    media_workers: Annotated[int | None, typer.Option(min=0, max=64, help="Processes that hold sound.")] = None,
    media_only: Annotated[
        bool, typer.Option("--media-only", help="Hold sound; another host plans and places.")
    ] = False,
    control_only: Annotated[
        bool, typer.Option("--control-only", help="Plan and place; other hosts hold sound.")
    ] = False,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
    data: DataDir = None,
) -> None:
    """Run the service: campaigns that were started are called until you stop it."""
    from opendeep_kit.commands.up import run_up

    settings = settings_with(data_dir=data)
    if media_workers is not None:
        service = settings.service.model_copy(update={"media_workers": media_workers})
        settings = settings.model_copy(update={"service": service})
    run(run_up(settings, line=line, media_only=media_only, control_only=control_only, is_child=child))


@app.command("run")
def run_(
    notebook: Annotated[Path, typer.Argument(help="For example notebooks/campaign.ipynb.")],
    parameter: Annotated[list[str] | None, typer.Option("-p", help="NAME=VALUE, once for each.")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataDir = None,
) -> None:
    """Run a notebook now, and keep it and its page as a report."""
    from opendeep_kit.commands.notebooks import run_notebook

    run(run_notebook(notebook, parameter or [], tenant=tenant, as_json=json_, data=data))


@app.command()
def runs(
    schedule: Annotated[str | None, typer.Option(help="Only those of this schedule.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataDir = None,
) -> None:
    """Notebooks that were run, by hand or by a schedule, and how they went."""
    from opendeep_kit.commands.notebooks import list_runs

    list_runs(tenant=tenant, schedule=schedule, limit=limit, as_json=json_, data=data)


@app.command("carry-out", hidden=True)
def carry_out(
    run_id: Annotated[str, typer.Argument(help="Of the run that was asked for.")], tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """One notebook in a process of its own; `run` and the service start it."""
    from opendeep_kit.commands import notebooks

    notebooks.carry_out(run_id, tenant=tenant)


@app.command()
def status(json_: JsonOption = False, data: DataDir = None) -> None:
    """How the service is: processes, live calls, campaigns."""
    from opendeep_kit.commands.service import show_status

    if code := show_status(as_json=json_, data=data):
        raise typer.Exit(code)


@app.command()
def upkeep(json_: JsonOption = False, data: DataDir = None) -> None:
    """Archive closed days and delete what may be kept no longer; the service does it every night."""
    from opendeep_kit.commands.service import run_upkeep

    if code := run_upkeep(as_json=json_, data=data):
        raise typer.Exit(code)


@app.command()
def why(
    number: Annotated[str, typer.Argument(help="The number in question.")],
    campaign: Annotated[str, typer.Option(help="In which campaign.")],
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataDir = None,
) -> None:
    """Explain why a number may or may not be called now, rule by rule."""
    from opendeep_kit.commands.service import show_why

    show_why(number, campaign, tenant=tenant, as_json=json_, data=data)


@app.command()
def realtime(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.")] = None,
    callees_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where simulated callees listen; 0 takes a free one.")
    ] = None,
    engine: Annotated[Engine | None, typer.Option(help="Real speech, or tones that understand nothing.")] = None,
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
    """One process that holds the sound of calls; `up` starts it."""
    from opendeep_kit.service.processes import serve_media

    run(serve_media(load_settings(), is_child=child))


@app.command(hidden=True)
def control(
    line: LineOption = LineName.ASTERISK, child: Annotated[bool, typer.Option("--child", hidden=True)] = False
) -> None:
    """One process that plans and places calls; `up` starts it."""
    from opendeep_kit.service.processes import serve_control

    run(serve_control(load_settings(), line, is_child=child))


@app.command()
def media(
    handler: Annotated[Handler, typer.Option(help="What to answer with.")] = Handler.ECHO,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free one.")] = 9092,
    host: Annotated[str, typer.Option(help="AudioSocket has no password: keep it on loopback.")] = "127.0.0.1",
    accept_any: Annotated[bool, typer.Option("--accept-any", help="Admit any UUID; for line tests only.")] = False,
) -> None:
    """Run a bare AudioSocket server that echoes or plays a tone: check a line by ear, or load it."""
    from opendeep_kit.commands.media import serve_line_test

    if not accept_any:
        raise BadInput("a line test knows no calls", do="say --accept-any to admit whoever connects")
    settings = load_settings()
    phone = settings.phone.model_copy(update={"host": host, "port": port})
    run(serve_line_test(phone, handler.value))


@app.command()
def dashboards(
    tenant: Annotated[str | None, typer.Option("--tenant", help="Whose calls they show; one process each.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.")] = None,
    host: Annotated[str | None, typer.Option(help="Beyond loopback put a proxy with TLS before it.")] = None,
    new_password: Annotated[bool, typer.Option("--new-password", help="Make another and print it once.")] = False,
    data: DataDir = None,
) -> None:
    """Serve a tenant's dashboards behind a login: calls now, campaigns, quality, the tenant."""
    from opendeep_kit.commands.dashboards import serve_dashboards

    settings = settings_with(data_dir=data)
    chosen = {"tenant": tenant, "port": port, "host": host}
    own = settings.dashboards.model_copy(update={name: value for name, value in chosen.items() if value is not None})
    serve_dashboards(settings.model_copy(update={"dashboards": own}), new_password=new_password)


@app.command()
def lab(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where JupyterLab listens.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open it in a browser.")] = True,
    data: DataDir = None,
) -> None:
    """Open JupyterLab on the notebooks."""
    from opendeep_kit.commands.dashboards import serve_lab

    serve_lab(settings_with(data_dir=data), port=port, open_browser=browser)


@app.command()
def doctor(data: DataDir = None) -> None:
    """Check everything a call needs and say what to do about each miss."""
    from opendeep_kit.commands.doctor import examine

    run(examine(settings_with(data_dir=data)))


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

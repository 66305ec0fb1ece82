"""`opendeep asterisk …`: install, start, stop and inspect our own Asterisk, for rehearsals or a trunk.

Given the settings, calls the package `asterisk` and prints. Never decides anything itself.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from opendeep_kit.asterisk.exchange import claimed, configure_exchange, configured, obtain_program, start_for_good
from opendeep_kit.asterisk.install import install_asterisk
from opendeep_kit.asterisk.instance import AsteriskInstance
from opendeep_kit.asterisk.program import AsteriskProgram
from opendeep_kit.asterisk.templates import Role
from opendeep_kit.config import Settings, load_settings
from opendeep_kit.errors import Unavailable

asterisk_app = typer.Typer(no_args_is_help=True, help="Install and run our own Asterisk, without root.")

DataDir = Annotated[Path | None, typer.Option("--data", help="Data folder; each has its own Asterisk.")]
RoleOption = Annotated[Role, typer.Option("--role", help="Which instance: the line, or the rehearsal's callees.")]


@asterisk_app.command()
def install(
    refresh: Annotated[bool, typer.Option("--refresh", help="Download the newest packages.")] = False,
) -> None:
    """Install Asterisk into the project's folder. Needs no root."""
    settings = load_settings().asterisk
    program = install_asterisk(settings.folder, mirror=settings.mirror, refresh=refresh, report=typer.echo)
    typer.echo(f"Asterisk {program.version_text} in {settings.folder}")


@asterisk_app.command()
def start(
    personas_port: Annotated[
        int, typer.Option(help="Port of the personas' AudioSocket server, on loopback.", min=1, max=65535)
    ] = 9093,
    data: DataDir = None,
) -> None:
    """Start the line, and the rehearsal's callees unless a trunk is set. Both keep running after this command."""
    settings = _settings(data)
    program = obtain_program(settings.asterisk, report=typer.echo)
    asyncio.run(_start(settings, program, personas_port))
    for instance in configured(settings.asterisk_dir):
        typer.echo(_described(instance))


async def _start(settings: Settings, program: AsteriskProgram, personas_port: int) -> None:
    run_dir = settings.asterisk_dir
    async with claimed(run_dir):
        running = [instance for instance in configured(run_dir) if instance.pid is not None]
        if running:
            raise Unavailable(
                f"Asterisk is already running (pid {running[0].pid})", do="run `opendeep asterisk stop` first"
            )
        await start_for_good(
            configure_exchange(settings.asterisk, program, run_dir=run_dir, personas_port=personas_port)
        )


@asterisk_app.command()
def stop(data: DataDir = None) -> None:
    """Stop what `start` started. Live calls are hung up."""
    for instance in reversed(configured(_settings(data).asterisk_dir)):
        was_running = asyncio.run(instance.stop())
        typer.echo(f"{instance.role}: {'stopped' if was_running else 'was not running'}")


@asterisk_app.command()
def status(data: DataDir = None) -> None:
    """Show what is running and where it listens."""
    instances = configured(_settings(data).asterisk_dir)
    if not instances:
        typer.echo("no Asterisk is configured yet: run `opendeep asterisk start`")
    for instance in instances:
        typer.echo(_described(instance))
        if instance.pid is not None:
            typer.echo(asyncio.run(instance.cli("core show channels count")).rstrip())


@asterisk_app.command()
def cli(
    words: Annotated[list[str] | None, typer.Argument(help="One command; without it the console opens.")] = None,
    role: RoleOption = Role.LINE,
    data: DataDir = None,
) -> None:
    """Run a command on Asterisk's own command line."""
    instance = AsteriskInstance.load(_settings(data).asterisk_dir / role)
    if words:
        typer.echo(asyncio.run(instance.cli(*words)).rstrip())
        return
    command = instance.cli_command()
    os.execv(command[0], command)


def _settings(data: Path | None) -> Settings:
    """The settings in force, for this data folder."""
    return load_settings(**({"data_dir": data} if data is not None else {}))


def _described(instance: AsteriskInstance) -> str:
    """An instance in one line."""
    pid, ports = instance.pid, instance.ports
    state = f"running, pid {pid}" if pid is not None else "not running"
    return (
        f"{instance.role}: Asterisk {instance.program.version_text} {state}; SIP {instance.sip_host}:{ports.sip}, "
        f"AMI {instance.ami_host}:{ports.ami}, RTP {ports.rtp_start}-{ports.rtp_end}, log {instance.log_file}"
    )

"""`opendeep asterisk …`: install, start, stop, look at and speak with the Asterisk of a rehearsal or a trunk.

Given the settings, calls `phone.asterisk` and prints. Never decides anything itself.
"""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from opendeep_kit.config import load_settings
from opendeep_kit.errors import Unavailable
from opendeep_kit.phone.asterisk import configure_exchange, configured, obtain_program, start_for_good
from opendeep_kit.phone.asterisk_install import install_asterisk
from opendeep_kit.phone.asterisk_instance import AsteriskInstance
from opendeep_kit.phone.asterisk_templates import Role

asterisk_app = typer.Typer(no_args_is_help=True, help="The telephone: a real Asterisk, installed without root.")

RoleOption = Annotated[Role, typer.Option("--role", help="Which instance.")]


@asterisk_app.command()
def install(
    refresh: Annotated[bool, typer.Option("--refresh", help="Fetch the newest packages.")] = False,
) -> None:
    """Install Asterisk into the project's folder; needs no root."""
    settings = load_settings().asterisk
    program = install_asterisk(settings.folder, mirror=settings.mirror, refresh=refresh, report=typer.echo)
    typer.echo(f"Asterisk {program.version_text} in {settings.folder}")


@asterisk_app.command()
def start(
    personas_port: Annotated[
        int, typer.Option(help="Port of the personas' AudioSocket server, on loopback.", min=1, max=65535)
    ] = 9093,
) -> None:
    """Start the line, and the rehearsal's public unless a trunk is set; both go on after this command."""
    settings = load_settings().asterisk
    running = [instance for instance in configured(settings.run_dir) if instance.pid is not None]
    if running:
        raise Unavailable(f"Asterisk runs already (pid {running[0].pid})", do="run `opendeep asterisk stop` first")
    program = obtain_program(settings, report=typer.echo)
    exchange = configure_exchange(settings, program, personas_port=personas_port)

    asyncio.run(start_for_good(exchange))
    for instance in configured(settings.run_dir):
        typer.echo(_described(instance))


@asterisk_app.command()
def stop() -> None:
    """Stop what `start` started; calls still up are hung up."""
    for instance in reversed(configured(load_settings().asterisk.run_dir)):
        was_running = asyncio.run(instance.stop())
        typer.echo(f"{instance.role}: {'stopped' if was_running else 'was not running'}")


@asterisk_app.command()
def status() -> None:
    """Say what runs, and where it listens."""
    instances = configured(load_settings().asterisk.run_dir)
    if not instances:
        typer.echo("no Asterisk is configured; `opendeep asterisk start` does it")
    for instance in instances:
        typer.echo(_described(instance))
        if instance.pid is not None:
            typer.echo(asyncio.run(instance.cli("core show channels count")).rstrip())


@asterisk_app.command()
def cli(
    words: Annotated[list[str] | None, typer.Argument(help="One command; none opens the console.")] = None,
    role: RoleOption = Role.LINE,
) -> None:
    """Speak with Asterisk's own command line."""
    instance = AsteriskInstance.load(load_settings().asterisk.run_dir / role)
    if words:
        typer.echo(asyncio.run(instance.cli(*words)).rstrip())
        return
    command = instance.cli_command()
    os.execv(command[0], command)


def _described(instance: AsteriskInstance) -> str:
    """One line about an instance."""
    pid, ports = instance.pid, instance.ports
    state = f"running, pid {pid}" if pid is not None else "not running"
    return (
        f"{instance.role}: Asterisk {instance.program.version_text} {state}; SIP {instance.sip_host}:{ports.sip}, "
        f"AMI {instance.ami_host}:{ports.ami}, RTP {ports.rtp_start}-{ports.rtp_end}, log {instance.log_file}"
    )

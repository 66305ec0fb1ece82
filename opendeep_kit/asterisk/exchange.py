"""Provides the Asterisk that the settings ask for: the line, and the rehearsal's callees behind it.

Given `AsteriskSettings`, finds or installs the program, configures the instances and starts them. Never places a call:
`phone` does, over the line's AMI.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from opendeep_kit.asterisk.configuration import Trunk, configure_callees, configure_line
from opendeep_kit.asterisk.install import install_asterisk
from opendeep_kit.asterisk.instance import START_LIMIT_S, AsteriskInstance, unwritable
from opendeep_kit.asterisk.program import AsteriskProgram, system_asterisk
from opendeep_kit.errors import Unavailable
from opendeep_kit.settings import AsteriskSettings

_LOCK_LOOK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What runs for our calls."""

    line: AsteriskInstance
    callees: AsteriskInstance | None
    """The rehearsal's public; None when a trunk leads to real people."""


def obtain_program(settings: AsteriskSettings, *, report: Callable[[str], None] = lambda _: None) -> AsteriskProgram:
    """The program the settings ask for, installed if need be. Takes seconds: call it off the loop.

    Raises:
        Unavailable: it can neither be installed nor found on the host.
        BadInput: the host's is too old.
        PeerMisbehaved: the packages are not Debian's.
    """
    if settings.program == "system":
        return system_asterisk()
    try:
        return install_asterisk(settings.folder, mirror=settings.mirror, report=report)
    except Unavailable as why_not:
        if settings.program == "install":
            raise
        try:
            return system_asterisk()
        except Unavailable:
            raise why_not from None


def trunk_of(settings: AsteriskSettings) -> Trunk | None:
    """The trunk to real people; None in a rehearsal.

    Raises:
        BadInput: a value has characters that Asterisk cannot take.
    """
    if settings.trunk_host is None:
        return None
    return Trunk(
        host=settings.trunk_host,
        port=settings.trunk_port,
        user=settings.trunk_user,
        secret=settings.trunk_secret or SecretStr(""),
        registers=settings.trunk_registers,
        codecs=settings.trunk_codecs,
        caller_id=settings.caller_id,
        external_address=settings.external_address,
    )


def configure_exchange(
    settings: AsteriskSettings,
    program: AsteriskProgram,
    *,
    run_dir: Path,
    personas_host: str = "127.0.0.1",
    personas_port: int = 0,
) -> Exchange:
    """Write the folders of the line, and of the public unless there is a trunk. Have the parent folder `claimed`.

    Raises:
        BadInput: a setting cannot be used.
        Unavailable: no free port, the program lacks modules, or another Asterisk runs there.
    """
    trunk, callees = trunk_of(settings), None
    if trunk is None:
        callees = configure_callees(
            run_dir / "callees", program=program, personas_host=personas_host, personas_port=personas_port
        )
        trunk = rehearsal_trunk(callees, codecs=settings.trunk_codecs, caller_id=settings.caller_id)
    line = configure_line(run_dir / "line", program=program, trunk=trunk, ami_user=settings.ami_user, amd=settings.amd)
    return Exchange(line=line, callees=callees)


def rehearsal_trunk(
    callees: AsteriskInstance, *, codecs: tuple[str, ...] = ("ulaw", "alaw"), caller_id: str = ""
) -> Trunk:
    """The trunk that leads to the rehearsal's public."""
    return Trunk(host=callees.sip_host, port=callees.ports.sip, codecs=codecs, caller_id=caller_id, is_rehearsal=True)


@contextlib.asynccontextmanager
async def claimed(run_dir: Path, *, within_s: float = START_LIMIT_S) -> AsyncIterator[None]:
    """The parent folder for this process alone, from configuring to the boot: two at once would delete each other's.

    Raises:
        Unavailable: another process does not come to an end with it, or it cannot be written.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    with contextlib.ExitStack() as stack:
        try:
            handle = _lock_file(run_dir)
            stack.callback(os.close, handle)
            while not _is_locked(handle):
                if loop.time() > until:
                    raise Unavailable(f"another process is starting an Asterisk in {run_dir}", do="try again")
                await asyncio.sleep(_LOCK_LOOK_S)
        except OSError as error:
            raise unwritable(run_dir, error) from None
        yield


def _lock_file(run_dir: Path) -> int:
    run_dir.mkdir(parents=True, exist_ok=True)
    return os.open(run_dir / "lock", os.O_CREAT | os.O_RDWR, 0o600)


def _is_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.asynccontextmanager
async def running(exchange: Exchange) -> AsyncIterator[Exchange]:
    """Start the instances, the public first, and stop them on the way out; those that run for good are left to run.

    Raises:
        Unavailable: one of them does not start; the text says why.
    """
    async with contextlib.AsyncExitStack() as stack:
        for instance in (exchange.callees, exchange.line):
            if instance is not None:
                await stack.enter_async_context(instance.adopt() or await instance.start())
        yield exchange


async def start_for_good(exchange: Exchange) -> None:
    """Start the instances so that they outlive this process: both or none.

    Raises:
        Unavailable: one of them does not start; the text says why.
    """
    async with contextlib.AsyncExitStack() as stack:
        for instance in (exchange.callees, exchange.line):
            if instance is not None:
                await stack.enter_async_context(await instance.start(outlives_us=True))
        stack.pop_all()


def configured(run_dir: Path) -> list[AsteriskInstance]:
    """The instances that have folders there, whether or not they run."""
    instances = []
    for name in ("callees", "line"):
        with contextlib.suppress(Unavailable):
            instances.append(AsteriskInstance.load(run_dir / name))
    return instances

"""`opendeep up`: all processes of the service on this host, started in order, kept alive, ended in order.

Given settings, starts the rehearsal's host and our Asterisk where they are needed, the media workers and a control
process, and starts again what dies. Ends nothing that it did not start, and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from opendeep_kit.app import host_addresses, needs_host, with_voice
from opendeep_kit.asterisk.exchange import Exchange, claimed, configure_exchange, obtain_program
from opendeep_kit.asterisk.instance import AsteriskInstance, RunningAsterisk
from opendeep_kit.child_process import Child, keep_alive
from opendeep_kit.config import Settings, service_environment
from opendeep_kit.errors import BadInput
from opendeep_kit.line_choice import NO_ASTERISK, LineName, fitted, simulates_instead
from opendeep_kit.media.duty import reached_at
from opendeep_kit.record.database import open_database
from opendeep_kit.rehearsal.host_process import HostProcess, at_addresses

ASTERISK_LOOK_S = 0.25
KILL_AFTER_S = 10.0
"""After its time to drain, a process that is still there is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What runs on this host."""

    media: bool = True
    control: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """The service."""

    settings: Settings
    """With every address filled in."""
    line: LineName
    control: Child | None
    workers: tuple[Child, ...]
    exchange: Exchange | None
    """Our Asterisk; None: another's, or the simulator."""


def _ignore(text: str) -> None:
    del text


@contextlib.asynccontextmanager
async def service(
    settings: Settings, *, line: LineName, parts: Parts, tell: Callable[[str], None] = _ignore
) -> AsyncIterator[RunningService]:
    """The service; leaving the block drains and ends it.

    Raises:
        BadInput: a setting is wrong.
        Unavailable: a part does not start.
    """
    if parts.media and settings.service.media_workers > 1 and settings.phone.port:
        raise BadInput("several media workers cannot share phone.port", do="set it to 0")
    if parts.media:
        reached_at(settings.phone)
    async with contextlib.AsyncExitStack() as stack:
        database = await asyncio.to_thread(open_database, settings.store_url)  # brought up to date once, before all
        database.close()
        with_voice(settings, host_addresses(settings))  # a mistake is told before anything is started
        if needs_host(settings, line, media=parts.media, control=parts.control):
            tell("starting the simulated voice model and callees")
            host = HostProcess(settings)
            stack.push_async_callback(host.stop)
            settings = at_addresses(settings, await host.start())
            host.keep_alive()
        settings = with_voice(settings, host_addresses(settings))
        exchange: Exchange | None = None
        if parts.control and line is not LineName.SIMULATOR and settings.asterisk.ami_host is None:
            tell("starting Asterisk")
            line, settings, exchange = await _asterisk(stack, settings, line)
        environment = service_environment(settings)
        end_within_s = settings.service.drain_s + KILL_AFTER_S
        workers: list[Child] = []
        for number in range(settings.service.media_workers if parts.media else 0):
            worker = Child(f"media worker {number + 1}", ["media-worker"], environment)
            stack.push_async_callback(worker.stop, within_s=end_within_s)
            await worker.start()
            worker.keep_alive()
            workers.append(worker)
            tell(f"{worker.name} serves")
        control = Child("control process", ["control", "--line", line], environment) if parts.control else None
        if control is not None:
            # Stopped first: it plans no more and waits for its calls, which the media workers still hold.
            stack.push_async_callback(control.stop, within_s=end_within_s)
            await control.start()
            control.keep_alive()
            tell("the control process serves")
        yield RunningService(settings=settings, line=line, control=control, workers=tuple(workers), exchange=exchange)
        tell("draining")


async def _asterisk(
    stack: contextlib.AsyncExitStack, settings: Settings, line: LineName
) -> tuple[LineName, Settings, Exchange | None]:
    """Our Asterisk, kept alive; with `AUTO`, the simulator where it cannot be had."""
    addresses = host_addresses(settings)
    try:
        program = await asyncio.to_thread(obtain_program, settings.asterisk)
        settings = fitted(settings, has_wideband=program.has_wideband)
        async with claimed(settings.asterisk_dir):
            exchange = await asyncio.to_thread(
                configure_exchange,
                settings.asterisk,
                program,
                run_dir=settings.asterisk_dir,
                personas_host=addresses.callees_host,
                personas_port=addresses.callees_port,
            )
            for instance in (exchange.callees, exchange.line):
                if instance is not None:
                    await stack.enter_async_context(_kept(instance))
    except NO_ASTERISK as error:
        if not simulates_instead(settings.asterisk, line, error):
            raise
        return LineName.SIMULATOR, settings, None
    ours = exchange.line
    account = {"ami_host": ours.ami_host, "ami_port": ours.ports.ami, "ami_user": ours.ami_user}
    asterisk = settings.asterisk.model_copy(update=account | {"ami_secret": ours.ami_secret})
    return LineName.ASTERISK, settings.model_copy(update={"asterisk": asterisk}), exchange


@contextlib.asynccontextmanager
async def _kept(instance: AsteriskInstance) -> AsyncIterator[None]:
    """One Asterisk, started again at the same ports when it dies."""
    running: list[RunningAsterisk] = [instance.adopt() or await instance.start()]

    async def live() -> str:
        status = running[-1].status
        while status is None:
            await asyncio.sleep(ASTERISK_LOOK_S)
            status = running[-1].status
        running.append(await instance.start())
        return f"status {status}"

    keeping = asyncio.create_task(keep_alive(f"Asterisk ({instance.role})", live), name=f"keep-{instance.role}")
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await running[-1].stop()

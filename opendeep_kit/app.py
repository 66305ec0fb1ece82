"""The SEAM that composes what places calls in this process: record, voice model, line, media worker, attempts.

Given settings and which line to use, yields a `Service`. Never decides anything about a call.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import openai

from opendeep_kit.config import Settings
from opendeep_kit.engine import campaign_service
from opendeep_kit.engine.attempts import Attempts
from opendeep_kit.engine.by_hand import CallsByHand
from opendeep_kit.errors import BadInput
from opendeep_kit.line_choice import LineName, fitted, open_line
from opendeep_kit.media.duty import MediaDuty, hand_over_by_record, reached_at
from opendeep_kit.media.worker import MediaWorker
from opendeep_kit.record import directory
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.record.event_log import EventLog
from opendeep_kit.rehearsal.host import LOOPBACK, Addresses
from opendeep_kit.rehearsal.host_process import HostProcess
from opendeep_kit.tasks.script import CallScript
from opendeep_kit.tenants import DEFAULT_TENANT
from opendeep_kit.voice.handshake_client import check_voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything that whoever calls by hand needs."""

    settings: Settings
    database: Database
    event_log: EventLog
    by_hand: CallsByHand
    attempts: Attempts
    """Their heartbeat; with it others know that this process lives."""
    host: HostProcess | None
    """The rehearsal's process; None when voice and callees are real."""

    async def save_script(self, script: CallScript, *, tenant_id: str = DEFAULT_TENANT) -> int:
        """Keep this text as a version of the script, and its task under the script's name; returns the version."""
        now = datetime.now(UTC)
        return await asyncio.to_thread(campaign_service.save_script, self.database, tenant_id, script, now=now)


@contextlib.asynccontextmanager
async def open_service(settings: Settings, *, line: LineName = LineName.SIMULATOR) -> AsyncIterator[Service]:
    """A running service; leaving the block ends its calls and children.

    Raises:
        BadInput: a setting is wrong, a port is taken, the key is missing.
        Unavailable: the store cannot be written, or the local voice model does not start.
    """
    async with contextlib.AsyncExitStack() as stack:
        database = await asyncio.to_thread(open_database, settings.store_url)
        stack.callback(database.close)
        event_log = EventLog(database)
        stack.push_async_callback(asyncio.to_thread, event_log.close)
        directory.ensure_default_tenant(database, now=datetime.now(UTC))
        host, addresses = None, host_addresses(settings)
        with_voice(settings, addresses)  # a mistake is told before anything is started
        if needs_host(settings, line):
            host = HostProcess(settings)
            addresses = await stack.enter_async_context(_running(host))
        settings = with_voice(settings, addresses)
        voice = await stack.enter_async_context(voice_client(settings))
        if settings.voice.provider == "realtime":
            await check_voice(voice, settings.voice)
        opened = await stack.enter_async_context(open_line(settings, line, addresses))
        settings = fitted(settings, has_wideband=opened.has_wideband)
        media = MediaWorker(
            settings,
            worker_id=f"own-{uuid4()}",
            database=database,
            event_log=event_log,
            voice=voice,
            hand_over=hand_over_by_record(database),
        )
        await stack.enter_async_context(media)
        duty = MediaDuty(
            media,
            database,
            host=reached_at(settings.phone),
            capacity=settings.service.calls_per_worker,
            heartbeat_s=settings.service.heartbeat_s,
            is_reserved=True,
        )
        await stack.enter_async_context(duty)
        attempts = Attempts(
            settings, database=database, line=opened, worker_id=media.worker_id, whose="a process that calls by hand"
        )
        await stack.enter_async_context(attempts)
        by_hand = CallsByHand(
            settings, database=database, event_log=event_log, line=opened, media=media, attempts=attempts
        )
        stack.push_async_callback(by_hand.stop)
        yield Service(
            settings=settings,
            database=database,
            event_log=event_log,
            by_hand=by_hand,
            attempts=attempts,
            host=host,
        )


def needs_host(settings: Settings, line: LineName, *, media: bool = True, control: bool = True) -> bool:
    """Whether anybody here is simulated: the voice model where sound is held, or the callees where calls are placed."""
    callees = line is LineName.SIMULATOR or not settings.asterisk.leads_to_people
    return (media and settings.voice.provider == "local") or (control and callees)


def host_addresses(settings: Settings) -> Addresses:
    """Where the rehearsal's host listens, by the settings."""
    rehearsal = settings.rehearsal
    return Addresses(
        realtime_url=f"http://{LOOPBACK}:{rehearsal.realtime_port}/v1",
        callees_host=LOOPBACK,
        callees_port=rehearsal.callees_port,
    )


def with_voice(settings: Settings, addresses: Addresses) -> Settings:
    """The settings with the embedded voice model filled in, when it is the one to use.

    Raises:
        BadInput: there is no key for the provider, or an address without it.
    """
    if settings.voice.provider == "realtime":
        if settings.voice.api_key is None and settings.voice.base_url is None:
            raise BadInput("there is no API key for the voice model", do="set OPENAI_API_KEY or voice.api_key")
        return settings
    if settings.voice.base_url is not None:
        raise BadInput(
            "voice.base_url is set, but voice.provider is local, so that server would not be used",
            do='set voice.provider = "realtime", or leave the address out',
        )
    voice = settings.voice.model_copy(update={"base_url": addresses.realtime_url, "api_key": None})
    return settings.model_copy(update={"voice": voice})


def voice_client(settings: Settings) -> openai.AsyncOpenAI:
    """The Realtime client; the embedded server takes any key."""
    key = settings.voice.api_key.get_secret_value() if settings.voice.api_key else "local"
    return openai.AsyncOpenAI(api_key=key, base_url=settings.voice.base_url)


@contextlib.asynccontextmanager
async def _running(host: HostProcess) -> AsyncIterator[Addresses]:
    try:
        yield await host.start()
    finally:
        await host.stop()

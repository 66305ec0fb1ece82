"""The two kinds of process in a running service: one holds sound, one plans and places calls.

Given settings that name everything (the voice model's address, the line's account), opens what the process needs,
serves until told to stop, drains and closes. Starts no other process.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from opendeep_kit.app import host_addresses, voice_client
from opendeep_kit.child_process import announce, listen_for_stop
from opendeep_kit.config import Settings
from opendeep_kit.engine.control import Control
from opendeep_kit.line_choice import LineName, open_line
from opendeep_kit.logs import log
from opendeep_kit.media.duty import MediaDuty, hand_over_by_record, reached_at
from opendeep_kit.media.worker import MediaWorker
from opendeep_kit.periodic import PeriodicTasks
from opendeep_kit.record import directory
from opendeep_kit.record.database import Database, open_database, utc_now
from opendeep_kit.record.event_log import EventLog

THREADS = 64
"""Of a media worker: recordings that are closed at once, and the record's answers at the door meanwhile."""


async def serve_media(settings: Settings, *, is_child: bool) -> None:
    """Hold sound until told to stop; then drain.

    Raises:
        BadInput, Unavailable: it cannot begin, or could not go on.
    """
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="media"))
    async with contextlib.AsyncExitStack() as stack:
        database, event_log = await stack.enter_async_context(_record(settings))
        voice = await stack.enter_async_context(voice_client(settings))
        worker = MediaWorker(
            settings,
            worker_id=f"media-{uuid4()}",
            database=database,
            event_log=event_log,
            voice=voice,
            hand_over=hand_over_by_record(database),
        )
        await stack.enter_async_context(worker)
        service = settings.service
        duty = MediaDuty(
            worker,
            database,
            host=reached_at(settings.phone),
            capacity=min(service.calls_per_worker, settings.phone.max_connections),
            heartbeat_s=service.heartbeat_s,
        )
        await stack.enter_async_context(duty)
        await _until_stopped(worker.worker_id, duty.periodic, is_child=is_child)
        await duty.drain(within_s=service.drain_s)
    duty.periodic.check()


async def serve_control(settings: Settings, line_name: LineName, *, is_child: bool) -> None:
    """Plan and place calls until told to stop; then wait for those under way.

    Raises:
        BadInput, Unavailable: it cannot begin, or could not go on.
    """
    async with contextlib.AsyncExitStack() as stack:
        database, _ = await stack.enter_async_context(_record(settings))
        line = await stack.enter_async_context(open_line(settings, line_name, host_addresses(settings)))
        control = Control(settings, database=database, line=line)
        await stack.enter_async_context(control)
        await _until_stopped(control.control_id, control.periodic, is_child=is_child)
        await control.drain(within_s=settings.service.drain_s)
    control.periodic.check()


@contextlib.asynccontextmanager
async def _record(settings: Settings) -> AsyncIterator[tuple[Database, EventLog]]:
    database = await asyncio.to_thread(open_database, settings.store_url)
    try:
        await asyncio.to_thread(directory.ensure_default_tenant, database, now=utc_now())
        event_log = EventLog(database)
        try:
            yield database, event_log
        finally:
            await asyncio.to_thread(event_log.close)
    finally:
        database.close()


async def _until_stopped(name: str, periodic: PeriodicTasks, *, is_child: bool) -> None:
    """Tell that we serve; return when told to stop, when periodic work is given up, or a child's parent is gone."""
    await listen_for_stop(periodic.given_up, is_child=is_child)
    if is_child:
        announce(name)
    log().info("= serving", name=name, host=platform.node())
    await periodic.given_up.wait()
    log().info("= draining", name=name)

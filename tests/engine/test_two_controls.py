"""Two control processes and two media workers on one record, as processes of their own; one of each is killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from opendeep_kit.config import Settings, service_environment
from opendeep_kit.record import attempts, calls, counters, workers
from opendeep_kit.record.database import Database, open_database
from tests.service_rig import TENANT, new_tenant, now, settings_for, start_campaign, until, world

NUMBERS = [f"+1{area}5550101" for area in (212, 312, 415, 602, 713, 202, 303, 404, 505, 606, 707, 808)]
SOON = {"max_retries": 5, "delay_s": 0.5, "jitter": 0}


@contextlib.asynccontextmanager
async def process(settings: Settings, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """One process of the service, serving; it ends with us."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "opendeep_kit.cli", *words, "--child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=service_environment(settings),
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(60):
            assert (await child.stdout.readline()).startswith(b"ready ")
        yield child
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
        await child.wait()


def most_at_once(spans: list[tuple[datetime, datetime]]) -> int:
    """How many of the spans overlap at their thickest."""
    edges = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    live = most = 0
    for _, step in edges:
        live += step
        most = max(most, live)
    return most


def final(database: Database) -> int:
    """Contacts that reached their end."""
    return counters.counts(database, TENANT, "one").final


@pytest.mark.soak
async def test_a_killed_control_and_a_killed_worker_lose_nothing(tmp_path: Path) -> None:
    """Two of each, one of each killed in the middle: every contact is called to its end, none twice, no cap exceeded."""
    service = {"control_dead_after_s": 2.0, "worker_dead_after_s": 2.0}
    async with contextlib.AsyncExitStack() as stack:
        settings, callees = await stack.enter_async_context(world(settings_for(tmp_path, **service)))
        rehearsal = settings.rehearsal.model_copy(update={"callees_port": callees.port})
        settings = settings.model_copy(update={"rehearsal": rehearsal})
        database = open_database(settings.store_url)
        stack.callback(database.close)
        new_tenant(database)
        start_campaign(database, "one", NUMBERS, flow={"max_live": 4}, retries={"rules": {"our_failure": SOON}})
        control = ("control", "--line", "simulator")
        children = [
            await stack.enter_async_context(process(settings, *words))
            for words in (("media-worker",), ("media-worker",), control, control)
        ]
        await until(lambda: final(database) >= 2, within_s=60)
        for child in (children[2], children[0]):
            os.kill(child.pid, signal.SIGKILL)
        await until(lambda: final(database) == len(NUMBERS), within_s=80)
        check(database)


def check(database: Database) -> None:
    """Everything that must hold, by the record's own rows."""
    made = attempts.attempts_of(database, TENANT)
    spans = [(one.created_at, one.ended_at) for one in made if one.ended_at is not None]
    found = [calls.call(database, TENANT, one.attempt_id) for one in made if one.dialled_at]
    assert counters.counts(database, TENANT, "one").outcomes["completed"] == len(NUMBERS)
    assert most_at_once(spans) <= 4
    assert all(one is not None and one.state == "ended" for one in found)
    assert len(workers.controls_alive(database, now=now(), within_s=2)) == 1
    assert attempts.open_attempts(database) == []

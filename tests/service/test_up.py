"""`opendeep up` as a person runs it: a campaign is called, a live call is steered, and nothing is left behind."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from opendeep_kit.config import Settings, service_environment
from opendeep_kit.record.database import open_database
from tests.service_rig import SILENT, TENANT, new_tenant, settings_for, start_campaign


async def opendeep(settings: Settings, *words: str) -> tuple[int, Any]:
    """Exit code and JSON of a command."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "opendeep_kit.cli", *words, "--json"),
        stdout=asyncio.subprocess.PIPE,
        env=service_environment(settings),
    )
    out, _ = await child.communicate()
    return child.returncode or 0, json.loads(out)


def children_of(pid: int) -> set[int]:
    """Processes whose parent this is."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                found |= {int(entry.name)} if int(parent) == pid else set()
    return found


def still_there(pids: set[int]) -> list[int]:
    """Those that live."""
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@contextlib.asynccontextmanager
async def up(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service; at the end its terminal is closed, and all its children must be gone with it."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "opendeep_kit.cli", "up", "--line", "simulator"),
        stderr=asyncio.subprocess.PIPE,
        env=service_environment(settings),
    )
    assert child.stderr is not None
    async with asyncio.timeout(60):
        line = b""
        while b"OpenDeep is up" not in line:
            line = await child.stderr.readline()
    try:
        yield child
    finally:  # a test that fails leaves no service behind either
        mine = children_of(child.pid)
        child.send_signal(signal.SIGHUP)
        async with asyncio.timeout(60):
            await child.communicate()
    assert child.returncode == 0
    assert len(mine) == 3
    assert still_there(mine) == []


async def live_call(settings: Settings) -> str:
    """The id of the one live call, once it is answered."""
    async with asyncio.timeout(30):
        found: list[dict[str, Any]] = []
        while not found or not found[0]["answered_at"]:
            _, found = await opendeep(settings, "call", "list", "--tenant", TENANT)
    return str(found[0]["call_id"])


async def test_up(tmp_path: Path) -> None:
    """The service calls, obeys a supervisor, drains when its terminal is closed, and leaves no process behind."""
    settings = settings_for(tmp_path)
    rehearsal = settings.rehearsal.model_copy(update={"engine": "tones", "audio_speed": 6.0})
    settings = settings.model_copy(update={"rehearsal": rehearsal})
    database = open_database(settings.store_url)
    new_tenant(database)
    start_campaign(database, "one", [SILENT])
    database.close()
    async with up(settings):
        call_id = await live_call(settings)
        code, health = await opendeep(settings, "status")
        said = await opendeep(settings, "call", "say", call_id, "Good day.", "--tenant", TENANT)
        ended = await opendeep(settings, "call", "hang-up", call_id, "--tenant", TENANT)

    assert (code, health["is_serving"], health["live_calls"]) == (0, True, 1)
    assert [(code, done["outcome"]) for code, done in (said, ended)] == [(0, "done"), (0, "done")]
    _, shown = await opendeep(settings, "campaign", "status", "one", "--tenant", TENANT)
    assert shown["attempts"] == 1

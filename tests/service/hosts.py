"""Hosts of one service for tests: each an `opendeep up` of its own, with its own folder and address, on one record."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from opendeep_kit.config import Settings, service_environment

POSTGRESQL = os.environ.get("OPENDEEP_TEST_POSTGRES", "")


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """An empty database, gone afterwards. Skips where there is no server."""
    if not POSTGRESQL:
        pytest.skip("set OPENDEEP_TEST_POSTGRES to the URL of a PostgreSQL database in which others may be made")
    place = make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
    name = f"hosts_{os.getpid()}_{random.randrange(10**6)}"
    admin = create_engine(place, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield place.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


class Host:
    """One running `opendeep up`."""

    def __init__(self, settings: Settings, child: asyncio.subprocess.Process) -> None:
        self.settings = settings
        self._child = child

    def die(self) -> None:
        """All of its processes at once and without a word, as when a machine loses its power."""
        for pid in (self._child.pid, *descendants(self._child.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Every process below this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, below = [], [pid]
    while below:
        below = [child for child, parent in parents.items() if parent in below]
        found += below
    return found


@contextlib.asynccontextmanager
async def host(settings: Settings, folder: Path, *words: str, address: str = "127.0.0.1") -> AsyncIterator[Host]:
    """A host of this service; told to stop at the end, if it is still there.

    Args:
        address: its own on the loopback network; it listens everywhere and advertises this one.
    """
    phone = settings.phone.model_copy(update={"host": "0.0.0.0", "advertise_host": address})
    settings = settings.model_copy(update={"data_dir": folder, "phone": phone})
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "opendeep_kit.cli", "up", *words),
        stderr=asyncio.subprocess.PIPE,
        env=service_environment(settings),
    )
    assert child.stderr is not None
    async with asyncio.timeout(90):
        line = b""
        while b"OpenDeep is up" not in line:
            line = await child.stderr.readline()
            assert line, "it ended"
    drain = asyncio.create_task(child.stderr.read())
    try:
        yield Host(settings, child)
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)
        await child.wait()
        await drain

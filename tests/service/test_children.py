"""Child processes of the service: kept alive, ended, never left behind."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from opendeep_kit.config import service_environment
from opendeep_kit.errors import Unavailable
from opendeep_kit.service.children import Child, Pauses
from tests.service_rig import settings_for, until


def is_there(pid: int) -> bool:
    """Whether the process lives."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@pytest.mark.slow
async def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    """A media worker that is killed comes back under a new name; stopped, it is gone."""
    child = Child("media worker", ["media-worker"], service_environment(settings_for(tmp_path)))
    await child.start()
    first, name = child.pid, child.serves_as
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.serves_as not in ("", name) and child.pid is not None, within_s=60)
    second = child.pid
    await child.stop(within_s=5)

    assert second not in (None, first)
    assert child.pid is None
    assert not is_there(second or 0)


@pytest.mark.slow
async def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    """The pipe that the parent holds is its life line: once it is closed the child drains and ends."""
    child = Child("media worker", ["media-worker"], service_environment(settings_for(tmp_path)))
    await child.start()
    process = child._process
    assert process is not None
    assert process.stdin is not None
    assert child._keeping is not None
    child._keeping.cancel()
    process.stdin.close()

    async with asyncio.timeout(30):
        assert await process.wait() == 0


async def test_a_child_that_cannot_begin_is_told(tmp_path: Path) -> None:
    """A record that cannot be opened is no reason to try for ever."""
    settings = settings_for(tmp_path, url=f"sqlite:///{tmp_path}")
    child = Child("media worker", ["media-worker"], service_environment(settings))

    with pytest.raises(Unavailable, match="the media worker does not start"):
        await child.start()
    await child.stop(within_s=1)


def test_pauses_grow_and_are_forgotten() -> None:
    """Half a second after the first death, twice as long each time up to the limit; a good life begins anew."""
    pauses = Pauses()

    assert [pauses.next(1.0) for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert pauses.next(60.0) == 0.5

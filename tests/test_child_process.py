"""Processes of our own: started, kept alive, ended, never left behind."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opendeep_kit.child_process import Child, Pauses, listen_for_stop
from opendeep_kit.config import service_environment
from opendeep_kit.errors import BadInput, Unavailable
from tests.service_rig import settings_for, until

READY = """
import signal, sys
print("ready", "one two", flush=True)
"""
"""What a small child begins with."""
UNTIL_CLOSED = "sys.stdin.read()"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', file=sys.stderr, flush=True); signal.pause()"


def is_there(pid: int) -> bool:
    """Whether the process lives."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@contextlib.asynccontextmanager
async def small(tmp_path: Path, program: str) -> AsyncIterator[tuple[Child, list[str]]]:
    """A child that runs this program instead of ours, and the lines of its standard error."""
    package = tmp_path / "opendeep_kit"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(program)
    lines: list[str] = []
    child = Child(
        "small child", [], os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"}, on_line=lines.append
    )
    try:
        yield child, lines
    finally:
        await child.stop(within_s=5)
        assert child.pid is None


async def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    """It comes back under a new pid and announces itself again; stopped, it is gone."""
    program = READY.replace('"one two"', "__import__('os').getpid()") + UNTIL_CLOSED
    async with small(tmp_path, program) as (child, _):
        first = await child.start()
        child.keep_alive()
        child.kill()
        await until(lambda: child.announced != first)
        second = child.pid

    assert child.announced == str(second)
    assert second is not None
    assert not is_there(second)


async def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    """The pipe that the parent holds is its life line: a media worker drains and ends once it is closed."""
    child = Child("media worker", ["media-worker"], service_environment(settings_for(tmp_path)))
    assert (await child.start()).startswith("media-")
    process = child._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()

    async with asyncio.timeout(30):
        assert await child.ended() == 0


async def test_a_child_that_does_not_end_is_killed(tmp_path: Path) -> None:
    """One that does not listen has its time, and no more."""
    async with small(tmp_path, READY + DEAF) as (child, lines):
        assert await child.start() == "one two"
        await until(lambda: lines == ["deaf\n"])
        await child.stop(within_s=0.1)

        assert await child.ended() == -signal.SIGKILL


async def test_a_child_may_write_what_it_likes(tmp_path: Path) -> None:
    """After its `ready` a full pipe does not stop it, nor a line too long for the reader."""
    program = READY + "print('x' * 2**20, flush=True); print('y' * 2**20, file=sys.stderr); sys.stderr.write('end\\n')"
    async with small(tmp_path, program) as (child, lines):
        await child.start()

        assert await child.ended() == 0
    assert lines[-1] == "end\n"


@pytest.mark.parametrize(
    ("status", "said", "kind", "told"),
    [
        (2, "opendeep: the port is taken: choose another.", BadInput, "the port is taken: choose another"),
        (1, "opendeep: no model: load one.", Unavailable, "no model: load one"),
        (1, "Killed", Unavailable, r"the small child does not start \(Killed\): fix what it reports above"),
    ],
)
async def test_a_child_that_cannot_begin_says_why(
    tmp_path: Path, status: int, said: str, kind: type[Exception], told: str
) -> None:
    """In its own words, where it left any; one that ended later says so when it is looked at."""
    async with small(tmp_path, f"import sys; print({said!r}, file=sys.stderr); sys.exit({status})") as (child, _):
        with pytest.raises(kind, match=told):
            await child.start()
        with pytest.raises(Unavailable, match="the small child has ended"):
            child.check()


async def test_a_service_child_that_cannot_begin_is_told(tmp_path: Path) -> None:
    """A record that cannot be opened is no reason to try for ever; its reason stands in our own output."""
    settings = settings_for(tmp_path, url=f"sqlite:///{tmp_path}")
    child = Child("media worker", ["media-worker"], service_environment(settings))

    with pytest.raises(Unavailable, match="the media worker does not start: fix what it reports above"):
        await child.start()


async def test_what_outlives_us_has_no_pipe(tmp_path: Path) -> None:
    """It is not told that we are gone, and nothing of it is waited for."""
    async with small(
        tmp_path, "import sys; sys.exit(7 if sys.stdin.read() == '' and '--child' not in sys.argv else 1)"
    ) as (
        child,
        _,
    ):
        child._outlives_us = True
        await child.begin()

        assert await child.ended() == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_process_is_told_to_stop(number: signal.Signals) -> None:
    """By whoever ends it, by Ctrl-C, and by a terminal that is closed: its calls are drained for all three."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    await listen_for_stop(stopped, is_child=False)
    try:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await stopped.wait()
    finally:
        for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(one)


async def test_nohup_holds() -> None:
    """What is to be ignored by whoever started us stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        await listen_for_stop(asyncio.Event(), is_child=False)

        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        for one in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(one)
        signal.signal(signal.SIGHUP, before)


def test_pauses_grow_and_are_forgotten() -> None:
    """Half a second after the first death, twice as long each time up to the limit; a good life begins anew."""
    pauses = Pauses()

    assert [pauses.next(1.0) for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert pauses.next(60.0) == 0.5

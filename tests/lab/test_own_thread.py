"""Work in a thread of its own: awaited, waited for, stopped."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from opendeep_kit.errors import Unavailable
from opendeep_kit.lab.own_thread import OwnThread, ProgressBar, Work


@pytest.fixture
def thread() -> Iterator[OwnThread]:
    """A thread with a loop."""
    started = OwnThread("test")
    yield started
    started.stop()


async def name_of_thread() -> str:
    """Where this runs."""
    return threading.current_thread().name


async def failing() -> None:
    """Something that cannot be done."""
    raise Unavailable("the line is down", do="start it")


async def test_work_is_awaited(thread: OwnThread) -> None:
    """A notebook awaits what runs elsewhere."""
    assert await Work(thread.start(name_of_thread())) == "test"


def test_work_is_waited_for(thread: OwnThread) -> None:
    """A script without a loop says result()."""
    assert Work(thread.start(name_of_thread())).result() == "test"


async def test_failure_comes_through(thread: OwnThread) -> None:
    """What goes wrong there is raised here, either way."""
    with pytest.raises(Unavailable, match="the line is down: start it"):
        await Work(thread.start(failing()))
    with pytest.raises(Unavailable, match="the line is down: start it"):
        Work(thread.start(failing())).result()


async def test_a_busy_cell_does_not_hold_it_up(thread: OwnThread) -> None:
    """The work goes on while the waiting thread computes."""
    beats: list[int] = []

    async def beat() -> None:
        for number in range(3):
            beats.append(number)
            await asyncio.sleep(0)

    work = Work(thread.start(beat()))
    while not work.is_done:
        pass  # this thread's loop stands still

    assert beats == [0, 1, 2]


async def test_an_interrupted_wait_stops_the_work(thread: OwnThread) -> None:
    """Cancelling the cell cancels what it waits for, which may tidy up."""
    tidied, began = threading.Event(), threading.Event()

    async def call() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            tidied.set()

    async def cell() -> None:
        await Work(thread.start(call()))

    waiting = asyncio.create_task(cell())
    await asyncio.to_thread(began.wait, 5)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(tidied.wait, 5)


def test_progress() -> None:
    """The bar tells every call under way."""
    progress = ProgressBar("calls", 3)
    progress.doing |= {0: "agrees: answered", 2: "refuses: dialling"}

    assert progress.now == "agrees: answered; refuses: dialling"


def test_it_says_what_it_is(thread: OwnThread) -> None:
    """A Work that was forgotten to be awaited says how to."""
    assert repr(Work(thread.start(asyncio.sleep(60)))) == "<Work: under way; await it, or say .result()>"


def test_stopping_twice() -> None:
    """A thread that is stopped is stopped."""
    thread = OwnThread("twice")

    thread.stop()
    thread.stop()

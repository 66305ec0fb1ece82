"""What a process does again and again: nothing fails silently, nothing fails for ever."""

import asyncio
import io

import pytest

from opendeep_kit.errors import BadInput, OurMistake, Unavailable
from opendeep_kit.logs import configure
from opendeep_kit.periodic import MOST_FAILURES, PeriodicTasks, run_once

SECRET = "+12125550101"


@pytest.fixture
def said() -> io.StringIO:
    """What the log tells."""
    stream = io.StringIO()
    configure(stream=stream)
    return stream


class Work:
    """Raises what it is told to, one after the other; then it works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.done = 0

    async def __call__(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.done += 1


async def done(work: Work, times: int = 1) -> None:
    """Wait until it was done so often."""
    async with asyncio.timeout(5):
        while work.done < times:  # noqa: ASYNC110 - the task's own pace
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("error", [BadInput("a row is refused"), OurMistake("a bug"), KeyError(SECRET)])
async def test_a_failure_is_told_and_tried_again(said: io.StringIO, error: Exception) -> None:
    """Whatever it was, the task goes on, and the log names it without anybody's data."""
    periodic, work = PeriodicTasks("a test", first_wait_s=0.01), Work(error)
    periodic.begin("count", work, each_s=0.01)
    await done(work, 2)
    await periodic.stop()

    assert "count" in said.getvalue()
    assert SECRET not in said.getvalue()
    assert not periodic.given_up.is_set()


async def test_a_duty_that_never_works_ends_the_process(said: io.StringIO) -> None:
    """After so many failures in a row the process is asked to end, with an error for its exit."""
    periodic = PeriodicTasks("a test", first_wait_s=0.001)
    periodic.begin("count", Work(*(KeyError(SECRET) for _ in range(99))), each_s=0.001)
    async with asyncio.timeout(5):
        await periodic.given_up.wait()
    await periodic.stop()

    with pytest.raises(Unavailable, match=f"{MOST_FAILURES} times in a row at its periodic task `count`"):
        periodic.check()


async def test_a_duty_that_is_not_vital_ends_no_process(said: io.StringIO) -> None:
    """It is tried again for ever, and told of each time."""
    periodic = PeriodicTasks("a test", first_wait_s=0.001)
    work = Work(*(KeyError(SECRET) for _ in range(MOST_FAILURES + 1)))
    periodic.begin("count", work, each_s=0.001, is_vital=False)
    await done(work)
    await periodic.stop()

    assert said.getvalue().count("a periodic task failed") == MOST_FAILURES + 1
    assert not periodic.given_up.is_set()
    periodic.check()


async def test_failures_between_successes_are_forgotten(said: io.StringIO) -> None:
    """Only a row of failures counts."""
    periodic, done_between = PeriodicTasks("a test", first_wait_s=0.001), Work()
    turn = 0

    async def work() -> None:
        nonlocal turn
        turn += 1
        if turn % 2:
            raise KeyError(SECRET)
        await done_between()

    periodic.begin("count", work, each_s=0.001)
    await done(done_between, 2 * MOST_FAILURES)
    await periodic.stop()

    assert not periodic.given_up.is_set()
    periodic.check()


async def test_what_is_unavailable_is_waited_for(said: io.StringIO) -> None:
    """A record that is away for long ends no process: no new start brings it back."""
    periodic = PeriodicTasks("a test", first_wait_s=0.001)
    work = Work(*(Unavailable("the record is away") for _ in range(3 * MOST_FAILURES)))
    periodic.begin("count", work, each_s=0.001)
    await done(work)
    await periodic.stop()

    assert not periodic.given_up.is_set()


async def test_the_place_of_an_error_is_told(said: io.StringIO) -> None:
    """Kind and line, for whoever mends it."""
    failure = await run_once("count", Work(KeyError(SECRET)), whose="a test")

    assert failure is not None
    assert "KeyError at test_periodic.py:" in failure.what


async def test_tasks_are_stopped_by_name() -> None:
    """The others go on."""
    periodic, first, second = PeriodicTasks("a test"), Work(), Work()
    periodic.begin("first", first, each_s=0.01)
    periodic.begin("second", second, each_s=0.01)
    await done(first)
    await periodic.stop("first")
    was = first.done
    await done(second, second.done + 3)
    await periodic.stop()

    assert first.done == was

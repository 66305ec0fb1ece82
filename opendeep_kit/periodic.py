"""A process's periodic tasks, each an asyncio task of its own.

Given work and an interval, does it again and again. Never ends a task silently.

How a failure is met:

* One that is `Unavailable` (the record is away, the disk is full) is waited out: no new start brings back what
  is not there. It is tried again after `first_wait_s`.
* Any other failure is logged and tried again later and later, up to `LONGEST_WAIT_S`.
* After `MOST_FAILURES` of them in a row of vital work, without which the process is of no use, `given_up` is set. The
  process drains and ends with the reason, and whoever started it starts it afresh.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from opendeep_kit.errors import OpenDeepError, OurMistake, Unavailable
from opendeep_kit.logs import log

SHORTEST_WAIT_S = 0.05
"""Work that takes longer than its time leaves the loop so long."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 15.0
"""After a failure, twice as long after each further one."""
MOST_FAILURES = 6
"""In a row; about half a minute for work that is done often."""


class PeriodicTasks:
    """What one process does again and again, on its loop.

    Args:
        whose: for the log, such as `a media worker`.
    """

    def __init__(self, whose: str, *, first_wait_s: float = FIRST_WAIT_S) -> None:
        self._whose = whose
        self._first_wait_s = first_wait_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failure: Unavailable | None = None
        self.given_up = asyncio.Event()
        """Vital work failed too often: the process should drain and end."""

    def begin(self, name: str, work: Callable[[], Awaitable[object]], *, each_s: float, is_vital: bool = True) -> None:
        """Do it now, and `each_s` after each beginning. Without a vital one the process is of no use."""
        self._tasks[name] = asyncio.create_task(self._every(name, work, each_s, is_vital=is_vital), name=name)

    async def stop(self, *names: str) -> None:
        """End these, or all, wherever they are."""
        ending = [task for name, task in self._tasks.items() if not names or name in names]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def give_up(self, why: str) -> None:
        """The process is of no use any more, and ends."""
        if not self.given_up.is_set():
            self._failure = Unavailable(why, do="read above why; `opendeep up` starts it again")
            self.given_up.set()

    def check(self) -> None:
        """To be called when the process has drained.

        Raises:
            Unavailable: vital work failed so often that the process could not go on.
        """
        if self._failure is not None:
            raise self._failure

    async def _every(self, name: str, work: Callable[[], Awaitable[object]], each_s: float, *, is_vital: bool) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            due = loop.time() + each_s
            failure = await run_once(name, work, whose=self._whose)
            if failure is None:
                failures = 0
                await asyncio.sleep(max(SHORTEST_WAIT_S, due - loop.time()))
                continue
            if not isinstance(failure, Unavailable):  # what is not there now is waited for: no new start brings it
                failures += 1
            if is_vital and failures >= MOST_FAILURES:
                self.give_up(f"{self._whose} failed {failures} times in a row at its periodic task `{name}`")
            longer_s = min(self._first_wait_s * 2.0 ** max(0, failures - 1), LONGEST_WAIT_S)
            await asyncio.sleep(max(longer_s, due - loop.time()))


async def run_once(name: str, work: Callable[[], Awaitable[Any]], *, whose: str) -> OpenDeepError | None:
    """Do it once. Returns what went wrong, which is logged as well; None: nothing did.

    Of an error that is not ours only type and place are logged: its text may hold what a person said.
    """
    try:
        await work()
    except Unavailable as error:
        log().warning("! a periodic task cannot be done now", whose=whose, task=name, what=error.what)
        return error
    except OpenDeepError as error:
        log().error("! a periodic task failed", whose=whose, task=name, what=error.what)
        return error
    except Exception as error:  # noqa: BLE001 - one task, a named place: what ends silently is missed by nobody
        what = f"{type(error).__name__} at {_place(error)}"
        log().error("! a periodic task failed", whose=whose, task=name, what=what)
        return OurMistake(f"an unexpected error ({what})", do="report it with the version of opendeep_kit")
    return None


def _place(error: Exception) -> str:
    """Where it was raised: the last line of ours that led there."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(Path(__file__).parent)]
    last = next(reversed(ours or frames), None)
    return f"{Path(last.filename).name}:{last.lineno}" if last is not None else "its beginning"

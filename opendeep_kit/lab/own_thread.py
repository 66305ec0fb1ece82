"""Keeps calls on time while a notebook computes: an event loop in its own thread.

Given coroutines, runs them there and returns `Work`, to be awaited in a notebook or asked for its `result()` elsewhere;
progress is drawn by whoever waits. Never outlives the interpreter or blocks its exit.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import sys
import threading
from collections.abc import Coroutine, Generator, Iterator
from typing import Any, Generic, TypeVar

from tqdm.auto import tqdm

T = TypeVar("T")
LOOK_EVERY_S = 0.25
"""Between two looks at the work by whoever waits: as often as a progress bar is worth redrawing."""
BAR = "{desc} {bar} {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


class OwnThread:
    """A running event loop that no cell can hold up."""

    def __init__(self, name: str) -> None:
        self._loop = _new_loop()
        # A daemon: a notebook's kernel must not wait for it when it stops.
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run it in the thread. Cancelling the future cancels it there."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def stop(self) -> None:
        """End the loop and the thread; what still runs is cancelled."""
        if not self._thread.is_alive():
            return
        with contextlib.suppress(concurrent.futures.CancelledError, TimeoutError):
            self.start(_cancel_others()).result(5.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)
        self._loop.close()


class ProgressBar:
    """What a bar shows; written in one thread, read in another."""

    def __init__(self, title: str, total: int) -> None:
        self.title = title
        self.total = total
        self.done = 0
        self.doing: dict[int, str] = {}
        """By call, counted from 0: who, and what it is at, in a few words."""

    @property
    def now(self) -> str:
        """What is under way, newest last."""
        return "; ".join(list(self.doing.values()))


class Work(Generic[T]):
    """Something under way: `await` it in a notebook, say `.result()` in a script.

    Interrupting the wait stops the work: calls are hung up and written down.
    """

    def __init__(self, future: concurrent.futures.Future[T], progress: ProgressBar | None = None) -> None:
        self._future = future
        self._progress = progress

    def __await__(self) -> Generator[Any, None, T]:
        return self._wait().__await__()

    @property
    def is_done(self) -> bool:
        """Whether waiting for it would return at once."""
        return self._future.done()

    def result(self) -> T:
        """Wait for it here; everything else in this thread stands still meanwhile."""
        try:
            with _bar(self._progress) as bar:
                while not self._future.done():
                    concurrent.futures.wait([self._future], LOOK_EVERY_S)
                    _show(bar, self._progress)
            return self._future.result()
        except BaseException:
            self._future.cancel()
            raise

    async def _wait(self) -> T:
        waiting = asyncio.wrap_future(self._future)
        try:
            with _bar(self._progress) as bar:
                while not waiting.done():
                    await asyncio.wait([waiting], timeout=LOOK_EVERY_S)
                    _show(bar, self._progress)
            return waiting.result()
        except BaseException:
            self._future.cancel()
            raise

    def __repr__(self) -> str:
        state = "done" if self.is_done else "under way"
        return f"<Work: {state}; await it, or say .result()>"


@contextlib.contextmanager
def _bar(progress: ProgressBar | None) -> Iterator[Any]:
    """A widget in JupyterLab and Voila, a line of text elsewhere; gone when the work is done."""
    if progress is None:
        yield None
        return
    # Where nobody can see a line being redrawn, it would fill a log.
    is_seen = "ipykernel" in sys.modules or sys.stderr.isatty()
    with tqdm(total=progress.total, desc=progress.title, leave=False, bar_format=BAR, disable=not is_seen) as bar:
        yield bar


def _show(bar: Any, progress: ProgressBar | None) -> None:
    if bar is None or progress is None:
        return
    bar.set_postfix_str(progress.now[-80:], refresh=False)
    bar.total, bar.n = progress.total, progress.done
    bar.refresh()


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)

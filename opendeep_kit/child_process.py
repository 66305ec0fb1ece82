"""Both ends of a process of our own that another starts: the parent's handle, and how the child hears of its end.

Given words of the command line and an environment, starts `opendeep` with them, waits until it serves, starts it again
when it dies, and ends it. Never leaves one behind, unless it was begun to outlive us.

The rules between the two:

* The child's standard input is a pipe that the parent holds open and never writes to. However suddenly the parent dies,
  the pipe closes, and the child drains and ends.
* Once the child serves, it writes one line to its standard output: `ready`, and what the parent must know of it.
* The child has a session of its own. Ctrl-C and the hang-up of a terminal reach the parent alone, which ends its
  children in order; the child itself drains at SIGTERM, as it would at SIGINT or SIGHUP.
* A child that dies is started again after a pause that grows while it keeps dying.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from opendeep_kit.errors import BadInput, OpenDeepError, Unavailable
from opendeep_kit.logs import log

READY = "ready"
START_WITHIN_S = 60.0
"""Speech models load in a few seconds, on a busy machine in many."""
FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 15.0
LASTED_S = 30.0
"""A child that lived this long had started well: the next pause is the first again."""
LAST_LINES = 20
"""Of what a child wrote, for the case that it ends."""
BAD_INPUT_STATUS = 2
"""With which a command ends that was given something wrong."""


class Child:
    """One process of ours.

    Args:
        name: for people, such as `media worker 1`.
        words: of its command line, after `opendeep`.
        on_line: given each line of its standard error; None lets it write to ours.
        outlives_us: it ends by itself, whatever becomes of us: no pipe, no `ready`.
    """

    def __init__(
        self,
        name: str,
        words: Sequence[str],
        environment: Mapping[str, str],
        *,
        on_line: Callable[[str], None] | None = None,
        outlives_us: bool = False,
    ) -> None:
        self.name = name
        self.environment = environment
        """Of the next start."""
        self.announced = ""
        """What came with its last `ready`: its id in the record, or its addresses."""
        self._words = words
        self._on_line = on_line
        self._outlives_us = outlives_us
        self._process: asyncio.subprocess.Process | None = None
        self._reading: list[asyncio.Task[None]] = []
        self._ready: asyncio.Future[str | None] | None = None
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """While it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    # ---- begin --------------------------------------------------------------------------------------

    async def start(self) -> str:
        """Start it and wait until it serves; returns what it announces.

        Raises:
            BadInput, Unavailable: it does not come up: in its own words with `on_line`, else they stand above.
        """
        await self.begin()
        assert self._ready is not None
        try:
            async with asyncio.timeout(START_WITHIN_S):
                announced = await self._ready
                if announced is None:
                    await self.ended()
        except TimeoutError:
            self.kill()
            await self.ended()
            raise Unavailable(f"the {self.name} does not start in time", do="look at the machine's load") from None
        except BaseException:  # cancelled: nobody waits for it any more
            self.kill()
            raise
        if announced is None:
            raise self._did_not_start()
        self.announced = announced
        return announced

    async def begin(self) -> None:
        """Start it without waiting for it.

        Raises:
            Unavailable: the machine starts no further process.
        """
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        words = self._words if self._outlives_us else [*self._words, "--child"]
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "opendeep_kit.cli", *words),
                stdin=nothing if self._outlives_us else pipe,
                stdout=nothing if self._outlives_us else pipe,
                stderr=None if self._on_line is None else pipe,
                env=self.environment,
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(f"no process can be started ({error.strerror})", do="free memory or processes") from None
        self._ready = asyncio.get_running_loop().create_future()
        self._last_lines.clear()
        reading = []
        if process.stdout is not None:
            reading.append(self._read_output(process.stdout, self._ready))
        if process.stderr is not None:
            reading.append(self._read_errors(process.stderr))
        self._reading = [asyncio.create_task(work, name=f"read-{self.name}") for work in reading]

    def keep_alive(self) -> None:
        """Start it again whenever it dies, until it is stopped."""
        self._keeping = asyncio.create_task(keep_alive(self.name, self._live), name=f"keep-{self.name}")

    async def _live(self) -> str:
        if self.pid is None:
            await self.start()
        return f"status {await self.ended()}"

    # ---- end ----------------------------------------------------------------------------------------

    async def ended(self) -> int:
        """Its exit status, once it has one and all that it wrote is read."""
        assert self._process is not None, "it was started"
        status = await self._process.wait()
        await asyncio.gather(*self._reading, return_exceptions=True)
        return status

    def check(self) -> None:
        """To be called now and then while it should run.

        Raises:
            Unavailable: it has ended; with what it said last.
        """
        if self._process is not None and self._process.returncode is not None:
            said = self._last_words() or "it said nothing"
            raise Unavailable(f"the {self.name} has ended ({said})", do="fix that and run it again")

    def tell_to_end(self) -> None:
        """It drains, if it does such a thing, and ends."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()

    async def stop(self, *, within_s: float) -> None:
        """Tell it to end, and kill it if it is still there after this long."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._process is None:
            return
        self.tell_to_end()
        try:
            async with asyncio.timeout(within_s):
                await self.ended()
        except TimeoutError:
            log().error("! a process did not end in time and is killed", part=self.name)
            self.kill()
            await self.ended()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    # ---- what it writes -----------------------------------------------------------------------------

    async def _read_output(self, stream: asyncio.StreamReader, ready: asyncio.Future[str | None]) -> None:
        """Its `ready`; what comes after it is read as well, lest a full pipe stop the child."""
        try:
            word, _, announced = (await stream.readline()).decode(errors="replace").strip().partition(" ")
            ready.set_result(announced if word == READY else None)
            while await stream.read(2**16):
                pass
        finally:
            if not ready.done():
                ready.set_result(None)

    async def _read_errors(self, stream: asyncio.StreamReader) -> None:
        assert self._on_line is not None
        while True:
            try:
                line = (await stream.readline()).decode(errors="replace")
            except ValueError:  # a line too long for the reader
                continue
            if not line:
                return
            self._last_lines.append(line.strip())
            self._on_line(line)

    def _did_not_start(self) -> OpenDeepError:
        """The child's own sentence, if it left us one."""
        assert self._process is not None
        what, _, do = self._last_words().partition(": ")
        if do:
            return (BadInput if self._process.returncode == BAD_INPUT_STATUS else Unavailable)(what, do=do)
        why = f" ({what})" if what else ""
        return Unavailable(f"the {self.name} does not start{why}", do="fix what it reports above")

    def _last_words(self) -> str:
        return self._last_lines[-1].removeprefix("opendeep: ").rstrip(".") if self._last_lines else ""


@dataclass(slots=True)
class Pauses:
    """How long to wait before the next start."""

    failures: int = 0

    def next(self, lived_s: float) -> float:
        """After a lifetime of this many seconds."""
        self.failures = 0 if lived_s >= LASTED_S else self.failures + 1
        return min(FIRST_PAUSE_S * 2.0 ** max(0, self.failures - 1), LAST_PAUSE_S)


async def keep_alive(name: str, live: Callable[[], Awaitable[object]]) -> None:
    """Run `live` again and again: it starts something and returns, or says what is wrong, when that has ended."""
    loop, pauses = asyncio.get_running_loop(), Pauses()
    while True:
        began = loop.time()
        try:
            end = await live()
        except (BadInput, Unavailable) as error:
            end = error.what
        pause_s = pauses.next(loop.time() - began)
        log().error("! a part of the service ended and is started again", part=name, how=str(end), pause_s=pause_s)
        await asyncio.sleep(pause_s)


# ---- the child's end --------------------------------------------------------------------------------


def announce(text: str) -> None:
    """Tell the parent that we serve, and what it must know of us."""
    sys.stdout.write(f"{READY} {text}\n")
    sys.stdout.flush()


async def listen_for_stop(stopped: asyncio.Event, *, is_child: bool) -> None:
    """From now on set `stopped` at SIGTERM, SIGINT and SIGHUP and, in a child, when its parent is gone.

    SIGHUP is how a closed terminal says goodbye: calls are drained, not cut off. Under `nohup` it stays ignored.
    """
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            continue
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.set)
    if is_child:
        await loop.connect_read_pipe(lambda: _UntilClosed(stopped), sys.stdin)


class _UntilClosed(asyncio.Protocol):
    def __init__(self, stopped: asyncio.Event) -> None:
        self._stopped = stopped

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._stopped.set()

"""SEAM that keeps one child process of the service alive, and ends it without leaving it behind.

Given a command and an environment, starts the child, waits until it serves, starts it again when it dies, later and
later while it keeps dying. The child ends with us, however suddenly: it holds the other end of a pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from opendeep_kit.errors import Unavailable
from opendeep_kit.logs import log
from opendeep_kit.service.processes import READY

START_WITHIN_S = 60.0
FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 15.0
LASTED_S = 30.0
"""A child that lived for so long had begun well: the next pause is the first again."""
KILL_AFTER_S = 10.0
"""After its time to drain, a child that is still there is killed."""


@dataclass(slots=True)
class Pauses:
    """How long to wait before the next start."""

    failures: int = 0

    def next(self, lived_s: float) -> float:
        """After a life of so long."""
        self.failures = 0 if lived_s >= LASTED_S else self.failures + 1
        return min(FIRST_PAUSE_S * 2.0 ** max(0, self.failures - 1), LAST_PAUSE_S)


async def keep(name: str, live: Callable[[], Awaitable[object]]) -> None:
    """Run `live` again and again: it starts something and returns, or says Unavailable, when that has ended."""
    loop, pauses = asyncio.get_running_loop(), Pauses()
    while True:
        began = loop.time()
        try:
            how = await live()
        except Unavailable as error:
            how = error.what
        pause_s = pauses.next(loop.time() - began)
        log().error("! a part of the service ended and is started again", part=name, how=str(how), pause_s=pause_s)
        await asyncio.sleep(pause_s)


class Child:
    """One process of ours."""

    def __init__(self, name: str, words: Sequence[str], environment: dict[str, str]) -> None:
        self.name = name
        self._words = words
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self.serves_as = ""
        """Its id in the record."""

    @property
    def pid(self) -> int | None:
        """While it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start it, wait until it serves, and keep it alive from then on.

        Raises:
            Unavailable: it does not come up; what it said stands above.
        """
        await self._launch()
        self._keeping = asyncio.create_task(self._keep(), name=f"keep-{self.name}")

    async def stop(self, *, within_s: float) -> None:
        """Let it drain for so long, then end it."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(within_s + KILL_AFTER_S):
                await process.wait()
        except TimeoutError:
            log().error("! a part of the service did not end and is killed", part=self.name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _keep(self) -> None:
        async def live() -> str:
            if self._process is None or self._process.returncode is not None:
                await self._launch()
            assert self._process is not None
            return f"status {await self._process.wait()}"

        await keep(self.name, live)

    async def _launch(self) -> None:
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "opendeep_kit.cli", *self._words, "--child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
            start_new_session=True,  # Ctrl-C is for us: the child drains when we say so
        )
        assert process.stdout is not None
        line = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_WITHIN_S):
                line = await process.stdout.readline()
        word, _, rest = line.decode().partition(" ")
        if word != READY:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise Unavailable(f"the {self.name} does not start", do="mend what it says above")
        self.serves_as = rest.split()[0]

"""SEAM that runs `opendeep up` for a notebook, as its child, while no other service runs.

Given settings and a line, starts it and ends it in order. The service ends with us, however suddenly: it holds the
other end of a pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import deque
from typing import Self

from opendeep_kit.config import Settings, service_environment
from opendeep_kit.errors import Unavailable

KEPT_LINES = 20
END_WITHIN_S = 30.0
"""Beyond the time that it may drain."""


class OwnService:
    """The child; `async with` it."""

    def __init__(self, settings: Settings, line: str) -> None:
        self._settings = settings
        self._line = line
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._said: deque[str] = deque(maxlen=KEPT_LINES)

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "opendeep_kit.cli", "up", "--line", self._line, "--child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=service_environment(self._settings),
            start_new_session=True,  # an interrupted cell is for us: we end the service in order
        )
        self._reading = asyncio.create_task(self._read(), name="own-service-log")
        return self

    def check(self) -> None:
        """Raises Unavailable: it has ended."""
        if self._process is not None and self._process.returncode is not None:
            last = self._said[-1].removeprefix("opendeep: ").rstrip(".") if self._said else "it said nothing"
            raise Unavailable(f"the service that the notebook started has ended ({last})", do="mend that, run it again")

    async def __aexit__(self, *exc: object) -> None:
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(self._settings.service.drain_s + END_WITHIN_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        """What it says is kept for the case that it ends; its log is not the notebook's."""
        assert self._process is not None
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError):  # a line too long
            while line := await self._process.stderr.readline():
                self._said.append(line.decode(errors="replace").strip())

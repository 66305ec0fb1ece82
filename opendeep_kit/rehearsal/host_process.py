"""Starts and stops the rehearsal host as a child process.

Given settings, hands them down through the environment and returns the host's addresses once it listens. Never
leaves the child behind: it ends when our end of its standard input closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Self

from opendeep_kit.config import Settings, child_environment
from opendeep_kit.errors import BadInput, OpenDeepError, Unavailable
from opendeep_kit.rehearsal.host import Addresses

START_WITHIN_S = 60.0
STOP_WITHIN_S = 5.0


class HostProcess:
    """The child; `async with` it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self.addresses: Addresses | None = None

    async def start(self) -> Addresses:
        """Start it and wait until it listens (the models load in a few seconds).

        Raises:
            BadInput, Unavailable: what the child says of its settings, or that it does not come up.
        """
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "opendeep_kit.cli", "realtime", "--child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=child_environment(self._settings),
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_WITHIN_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            await self.stop()
            raise Unavailable("the local voice model did not start in time", do="look at the machine's load") from None
        if not line:
            raise await self._failure()
        self.addresses = Addresses.from_json(line.decode())
        self._drain = asyncio.create_task(self._forward_errors(), name="rehearsal-log")
        return self.addresses

    async def stop(self) -> None:
        """End it, gently first."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            try:
                async with asyncio.timeout(STOP_WITHIN_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if (drain := getattr(self, "_drain", None)) is not None:
            await drain

    async def ended(self) -> int:
        """Its exit status, once it has one."""
        assert self._process is not None
        return await self._process.wait()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def _failure(self) -> OpenDeepError:
        """The child's own sentence, if it left one."""
        assert self._process is not None
        assert self._process.stderr is not None
        said = (await self._process.stderr.read()).decode(errors="replace").strip().splitlines()
        code = await self._process.wait()
        last = said[-1].removeprefix("opendeep: ") if said else f"it ended with code {code}"
        kind = BadInput if code == 2 else Unavailable
        what, _, do = last.rstrip(".").partition(": ")
        return kind(what if do else f"the local voice model does not start ({what})", do=do)

    async def _forward_errors(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError):
            while line := await self._process.stderr.readline():
                sys.stderr.write(line.decode(errors="replace"))

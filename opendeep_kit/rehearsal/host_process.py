"""The rehearsal's host as a child process: the simulated voice model and callees.

Given settings, hands them down through the environment and returns the host's addresses once it listens. Started again
after its death it listens where it did before.
"""

from __future__ import annotations

import contextlib
import sys

from opendeep_kit.child_process import Child
from opendeep_kit.config import Settings, rehearsal_environment
from opendeep_kit.rehearsal.host import Addresses

STOP_WITHIN_S = 5.0


class HostProcess:
    """The child. Whoever starts it stops it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._child = Child("simulated world", ["realtime"], rehearsal_environment(settings), on_line=_pass_on)

    async def start(self) -> Addresses:
        """Start it and wait until it listens (the models load in a few seconds).

        Raises:
            BadInput, Unavailable: what the child says of its settings, or that it does not come up.
        """
        addresses = Addresses.from_json(await self._child.start())
        self._child.environment = rehearsal_environment(at_addresses(self._settings, addresses))
        return addresses

    def keep_alive(self) -> None:
        """Start it again whenever it dies, until it is stopped."""
        self._child.keep_alive()

    async def stop(self) -> None:
        """End it, gently first."""
        await self._child.stop(within_s=STOP_WITHIN_S)


def at_addresses(settings: Settings, addresses: Addresses) -> Settings:
    """The settings with the ports of a host that listens."""
    ports = {"realtime_port": addresses.realtime_port, "callees_port": addresses.callees_port}
    return settings.model_copy(update={"rehearsal": settings.rehearsal.model_copy(update=ports)})


def _pass_on(line: str) -> None:
    """Into our own log; in a notebook that is its page. A terminal that is gone takes nothing."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(line)

"""An event loop whose clock jumps to the next timer when nothing is left to do: waiting costs no time.

Sockets of this process and work in threads take no time of this clock either, however long they take. Real peers
(another process, a thread with a clock of its own) do not fit: their tests are no `unit` and no `net`.
"""

from __future__ import annotations

import asyncio

from looptime import LoopTimeEventLoop

STARTS_AT_S = 1000.0
"""As on a real machine, never at zero."""


class VirtualLoop(LoopTimeEventLoop, asyncio.SelectorEventLoop):
    """The loop of `unit` and `net`."""

    def __init__(self) -> None:
        super().__init__(start=STARTS_AT_S)

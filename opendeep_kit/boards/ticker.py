"""Makes a dashboard live: the browser asks once a second, and only while somebody looks.

Given a function, calls it at each tick and answers, so that a slow look is never asked for twice at once. Holds no
timer of its own: a kernel that ticked by itself would never be culled, and would work for hidden pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import anywidget
import traitlets.traitlets as t

from opendeep_kit.boards.board import source


class Ticker(anywidget.AnyWidget):
    """A small sign that says whether the page is live.

    Args:
        on_tick: looks again; False: what is shown is old.
        every_s: between two looks.
    """

    _esm: ClassVar[str] = source("board.js", "ticker.js")
    _css: ClassVar[str] = source("ticker.css")

    every_ms = t.Int(1000).tag(sync=True)

    def __init__(self, on_tick: Callable[[], bool], *, every_s: float = 1.0) -> None:
        super().__init__(every_ms=round(every_s * 1000))
        self._on_tick = on_tick
        self.ticks = 0
        """How often somebody looked."""

    def _handle_custom_msg(self, content: Any, buffers: Sequence[memoryview]) -> None:
        super()._handle_custom_msg(content, buffers)
        if not isinstance(content, dict) or content.get("kind") != "tick":
            return
        self.ticks += 1
        is_fresh = False
        try:
            is_fresh = self._on_tick()
        finally:
            self.send({"kind": "tock", "is_fresh": is_fresh})

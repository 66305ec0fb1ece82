"""What every board's page has in common: plain data out, a person's actions in, and a look once a second.

Given a function that carries out actions, passes it what a browser asks, checked, and tells the browser what came of
it. Given one that looks, calls it when the browser asks, which it does only while somebody sees the page: a kernel with
a timer of its own would work for hidden pages and would never be culled. Never knows where data come from, and raises
nothing into the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import anywidget
import msgspec
import traitlets.traitlets as t

from opendeep_kit.errors import OpenDeepError
from opendeep_kit.logs import log

HERE = Path(__file__).parent
LONGEST_TEXT = 2000
LONGEST_NAME = 80


class Act(msgspec.Struct, tag_field="kind", tag="act", frozen=True):
    """What a person asks of a board."""

    ask: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    """The browser's own name of the request; the answer repeats it."""
    what: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    on: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """Id of the call, campaign or entry it is about."""
    text: Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)] = ""
    """What to say, where to, or why."""
    by: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)] = ""
    """The person's name; empty where nothing is changed."""


Doing = Callable[[Act], str]
"""Carries an action out and says in a clause what came of it; empty: nothing to tell. Raises `OpenDeepError`."""


def source(*names: str) -> str:
    """Files of this folder as one module: no build step, no CDN."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A named amount, drawn as a bar."""

    name: str
    amount: int
    note: str = ""


class Board(anywidget.AnyWidget):
    """A board; its kinds add what they show.

    Args:
        do: carries out what a person asks.
    """

    _css: ClassVar[str] = source("board.css")

    as_of = t.Float(0.0).tag(sync=True)
    """When the data were read, ms since 1970: durations count from it, whatever the browser's clock says."""
    trouble = t.Unicode().tag(sync=True)
    """Why the data are not fresh; empty: they are."""

    def __init__(self, do: Doing) -> None:
        super().__init__()
        self._do = do

    def _handle_custom_msg(self, content: Any, buffers: Sequence[memoryview]) -> None:
        """Do what a browser asks; whatever it sent, nothing is raised."""
        super()._handle_custom_msg(content, buffers)
        try:
            act = msgspec.convert(content, Act)
        except msgspec.ValidationError:
            ask = str(content.get("ask", ""))[:40] if isinstance(content, dict) else ""
            self._tell(ask, "This is not understood, or too long: shorten it, or reload the page.", is_good=False)
            return
        try:
            words = self._do(act)
        except Exception as error:  # noqa: BLE001 - one action, a named place: whoever clicked is told
            self._tell(act.ask, in_words(error), is_good=False)
        else:
            self._tell(act.ask, words, is_good=True)

    def look(self, show: Callable[[], None]) -> bool:
        """Let `show` look again. False: it failed; the board says why, and keeps what it showed."""
        try:
            show()
        except Exception as error:  # noqa: BLE001 - one look, a named place: old data are never shown as new
            self.trouble = in_words(error)
            return False
        self.trouble = ""
        return True

    def _tell(self, ask: str, words: str, *, is_good: bool) -> None:
        self.send({"kind": "told", "ask": ask, "words": words, "is_good": is_good})


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


def in_words(error: Exception) -> str:
    """What a person reads. Of an error that is not ours only the kind: its text may hold what somebody said."""
    if isinstance(error, OpenDeepError):
        why = str(error)
        return why[:1].upper() + why[1:]
    log().error("! a dashboard's board failed", what=type(error).__name__)
    return f"That failed unexpectedly ({type(error).__name__}): try again, and report it if it stays."


def plain(seen: Any) -> Any:
    """A dataclass, or a sequence of them, as plain data for a trait."""
    return msgspec.json.decode(msgspec.json.encode(seen))

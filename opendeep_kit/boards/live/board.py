"""The board of calls now: who is being called, what is said in one of them, and how the loops that hold them fare.

Given plain data, shows it; what a supervisor does goes out as an action. Numbers come masked: a whole one is never
given to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import traitlets.traitlets as t

from opendeep_kit.boards.board import Board, plain, source


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One live call."""

    call_id: str
    who: str
    """The contact's name; empty: not known."""
    number: str
    """Masked."""
    campaign: str
    stage: str
    """`dialling`, `ringing`, `talking`, …"""
    since_ms: float
    """From when its duration counts, ms since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRow:
    """One media worker."""

    name: str
    note: str
    """`serving`, `draining`, `silent for 12 s`."""
    lag_ms: float
    gap_share: float
    """0..1."""
    is_bad: bool
    """Callees hear it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkLine:
    """One line of the running transcript."""

    at_ms: float
    """On the call's clock."""
    speaker: str
    """`agent`, `callee`, or `note` for what is not said."""
    text: str
    """As heard."""
    unheard: str = ""
    """What the agent meant besides, when it was cut."""
    gap_ms: float | None = None
    """What the callee waited for this reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command that was given to the call."""

    what: str
    text: str
    by: str
    state: str
    """`waiting`, `taken`, `done`, `failed`."""
    words: str
    """What came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """The chosen call."""

    call: CallRow
    script: str
    lines: tuple[TalkLine, ...] = ()
    speaking: str = ""
    """Who speaks now: `agent`, `callee`; empty: nobody."""
    gap_p50_ms: float | None = None
    """Half of the replies came sooner."""
    gap_worst_ms: float | None = None
    barge_ins: int = 0
    outcome: str = ""
    """What came of it, once it has ended."""
    orders: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveView:
    """All that the board shows."""

    calls: tuple[CallRow, ...] = ()
    loops: tuple[LoopRow, ...] = ()
    talk: Talk | None = None
    speeds: tuple[float, float] = field(default=(1200.0, 2500.0))
    """A reply gap is slow from the first on, and painful from the second, ms."""


class LiveBoard(Board):
    """Calls now. Actions: `choose`, `hang_up`, `say`, `coach`, `take_over`, `transfer`, on a call's id."""

    _esm: ClassVar[str] = source("board.js", "live/board.js")
    _css: ClassVar[str] = source("board.css", "live/board.css")

    calls: t.List[Any] = t.List().tag(sync=True)
    """`CallRow`s as plain data."""
    loops: t.List[Any] = t.List().tag(sync=True)
    """`LoopRow`s."""
    talk = t.Dict().tag(sync=True)
    """`Talk`; empty: no call is chosen."""
    speeds: t.List[Any] = t.List().tag(sync=True)

    def show(self, view: LiveView, *, as_of_ms: float) -> None:
        """Show this; only what changed travels."""
        with self.hold_sync():
            self.calls = plain(view.calls)
            self.loops = plain(view.loops)
            self.talk = {} if view.talk is None else plain(view.talk)
            self.speeds = list(view.speeds)
            self.trouble = ""
            self.as_of = as_of_ms

"""The board of quality: what calls achieve, what callees wait for, which versions do better, and which calls to hear.

Given plain data, shows it; the choice of period, campaign and call goes out as an action. Holds no sound: the call
player beside it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import traitlets.traitlets as t

from opendeep_kit.boards.board import Bar, Board, plain, source


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One large figure."""

    name: str
    value: str
    note: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBar:
    """One stage of a reply's wait."""

    name: str
    mean_ms: float
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version of a script."""

    script: str
    calls: int
    completed: str
    """Share of the answered ones with its interval."""
    share: float
    """0..1, completed of answered."""
    low: float
    high: float
    reply: str
    barge_ins: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstRow:
    """A call worth hearing."""

    call_id: str
    at_ms: float
    """Since 1970."""
    disposition: str
    campaign: str
    reasons: str
    seconds: float
    has_recording: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityView:
    """All that the board shows."""

    period: str
    """`day`, `week`, `month`, `all`."""
    campaign: str
    """Empty: all."""
    campaigns: tuple[str, ...]
    figures: tuple[Figure, ...]
    dispositions: tuple[Bar, ...]
    stages: tuple[StageBar, ...]
    versions: tuple[VersionRow, ...]
    worst: tuple[WorstRow, ...]
    chosen: str = ""
    """The call in the player."""


class QualityBoard(Board):
    """Quality. Actions: `period`, `campaign`, and `choose` on a call's id."""

    _esm: ClassVar[str] = source("board.js", "quality/board.js")
    _css: ClassVar[str] = source("board.css", "quality/board.css")

    view = t.Dict().tag(sync=True)
    """`QualityView` as plain data."""

    def show(self, view: QualityView, *, as_of_ms: float) -> None:
        """Show this."""
        with self.hold_sync():
            self.view = plain(view)
            self.trouble = ""
            self.as_of = as_of_ms

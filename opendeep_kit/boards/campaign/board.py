"""The board of campaigns: how far one is, how fast it calls, what holds it, and the buttons that move it.

Given plain data, shows it; what a manager does goes out as an action. Never knows which move is possible: it is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import traitlets.traitlets as t

from opendeep_kit.boards.board import Bar, Board, plain, source


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRow:
    """One campaign of the list."""

    campaign_id: str
    name: str
    state: str
    done_share: float
    """0..1 of its contacts that are final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One move of the campaign's history."""

    at_ms: float
    """Since 1970."""
    after: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuse:
    """One side of the circuit breaker."""

    name: str
    share: float
    """0..1 of the recent calls that speak against it."""
    limit: float
    """It trips above this share."""
    calls: int
    """Recent calls."""
    min_calls: int
    """With fewer nothing is concluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignView:
    """The chosen campaign."""

    campaign_id: str
    name: str
    state: str
    script: str
    moves: tuple[str, ...]
    """Which buttons may be pressed: `start`, `pause`, `resume`, `stop`."""
    why: str
    """The reason of its last move, in a clause."""
    is_tripped: bool
    """The circuit breaker, or the budget, paused it."""
    waiting: int
    claimed: int
    final: int
    funnel: tuple[Bar, ...]
    outcomes: tuple[Bar, ...]
    per_minute: tuple[int, ...]
    """Calls placed in each of the last minutes, the present one last."""
    pace: str
    """What it may do, in words."""
    due: str
    """Who is next, and when."""
    held: str
    """What holds those that are due, in a clause; empty: nothing does."""
    fuses: tuple[Fuse, ...]
    refusals: tuple[Bar, ...]
    """By rule."""
    rulings: int
    """So many of the last permissions asked are counted."""
    money: str
    """Spent of budget; empty: no money is kept."""
    history: tuple[Step, ...]
    """The newest first."""


class CampaignBoard(Board):
    """Campaigns. Actions: `choose`, `start`, `pause`, `resume`, `stop`, on a campaign's id; the text is the reason."""

    _esm: ClassVar[str] = source("board.js", "campaign/board.js")
    _css: ClassVar[str] = source("board.css", "campaign/board.css")

    campaigns: t.List[Any] = t.List().tag(sync=True)
    """`CampaignRow`s as plain data."""
    chosen = t.Dict().tag(sync=True)
    """`CampaignView`; empty: there is none."""

    def show(self, campaigns: tuple[CampaignRow, ...], chosen: CampaignView | None, *, as_of_ms: float) -> None:
        """Show this; only what changed travels."""
        with self.hold_sync():
            self.campaigns = plain(campaigns)
            self.chosen = {} if chosen is None else plain(chosen)
            self.trouble = ""
            self.as_of = as_of_ms

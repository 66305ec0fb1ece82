"""The board of one tenant: what it may do, what it spent, whom it must not call, and what runs by itself.

Given plain data, shows it; changes of the do-not-call list go out as actions. Entries of that list are whole numbers,
because whoever keeps it must know them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import traitlets.traitlets as t

from opendeep_kit.boards.board import Board, plain, source


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """One limit in words."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """Money of one currency."""

    currency: str
    used: str
    budget: str
    """Empty: none is set."""
    share: float
    """0..1 of the budget; 0 without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DncRow:
    """One entry of the tenant's do-not-call list."""

    entry: str
    reason: str
    source: str
    by: str
    at_ms: float
    """Since 1970."""
    said: str = ""
    """The callee's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """What runs by itself."""

    name: str
    when: str
    notebook: str
    next_ms: float | None
    is_paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A notebook that ran, or runs."""

    notebook: str
    state: str
    started_ms: float
    seconds: float | None
    """None: it has not ended."""
    note: str
    page: str = ""
    """Path of its report; empty: there is none, or none any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantView:
    """All that the board shows."""

    name: str
    tenant_id: str
    limits: tuple[LimitRow, ...]
    budgets: tuple[BudgetRow, ...]
    sought: str
    """What the list was searched for; empty: its beginning is shown."""
    answer: str
    """What the lists say of the number sought; empty: none was."""
    is_listed: bool
    entries: tuple[DncRow, ...]
    has_more: bool
    """The list goes on beyond those."""
    schedules: tuple[ScheduleRow, ...]
    runs: tuple[RunRow, ...]


class TenantBoard(Board):
    """One tenant. Actions: `search`, `add` and `remove` on an entry; the text of the latter two is the reason."""

    _esm: ClassVar[str] = source("board.js", "tenant/board.js")
    _css: ClassVar[str] = source("board.css", "tenant/board.css")

    view = t.Dict().tag(sync=True)
    """`TenantView` as plain data."""

    def show(self, view: TenantView, *, as_of_ms: float) -> None:
        """Show this."""
        with self.hold_sync():
            self.view = plain(view)
            self.trouble = ""
            self.as_of = as_of_ms

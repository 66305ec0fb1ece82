"""Two versions of a script side by side: outcomes, waits, barge-ins, and differences in what was heard.

Given calls of both versions with the same callees, counts and shows; every figure can be traced to a call to listen to.
Never says which version is better, only what differed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from opendeep_kit.insight.differences import Pair, WordRun, changed_share, differences
from opendeep_kit.insight.latency import percentile
from opendeep_kit.lab import call_tables
from opendeep_kit.lab.placed_call import Calls, PlacedCall, row_of
from opendeep_kit.outcomes import Disposition
from opendeep_kit.widgets.static_outputs import PagedBox

if TYPE_CHECKING:
    import pandas as pd

_CHANGED = {
    "before": "background:rgba(196,83,26,.20);border-radius:2px",
    "after": "background:rgba(0,121,92,.20);border-radius:2px",
}
NARROW = 440
"""Pixels: two calls stand side by side."""
_COLUMN = "flex:1 1 300px;min-width:0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Calls of version A and of version B with the same callees."""

    before: tuple[PlacedCall, ...] = field(repr=False)
    """Version A's, in order of callees, repeats together."""
    after: tuple[PlacedCall, ...] = field(repr=False)
    """Version B's, in the same order."""

    @property
    def callees(self) -> tuple[str, ...]:
        """Whom both called."""
        return tuple(dict.fromkeys(call.callee for call in self.before))

    def of(self, callee: str) -> tuple[Calls, Calls]:
        """A's and B's calls with this callee."""
        return (
            Calls([call for call in self.before if call.callee == callee]),
            Calls([call for call in self.after if call.callee == callee]),
        )

    def said(self, callee: str) -> list[Pair]:
        """What was heard in the first call of each with this callee, side by side."""
        before, after = self.of(callee)
        return differences(before[0].lines, after[0].lines)

    @property
    def frame(self) -> pd.DataFrame:
        """A row per call, with its `side`."""
        import pandas as pd

        rows = [{"side": side} | row_of(call) for side, calls in self._sides for call in calls]
        return pd.DataFrame(rows)

    @property
    def totals(self) -> pd.DataFrame:
        """A row per side: calls, completed, turns, seconds, waits, barge-ins."""
        import pandas as pd

        return pd.DataFrame([{"side": side, **_total(calls)} for side, calls in self._sides]).set_index("side")

    def players(self) -> PagedBox:
        """Every call of both to listen to, A left of B."""
        import ipywidgets

        both = [(first.player(), second.player()) for first, second in zip(self.before, self.after, strict=True)]
        narrow = {"flex": "1 1 420px", "min_width": "0"}
        rows = [
            ipywidgets.HBox(
                [ipywidgets.Box([player], layout=narrow) for player in pair], layout={"flex_flow": "row wrap"}
            )
            for pair in both
        ]
        return PagedBox(rows, page=lambda: "".join(player._repr_html_() for pair in both for player in pair))

    @property
    def _sides(self) -> tuple[tuple[str, tuple[PlacedCall, ...]], ...]:
        return ("A", self.before), ("B", self.after)

    def __repr__(self) -> str:
        return f"<Comparison: {len(self.callees)} callees, {len(self.before)} calls a side>"

    def _repr_html_(self) -> str:
        blocks = "".join(self._callee(callee) for callee in self.callees)
        return f'<div style="{call_tables.FONT}">{self._headline()}{blocks}</div>'

    def _headline(self) -> str:
        rows = []
        for side, calls in self._sides:
            total = _total(calls)
            first = calls[0]
            rows.append(
                (
                    f"<b>{side}</b> {escape(first.script_name)}"
                    + (f" v{first.script_version}" if first.script_version is not None else ""),
                    f"{total['completed']} of {total['calls']}",
                    call_tables.ms(total["reply_p50_ms"]),
                    call_tables.ms(total["reply_p95_ms"]),
                    str(total["barge_ins"]),
                    f"{total['turns_per_call']:.1f}",
                    f"{total['seconds_per_call']:.0f}",
                )
            )
        headings = (
            "version",
            ">completed",
            ">reply p50",
            ">reply p95",
            ">barge-ins",
            ">turns a call",
            ">seconds a call",
        )
        return call_tables.table(headings, rows)

    def _callee(self, callee: str) -> str:
        before, after = self.of(callee)
        pairs = self.said(callee)
        cards = "".join(
            f'<div style="{_COLUMN}">{_card(side, calls)}</div>' for side, calls in (("A", before), ("B", after))
        )
        talk = "".join(_pair(pair) for pair in pairs)
        share = changed_share(pairs)
        verdict = f"What was heard ({share:.0%} of the lines differ)" if pairs else "Nothing was said"
        return (
            f'<div style="border-top:1px solid {call_tables.RULE};margin-top:12px;padding-top:8px">'
            f'<b style="font-size:14px">{escape(call_tables.words(callee))}</b>'
            f'<div style="display:flex;flex-wrap:wrap;gap:4px 24px">{cards}</div>'
            f'<details open><summary style="cursor:pointer;margin:6px 0;color:{call_tables.FAINT}">{verdict}</summary>'
            f"{talk}</details></div>"
        )


def _total(calls: Sequence[PlacedCall]) -> dict[str, float | int | None]:
    waits = [reply.voice_to_voice_ms for call in calls for reply in call.replies]
    return {
        "calls": len(calls),
        "completed": sum(call.summary.disposition is Disposition.COMPLETED for call in calls),
        "reply_p50_ms": percentile(waits, 0.5),
        "reply_p95_ms": percentile(waits, 0.95),
        "barge_ins": sum(call.summary.barge_ins for call in calls),
        "turns_per_call": sum(call.summary.turns for call in calls) / len(calls),
        "seconds_per_call": sum(call.summary.duration_ms for call in calls) / 1000 / len(calls),
    }


def _card(side: str, calls: Sequence[PlacedCall]) -> str:
    """One version with one callee; of several calls, the first is drawn."""
    details = "".join(
        f"<div>{call_tables.outcome(call.summary)}&ensp;{call_tables.answers(call.summary.answers)}</div>"
        f'<div style="color:{call_tables.FAINT}">{call_tables.figures(call.summary)}</div>'
        for call in calls
    )
    return f'<div style="margin:4px 0"><b>{side}</b> {details}</div>{calls[0].lanes(width=NARROW)}'


def _pair(pair: Pair) -> str:
    faint = "opacity:.62;" if pair.is_same else ""
    sides = "".join(
        f'<div style="{_COLUMN}">{_said(speaker, runs, side)}</div>'
        for side, speaker, runs in (
            ("before", pair.before.speaker if pair.before else "", pair.before_runs),
            ("after", pair.after.speaker if pair.after else "", pair.after_runs),
        )
    )
    return f'<div style="{faint}display:flex;flex-wrap:wrap;gap:0 24px;padding:2px 0">{sides}</div>'


def _said(speaker: str, runs: Sequence[WordRun], side: str) -> str:
    if not speaker:
        return "&nbsp;"
    text = " ".join(
        f'<span style="{_CHANGED[side]}">{escape(run.text)}</span>' if run.is_changed else escape(run.text)
        for run in runs
    )
    return f'<span style="color:{call_tables.FAINT}">{escape(speaker)}</span> {text}'

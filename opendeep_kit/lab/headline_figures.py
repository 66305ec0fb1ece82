"""The headline figures of a report. Pure.

Given the rows of the views `calls` and `latencies`, counts and shows. Never queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opendeep_kit.insight.latency import percentile
from opendeep_kit.lab import call_tables

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What came of some calls, in figures."""

    calls: int
    """Ended ones."""
    answered: int
    completed: int
    talk_s: float
    """Seconds from answer to end, all together."""
    undisclosed: int
    """Talks in which the callee did not hear, to its end, that an AI speaks."""
    reply_p50_ms: float | None
    reply_p95_ms: float | None
    barge_ins: int

    def _repr_html_(self) -> str:
        if not self.calls:
            return "<i>No calls yet.</i>"
        return call_tables.figure_row(
            [
                (f"{self.calls:,}", "calls", f"{self.answered:,} answered"),
                (f"{self.completed:,}", "completed", _share(self.completed, self.answered)),
                (f"{self.talk_s / 60:,.1f}", "minutes of talk", f"{self.barge_ins} barge-ins"),
                (
                    call_tables.ms(self.reply_p50_ms),
                    "typical reply",
                    f"19 of 20 within {call_tables.ms(self.reply_p95_ms)}",
                ),
                (f"{self.undisclosed}", "talks without disclosure", _left(self.undisclosed)),
            ]
        )


def headline(calls: pd.DataFrame, latencies: pd.DataFrame) -> Headline:
    """The figures of these rows of `calls` and `latencies`."""
    ended = calls[calls["state"] == "ended"]
    waits = latencies["voice_to_voice_ms"].to_list()
    return Headline(
        calls=len(ended),
        answered=int(ended["is_answered"].sum()),
        completed=int(ended["is_completed"].sum()),
        talk_s=float(ended["duration_ms"].sum()) / 1000,
        undisclosed=int((ended["is_talk"] & ~ended["is_disclosed"]).sum()),
        reply_p50_ms=percentile(waits, 0.5),
        reply_p95_ms=percentile(waits, 0.95),
        barge_ins=int(ended["barge_ins"].sum()),
    )


def _left(undisclosed: int) -> str:
    return "the callee left before its end" if undisclosed else "everybody heard it is an AI"


def _share(part: int, of: int) -> str:
    return f"{part / of:.0%} of answered" if of else "nobody answered"

"""Pictures for a report: warehouse tables in, matplotlib figures out. Pure.

Given a table with the columns of a warehouse view, draws it so that it can be read without its notebook: a title that
says what is shown and in what unit, labels on the marks, colours that everybody can tell apart. Never queries, never
saves a file; an empty table gives a picture that says so.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
import pandas as pd
from matplotlib import font_manager, rc_context
from matplotlib.figure import Figure

from opendeep_kit.lab.call_tables import COLOURS, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FAINT, RULE, BLUE, AMBER = "#1f2933", "#6b7280", "#d9dde2", "#2f80b8", "#c96a00"
SERIES = ("#2f80b8", "#c96a00", "#00795c", "#a3306f", "#7a7f87", "#6a5fb0")
STAGES = {
    "detect_ms": ("detect", "#9db8cf"),
    "begin_ms": ("begin", "#6f9bc1"),
    "model_ms": ("model", "#2f6f9f"),
    "ours_ms": ("ours", "#c96a00"),
    "lead_in_ms": ("lead-in", "#e6bf8c"),
}
"""Columns of the view `latencies` in the order in which they pass; ours in a colour of its own."""
STEPS = ("contacts", "dialled", "answered", "disclosed", "talked", "completed")
WIDTH = 8.2
"""Inches: a page's text width, and what a notebook shows without a scroll bar at 800 px."""
DPI = 160

_P = ParamSpec("_P")


class Chart(Figure):
    """A figure that shows itself in a notebook, sharp on any screen, without pyplot."""

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=DPI, facecolor="white")
        width, height = self.get_size_inches() * 92
        alt = f"{self.get_suptitle()}: {self.axes[0].get_title(loc='left').strip()}"
        return buffer.getvalue(), {"width": int(width), "height": int(height), "alt": alt}


@cache
def _style() -> dict[Any, Any]:
    """One look for all; the first of these faces that is installed."""
    known = set(font_manager.get_font_names())
    faces = [name for name in ("Inter", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans") if name in known]
    return {
        "font.family": faces,
        "font.size": 10,
        "text.color": INK,
        "axes.edgecolor": RULE,
        "axes.labelcolor": FAINT,
        "xtick.color": FAINT,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }


def _in_style(draw: Callable[_P, Chart]) -> Callable[_P, Chart]:
    """The same, with this look while it draws."""

    @wraps(draw)
    def drawn(*args: _P.args, **named: _P.kwargs) -> Chart:
        with rc_context(_style()):
            return draw(*args, **named)

    return drawn


@_in_style
def funnel(frame: pd.DataFrame) -> Chart:
    """How many people each step reached: the rows of `funnel`, summed."""
    chart, axes = _chart("How far people came", "people; in brackets the share of the step before", height=3.0)
    counts = {step: int(frame[step].sum()) for step in STEPS if step in frame}
    if counts.pop("contacts", 0):
        # A list stands in the row of every version that called it; people outside any list were contacts as well.
        lists = frame.groupby("campaign").agg({"contacts": "max", "dialled": "sum"})
        counts = {"contacts": int(lists.max(axis=1).sum()), **counts}
    if not sum(counts.values()):
        return _nothing(chart, axes)
    values = [*counts.values()]
    bars = axes.barh([*counts], values, color=[BLUE] * len(values), height=0.66)
    bars[-1].set_color(COLOURS["completed"])
    for place, value in enumerate(values):
        share = f"  ({value / values[place - 1]:.0%})" if place and values[place - 1] else ""
        axes.text(value + max(values) * 0.012, place, f"{value:,}{share}", va="center", color=INK)
    return _bars_finished(chart, axes, max(values))


@_in_style
def dispositions(frame: pd.DataFrame) -> Chart:
    """What calls achieved: a table with `disposition`, a row per call, or with `calls` counted."""
    chart, axes = _chart("What the calls achieved", "calls", height=3.4)
    if frame.empty:
        return _nothing(chart, axes)
    counts = frame.groupby("disposition")["calls"].sum() if "calls" in frame else frame["disposition"].value_counts()
    counts = counts.sort_values(ascending=False, kind="stable")
    names = [str(name) for name in counts.index]
    axes.barh(
        [words(name) for name in names], counts.to_list(), color=[COLOURS.get(n, FAINT) for n in names], height=0.66
    )
    for place, value in enumerate(counts):
        text = f"{value:,.0f}  ({value / counts.sum():.0%})"
        axes.text(value + counts.max() * 0.012, place, text, va="center", color=INK)
    chart.set_size_inches(WIDTH, 0.95 + 0.34 * len(names))
    return _bars_finished(chart, axes, float(counts.max()))


@_in_style
def latency_stages(frame: pd.DataFrame, by: Sequence[str] = ("script_name", "script_version")) -> Chart:
    """Where the wait for a reply goes: rows of `latencies`, one bar per version."""
    chart, axes = _chart("Where the wait for a reply goes", "mean per stage, ms, at our socket", height=3.0)
    if frame.empty:
        return _nothing(chart, axes)
    groups = _groups(frame, by)
    labels = [label for label, _ in groups]
    means = {stage: np.array([group[stage].mean() for _, group in groups]) for stage in STAGES}
    totals = sum(means.values(), np.zeros(len(groups)))
    begin = np.zeros(len(groups))
    for stage, (name, colour) in STAGES.items():
        axes.barh(labels, means[stage], left=begin, color=colour, height=0.5, label=name)
        for place, value in enumerate(means[stage]):
            if value > totals.max() * 0.055:
                ink = "white" if name in ("model", "ours", "begin") else INK
                axes.text(begin[place] + value / 2, place, f"{value:.0f}", ha="center", va="center", color=ink)
        begin += means[stage]
    for place, (_, group) in enumerate(groups):
        whole = group["voice_to_voice_ms"]
        label = f"{totals[place]:,.0f}\np95 {whole.quantile(0.95):,.0f}\nn {len(whole)}"
        axes.text(totals[place] + totals.max() * 0.012, place, label, va="center", color=INK, fontsize=8.5)
    axes.legend(ncols=len(STAGES), loc="upper left", bbox_to_anchor=(0, -0.02), frameon=False, handlelength=1.0)
    chart.set_size_inches(WIDTH, 1.2 + 0.58 * len(groups))
    return _bars_finished(chart, axes, float(totals.max()))


@_in_style
def reply_gaps(frame: pd.DataFrame, by: Sequence[str] = ("script_name", "script_version")) -> Chart:
    """How the waits are spread: rows of `latencies`, one line per version, p50 and p95 marked."""
    chart, axes = _chart(
        "How long callees wait for a reply", "share of replies that came within so many seconds", height=3.4
    )
    if frame.empty:
        return _nothing(chart, axes)
    for number, (label, group) in enumerate(_groups(frame, by)):
        waits = np.sort(group["voice_to_voice_ms"].to_numpy(float)) / 1000
        colour = SERIES[number % len(SERIES)]
        shares = np.arange(1, len(waits) + 1) / len(waits)
        (line,) = axes.step([0.0, *waits], [0.0, *shares], where="post", color=colour, linewidth=1.8)
        middle, late = np.quantile(waits, [0.5, 0.95])
        axes.plot([middle, late], [0.5, 0.95], "o", color=colour, markersize=4.5)
        line.set_label(f"{label}: p50 {middle:.2f} s, p95 {late:.2f} s, n {len(waits)}")
    axes.set_xlim(left=0)
    return _lines_finished(chart, axes, "seconds from the callee's last sound to the agent's first")


def survival(frame: pd.DataFrame) -> pd.DataFrame:
    """The share of callees still on the line, by the second (Kaplan and Meier, 1958).

    Args:
        frame: `duration_ms` and `ended_by` of answered calls; an end that is not the callee's says nothing about
            when the callee would have left.
    """
    answered = frame[frame["duration_ms"] > 0].sort_values("duration_ms", kind="stable")
    share, rows, at_risk = 1.0, [(0.0, 1.0)], len(answered)
    for duration_ms, ended_by in zip(answered["duration_ms"], answered["ended_by"], strict=True):
        if ended_by == "callee":
            share *= 1 - 1 / at_risk
            rows.append((duration_ms / 1000, share))
        at_risk -= 1
    if len(answered):
        rows.append((float(answered["duration_ms"].max()) / 1000, share))
    return pd.DataFrame(rows, columns=pd.Index(["second", "share"]))


@_in_style
def hang_ups(frame: pd.DataFrame, by: Sequence[str] = ("script_name", "script_version")) -> Chart:
    """When callees hang up: rows of `calls`, one line per version."""
    chart, axes = _chart(
        "How long callees stay on the line", "share not yet hung up, by seconds since the answer", height=3.2
    )
    answered = frame[frame["duration_ms"] > 0] if len(frame) else frame
    if answered.empty:
        return _nothing(chart, axes)
    for number, (label, group) in enumerate(_groups(answered, by)):
        curve = survival(group)
        colour = SERIES[number % len(SERIES)]
        left = int((group["ended_by"] == "callee").sum())
        legend = f"{label}: {left} of {len(group)} hung up"
        axes.step(curve["second"], curve["share"], where="post", color=colour, linewidth=1.8, label=legend)
    axes.set_xlim(left=0)
    return _lines_finished(chart, axes, "seconds since the answer")


def _groups(frame: pd.DataFrame, by: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each version; of many versions those with the most rows."""
    groups = [(_label(key), group) for key, group in frame.groupby([*by], dropna=False, sort=True)]
    largest = {label for label, _ in sorted(groups, key=lambda item: -len(item[1]))[: len(SERIES)]}
    return [(label, group) for label, group in groups if label in largest]


# ---- style ------------------------------------------------------------------------------------------


def _chart(title: str, unit: str, *, height: float) -> tuple[Chart, Axes]:
    chart = Chart(figsize=(WIDTH, height), layout="constrained")
    axes = chart.add_subplot()
    axes.set_title(f"{unit}\n", loc="left", fontsize=9.5, color=FAINT, pad=-4)
    chart.suptitle(title, x=0.008, ha="left", fontsize=13, fontweight="bold")
    return chart, axes


def _bars_finished(chart: Chart, axes: Axes, longest: float) -> Chart:
    axes.invert_yaxis()
    axes.set_xlim(0, longest * 1.2)
    axes.xaxis.set_visible(False)
    axes.tick_params(left=False)
    axes.spines[["bottom", "left"]].set_visible(False)
    return chart


def _lines_finished(chart: Chart, axes: Axes, below: str) -> Chart:
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(axis="y", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlabel(below)
    # Below the picture: wherever the lines run, they do not run through their names.
    lines = axes.get_legend_handles_labels()[0]
    chart.legend(loc="outside lower left", ncols=1, frameon=False, labelcolor="linecolor", handlelength=1.2)
    chart.set_size_inches(WIDTH, 3.1 + 0.22 * len(lines))
    return chart


def _nothing(chart: Chart, axes: Axes) -> Chart:
    axes.set_axis_off()
    axes.text(0, 0.6, "No calls yet.", color=FAINT, transform=axes.transAxes)
    chart.set_size_inches(WIDTH, 1.3)
    return chart


def _label(key: Any) -> str:
    """A group's key as people write it: `confirm-appointment v2`."""
    parts: Iterable[Any] = key if isinstance(key, tuple) else (key,)
    named = ["" if part is None or part is pd.NA or part != part else part for part in parts]
    return " ".join(
        f"v{part:.0f}" if isinstance(part, (int, float, np.number)) else str(part) for part in named if part != ""
    )

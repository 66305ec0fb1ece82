"""Calls as HTML for a notebook: a badge for an outcome, a card for a call, a table for many. Pure.

Given finished calls, returns self-contained markup: no script, no style sheet, nothing loaded. All spoken words are
escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from opendeep_kit.insight.analysis import Summary
from opendeep_kit.outcomes import Disposition

COLOURS: dict[str, str] = {
    Disposition.COMPLETED: "#00795c",
    Disposition.PARTIAL: "#2874a8",
    Disposition.CALLBACK: "#4c6faf",
    Disposition.TRANSFERRED: "#6a5fb0",
    Disposition.VOICEMAIL: "#5f6670",
    Disposition.NOT_REACHED: "#6f757e",
    Disposition.SILENT: "#6f757e",
    Disposition.WRONG_PERSON: "#8c630c",
    Disposition.HUNG_UP_EARLY: "#b05a00",
    Disposition.REFUSED: "#bf4f17",
    Disposition.DO_NOT_CALL: "#9c3b0c",
    Disposition.FAILED: "#a3306f",
}
"""Blues and greens for what was achieved, orange for what was not wanted, grey for nobody there; told apart by people
who see red and green alike (after Okabe and Ito, 2008), and never the only sign: the word stands beside it."""
FAINT = "var(--jp-ui-font-color2, #6b7280)"
RULE = "var(--jp-border-color2, #d0d4da)"
FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.45"
_CELL = "text-align:left;vertical-align:top;padding:4px 10px 4px 0;white-space:normal"


def words(name: str) -> str:
    """A name of the code as people write it.

    >>> words("hung_up_early")
    'hung up early'
    """
    return name.replace("_", " ")


def ms(value: float | None) -> str:
    """Milliseconds, or a dash where nothing was measured."""
    return "–" if value is None else f"{value:,.0f}\u00a0ms"


def badge(disposition: str) -> str:
    """The outcome, as a coloured word."""
    colour = COLOURS.get(disposition, "#6b7280")
    style = f"background:{colour};color:#fff;border-radius:3px;padding:1px 7px;white-space:nowrap"
    return f'<span style="{style}">{escape(words(disposition))}</span>'


def outcome(summary: Summary) -> str:
    """The outcome, with the network's word where nobody answered."""
    why = "" if summary.duration_ms else f' <span style="color:{FAINT}">{escape(words(summary.phone_result))}</span>'
    return badge(summary.disposition) + why


def answers(given: Mapping[str, str]) -> str:
    """The answers noted, each with its question's id."""
    return " ".join(
        f'<span style="white-space:nowrap"><span style="color:{FAINT}">{escape(name)}</span> '
        f"<b>{escape(value)}</b></span>&ensp;"
        for name, value in given.items()
    )


def figures(summary: Summary) -> str:
    """Length, turns, wait and barge-ins in one line."""
    parts = [f"{summary.duration_ms / 1000:.0f} s", f"{summary.turns} turns"]
    parts.append(f"replies after {ms(summary.voice_to_voice_p50_ms)} (p50)")
    parts.append(f"{summary.barge_ins} barge-in{'' if summary.barge_ins == 1 else 's'}")
    return " · ".join(parts)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "") -> str:
    """A table of ready HTML cells; a heading that begins with `>` is of numbers."""
    sides = ["right" if heading.startswith(">") else "left" for heading in headings]
    head = "".join(
        f'<th style="{_CELL};text-align:{side};border-bottom:1px solid {RULE}">{escape(heading.lstrip(">"))}</th>'
        for heading, side in zip(headings, sides, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td style="{_CELL};text-align:{side}">{cell}</td>' for cell, side in zip(row, sides, strict=True))
        + "</tr>"
        for row in rows
    )
    note = f'<div style="color:{FAINT};margin-top:4px">{escape(caption)}</div>' if caption else ""
    return (
        f'<div style="{FONT};overflow-x:auto"><table style="border-collapse:collapse;{FONT}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}</div>"
    )


def figure_row(items: Iterable[tuple[str, str, str]]) -> str:
    """A row of headline figures: value, what it is, and a remark."""
    cards = "".join(
        f'<div><div style="font-size:24px;font-weight:600;line-height:1.2">{escape(value)}'
        f'</div><div>{escape(what)}</div><div style="color:{FAINT}">{escape(remark)}</div></div>'
        for value, what, remark in items
    )
    grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(124px,1fr));gap:14px;margin:6px 0 12px"
    return f'<div style="{FONT};{grid}">{cards}</div>'

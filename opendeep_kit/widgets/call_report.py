"""One call as static HTML: the lanes as an inline SVG, the transcript as a table. No script, no sound.

Given a picture and levels, returns markup for reports and for places where widgets do not run. Everything that was
said, by whomever, is escaped; nothing is loaded from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from opendeep_kit.widgets.call_picture import Gap, Mark, MarkKind, Picture, SpokenLine, clock
from opendeep_kit.widgets.call_sound import BIN_MS, Levels, coarser

WIDTH = 960
LANE = 56
CALLEE_TOP, AGENT_TOP, MARKS_TOP, HEIGHT = 18, 94, 156, 176
COLOURS = {
    "callee": "#1f7fa6",
    "agent": "#8357c5",
    "gap": "#e3b505",
    "slow": "#e8710a",
    "cut": "#d32f2f",
}
_MARK_COLOURS = {
    MarkKind.LINE: "#7d8590",
    MarkKind.TOOL: "#5b6fb5",
    MarkKind.FAILED_TOOL: "#d32f2f",
    MarkKind.DISCLOSURE: "#2e8b57",
    MarkKind.ANSWER: "#2e8b57",
    MarkKind.WISH: "#e8710a",
    MarkKind.TROUBLE: "#d32f2f",
}
MOST_ROWS = 200
"""Of the transcript; a report is for reading, and a notebook with it must stay small."""
MOST_TOLD = 60
"""So many marks carry their words for the pointer."""
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
_TEXT = "var(--jp-ui-font-color1, currentColor)"
_FAINT = "var(--jp-ui-font-color2, #767676)"
_RULE = "var(--jp-border-color2, #b5b5b5)"


def call_report(seen: Picture, levels: Levels, *, title: str) -> str:
    """The whole call as one block of HTML."""
    facts = " · ".join(f"{escape(fact.name)} <b>{escape(fact.value)}</b>" for fact in seen.facts)
    talk = _transcript(seen) if seen.lines else f'<p style="color:{_FAINT}">Nothing was said.</p>'
    style = f"max-width:{WIDTH}px;color:{_TEXT};font-family:var(--jp-ui-font-family,sans-serif);font-size:13px"
    return (
        f'<div style="{style}">'
        f'<p style="margin:0 0 4px"><b>{escape(title)}</b> · {clock(seen.duration_ms)}</p>'
        f'<p style="margin:0 0 6px;color:{_FAINT}">{facts}</p>{lanes_svg(seen, levels)}{talk}</div>'
    )


def lanes_svg(seen: Picture, levels: Levels, *, width: int = WIDTH) -> str:
    """The lanes with turns, gaps, barge-ins and marks.

    Args:
        width: pixels for which it is drawn; where fewer are shown, the writing shrinks with the rest.
    """
    length_ms = max(seen.duration_ms, 1.0)
    scale = width / length_ms
    parts = [_ruler(length_ms, width)]
    for who, top in (("callee", CALLEE_TOP), ("agent", AGENT_TOP)):
        spoken = [(line.begin_ms, line.end_ms) for line in seen.lines if line.speaker == who and line.heard]
        wordless = [(sound.begin_ms, sound.end_ms) for sound in seen.sounds if sound.speaker == who]
        parts += [_boxes(spoken, scale, top, LANE, COLOURS[who], 0.16)]
        parts += [_boxes(wordless, scale, top, LANE, COLOURS[who], 0.07)]
    for colour, is_slow in (("gap", False), ("slow", True)):
        waits = [(gap.begin_ms, gap.end_ms) for gap in seen.gaps if gap.is_slow is is_slow]
        parts.append(_boxes(waits, scale, CALLEE_TOP, AGENT_TOP + LANE - CALLEE_TOP, COLOURS[colour], 0.3))
    parts += [_wave(levels, lane, length_ms, width) for lane in (0, 1)]
    cuts = [(cut.begin_ms, cut.end_ms) for cut in seen.cuts]
    parts.append(_boxes(cuts, scale, CALLEE_TOP, AGENT_TOP + LANE - CALLEE_TOP, COLOURS["cut"], 0.8))
    parts += [_wait(gap, scale) for gap in seen.gaps if (gap.end_ms - gap.begin_ms) * scale > 18]
    parts += [_mark(mark, scale, width, is_told=number < MOST_TOLD) for number, mark in enumerate(seen.marks)]
    parts += [
        f'<text x="2" y="{top + 11}" fill="{COLOURS[name]}" font-weight="bold">{name}</text>'
        for name, top in (("callee", CALLEE_TOP), ("agent", AGENT_TOP))
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="100%" role="img" '
        f'aria-label="Callee above, agent below" font-family="sans-serif" font-size="11">{"".join(parts)}</svg>'
    )


def _ruler(length_ms: float, width: int) -> str:
    scale = width / length_ms
    step_ms = 1000 * next((step for step in _STEPS_S if length_ms / step / 1000 <= width / 80), 3600)
    ticks = []
    for number in range(int(length_ms // step_ms) + 1):
        x = number * step_ms * scale
        ticks.append(f'<path d="M{x:.1f} 12V{HEIGHT}" stroke="{_RULE}" stroke-opacity=".4"/>')
        if x < width - 24:
            ticks.append(f'<text x="{x + 2:.1f}" y="10" fill="{_FAINT}">{clock(number * step_ms)}</text>')
    return "".join(ticks)


def _wave(levels: Levels, lane: int, length_ms: float, width: int) -> str:
    """One stroke for each pixel column that is not silent."""
    drawn = coarser(levels, max(1, round(length_ms / BIN_MS / width)))[lane].astype(int)
    if not len(drawn):
        return ""
    middle = (CALLEE_TOP if lane == 0 else AGENT_TOP) + LANE / 2
    per_bar = width * levels.shape[1] * BIN_MS / length_ms / len(drawn)
    half = LANE / 2 / 127
    strokes = [
        f"M{number * per_bar:.1f} {middle - high * half:.1f}V{middle - low * half + 0.5:.1f}"
        for number, (low, high) in enumerate(drawn)
        if high - low > 4
    ]
    colour = COLOURS["callee" if lane == 0 else "agent"]
    return f'<path d="{"".join(strokes)}" stroke="{colour}" stroke-width="1" fill="none"/>'


def _wait(gap: Gap, scale: float) -> str:
    """The milliseconds between the lanes; the pointer tells where they went."""
    text = f"{gap.end_ms - gap.begin_ms:.0f}"
    stages = ", ".join(f"{name} {ms:.0f}" for name, ms in gap.stages.items())
    x, y = (gap.begin_ms + gap.end_ms) / 2 * scale, (CALLEE_TOP + LANE + AGENT_TOP) / 2 + 4
    title = f"<title>{text} ms: {escape(stages)}</title>"
    return f'<text x="{x:.1f}" y="{y:.0f}" text-anchor="middle" fill="{_TEXT}">{title}{text}</text>'


def _mark(mark: Mark, scale: float, width: int, *, is_told: bool) -> str:
    title = f"<title>{escape(f'{clock(mark.at_ms)} {mark.label} {mark.detail}')}</title>" if is_told else ""
    x = min(max(mark.at_ms * scale, 4.0), width - 4.0)
    return f'<circle cx="{x:.1f}" cy="{MARKS_TOP + 8}" r="4" fill="{_MARK_COLOURS[mark.kind]}">{title}</circle>'


def _boxes(
    spans: Iterable[tuple[float, float]], scale: float, top: int, height: int, colour: str, opacity: float
) -> str:
    """Every span as a box, all in one path."""
    boxes = "".join(
        f"M{begin * scale:.1f} {top}h{max(1.5, (end - begin) * scale):.1f}v{height}H{begin * scale:.1f}z"
        for begin, end in spans
    )
    return f'<path d="{boxes}" fill="{colour}" opacity="{opacity}"/>' if boxes else ""


def _transcript(seen: Picture) -> str:
    rows = [(line.begin_ms, _line_row(line)) for line in seen.lines]
    rows += [(mark.at_ms, _mark_row(mark)) for mark in seen.marks]
    rows.sort(key=lambda row: row[0])
    shown = "".join(row for _, row in rows[:MOST_ROWS])
    left_out = len(rows) - MOST_ROWS
    more = f"<i>{left_out} more lines are in the call's transcript.</i>" if left_out > 0 else ""
    return f'<div style="line-height:1.6">{shown}{more}</div>'


def _line_row(line: SpokenLine) -> str:
    wait = "" if line.wait_ms is None else f" <small>{line.wait_ms:.0f} ms</small>"
    unheard = f' <del style="opacity:.6">{escape(line.unheard)}</del>' if line.unheard else ""
    who = f'<b style="color:{COLOURS[line.speaker]}">{line.speaker}</b>'
    return f"<div>{clock(line.begin_ms)} {who} {escape(line.heard)}{unheard}{wait}</div>"


def _mark_row(mark: Mark) -> str:
    text = f"{clock(mark.at_ms)} • {escape(mark.label)} <i>{escape(mark.detail)}</i>"
    return f'<div style="color:{_FAINT}">{text}</div>'

"""What the pictures draw, not how it looks."""

from collections.abc import Callable

import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from opendeep_kit.lab import pictures
from opendeep_kit.lab.pictures import Chart

WAITS = pd.DataFrame(
    {
        "script_name": ["confirm"] * 4,
        "script_version": [1, 1, 2, 2],
        "voice_to_voice_ms": [1000.0, 2000.0, 500.0, 700.0],
        "detect_ms": [500.0, 700.0, 100.0, 100.0],
        "begin_ms": [0.0, 0.0, 0.0, 0.0],
        "model_ms": [400.0, 1200.0, 300.0, 500.0],
        "ours_ms": [10.0, 10.0, 10.0, 10.0],
        "lead_in_ms": [90.0, 90.0, 90.0, 90.0],
    }
)
CALLS = pd.DataFrame(
    {
        "script_name": ["confirm"] * 4,
        "script_version": [1] * 4,
        "duration_ms": [10_000.0, 20_000.0, 30_000.0, 0.0],
        "ended_by": ["callee", "agent", "callee", "network"],
    }
)


def words(chart: Chart) -> list[str]:
    """Every text on the picture's marks."""
    return [text.get_text() for text in chart.axes[0].texts]


def legend(chart: Chart) -> list[str]:
    """The lines' names, below the picture."""
    return [text.get_text() for text in chart.legends[0].get_texts()]


def widths(chart: Chart) -> list[float]:
    """Length of every bar."""
    return [round(bar.get_width(), 1) for bar in chart.axes[0].patches if isinstance(bar, Rectangle)]


def ticks(chart: Chart) -> list[str]:
    """Names of the bars."""
    return [label.get_text() for label in chart.axes[0].get_yticklabels()]


def test_funnel() -> None:
    """Each step's people and their share of the step before; campaigns are summed."""
    row = {"contacts": 10, "dialled": 8, "answered": 4, "disclosed": 4, "talked": 3, "completed": 1}
    chart = pictures.funnel(pd.DataFrame([row | {"campaign": "a"}, row | {"campaign": "b"}]))

    assert widths(chart) == [20, 16, 8, 8, 6, 2]
    assert words(chart) == ["20", "16  (80%)", "8  (50%)", "8  (100%)", "6  (75%)", "2  (33%)"]


def test_funnel_of_lists_and_others() -> None:
    """A list that two versions called is one list, and nobody is dialled who is no contact."""
    steps = {"answered": 0, "disclosed": 0, "talked": 0, "completed": 0}
    rows = [
        {"campaign": "a", "contacts": 10, "dialled": 4} | steps,
        {"campaign": "a", "contacts": 10, "dialled": 5} | steps,
        {"campaign": "", "contacts": 0, "dialled": 7} | steps,
    ]

    assert widths(pictures.funnel(pd.DataFrame(rows)))[:2] == [17, 16]


def test_funnel_without_a_list() -> None:
    """Where people were dialled without a list, the funnel begins with dialling."""
    row = {"contacts": 0, "dialled": 2, "answered": 0, "disclosed": 0, "talked": 0, "completed": 0}
    chart = pictures.funnel(pd.DataFrame([row]))

    assert ticks(chart) == ["dialled", "answered", "disclosed", "talked", "completed"]
    assert words(chart) == ["2", "0  (0%)", "0", "0", "0"]


def test_dispositions() -> None:
    """A bar per outcome, the commonest first, in plain words; counted rows and single calls draw the same."""
    calls = pd.DataFrame({"disposition": ["hung_up_early", "completed", "completed", "completed"]})
    counted = pd.DataFrame({"disposition": ["completed", "hung_up_early", "completed"], "calls": [1, 1, 2]})

    for chart in (pictures.dispositions(calls), pictures.dispositions(counted)):
        assert ticks(chart) == ["completed", "hung up early"]
        assert words(chart) == ["3  (75%)", "1  (25%)"]


def test_latency_stages() -> None:
    """A bar per version, of the stages' means, which add up to the mean wait."""
    chart = pictures.latency_stages(WAITS)

    assert ticks(chart) == ["confirm v1", "confirm v2"]
    assert widths(chart) == [600, 100, 0, 0, 800, 400, 10, 10, 90, 90]
    assert words(chart)[-2:] == ["1,500\np95 1,950\nn 2", "600\np95 690\nn 2"]


def test_reply_gaps() -> None:
    """Each version's waits as a rising share, with p50 and p95 told."""
    chart = pictures.reply_gaps(WAITS)
    first = chart.axes[0].lines[0]

    assert list(first.get_xdata()) == [0.0, 1.0, 2.0]
    assert list(first.get_ydata()) == [0.0, 0.5, 1.0]
    assert legend(chart) == ["confirm v1: p50 1.50 s, p95 1.95 s, n 2", "confirm v2: p50 0.60 s, p95 0.69 s, n 2"]


def test_survival() -> None:
    """Only the callee's own hang-ups count against staying; calls that ended otherwise leave the rest (Kaplan-Meier)."""
    curve = pictures.survival(CALLS)

    assert curve["second"].to_list() == [0.0, 10.0, 30.0, 30.0]
    assert curve["share"].round(3).to_list() == [1.0, 0.667, 0.0, 0.0]


def test_hang_ups() -> None:
    """Unanswered calls are not in it."""
    assert legend(pictures.hang_ups(CALLS)) == ["confirm v1: 2 of 3 hung up"]


@pytest.mark.parametrize(
    "draw", [pictures.funnel, pictures.dispositions, pictures.latency_stages, pictures.reply_gaps, pictures.hang_ups]
)
def test_no_calls(draw: Callable[[pd.DataFrame], Chart]) -> None:
    """An empty table gives a picture that says so."""
    assert words(draw(pd.DataFrame())) == ["No calls yet."]


def test_every_picture_has_a_title_and_a_unit() -> None:
    """A picture can be read without its notebook."""
    chart = pictures.latency_stages(WAITS)

    assert chart.get_suptitle() == "Where the wait for a reply goes"
    assert chart.axes[0].get_title(loc="left") == "mean per stage, ms, at our socket\n"


def test_a_notebook_shows_it() -> None:
    """The picture is a PNG whose size on the page fits 800 pixels, with words for those who do not see it."""
    png, size = pictures.reply_gaps(WAITS)._repr_png_()

    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert size == {
        "width": 754,
        "height": 325,
        "alt": "How long callees wait for a reply: share of replies that came within so many seconds",
    }


def test_unknown_versions_are_drawn() -> None:
    """Calls of a draft, which has no version, are a group of their own."""
    drafts = WAITS.assign(script_name=None, script_version=None)

    assert ticks(pictures.latency_stages(drafts)) == [""]

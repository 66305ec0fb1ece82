"""Tables as a notebook shows them."""

import re

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

import opendeep_kit
from opendeep_kit.lab.frames import MOST_ROWS, as_html

CALL_ID = "5229bade-21ef-4751-b732-4142e4fce0ba"


def cells(shown: str) -> list[str]:
    """The text of each cell of the body."""
    body = shown.split("<tbody>")[1]
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", body)]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1, 20_000], ["1", "20,000"]),
        ([171.0, 25.0, None], ["171", "25", "–"]),
        ([0.375, 0.5], ["0.38", "0.50"]),
        ([1777.04, 12.5], ["1,777.0", "12.5"]),
        ([True, False], ["yes", "no"]),
        (["a <b>", None], ["a &lt;b&gt;", "–"]),
        (["{}", '{"attending": "yes", "pain": "4"}'], ["–", "attending yes&ensp; pain 4&ensp;"]),
        (['{"a": [1]}', "{not json}"], ["{&quot;a&quot;: [1]}", "{not json}"]),
        ([pd.Timestamp("2026-11-24 09:05:07.954553")], ["24 Nov 09:05:07"]),
        ([pd.Timestamp("2026-11-24"), pd.NaT], ["24 Nov 2026", "–"]),
        (["x" * 300], ["x" * 300]),
    ],
)
def test_values(values: list[object], told: list[str]) -> None:
    """Figures of a column look alike, nothing is cut off, and what callees said is text."""
    assert cells(as_html(pd.DataFrame({"it": values}))) == told


def test_an_id_is_short_and_whole() -> None:
    """Eight characters are seen; the whole is there to be copied."""
    shown = as_html(pd.DataFrame({"call_id": [CALL_ID]}))

    assert f">{CALL_ID}</span>" in shown
    assert "max-width:8.2ch" in shown


def test_an_index_is_shown_when_it_says_something() -> None:
    """Row numbers are left out; names are a column."""
    frame = pd.DataFrame({"calls": [2, 3]}, index=pd.Index(["A", "B"], name="side"))

    assert cells(as_html(frame)) == ["A", "2", "B", "3"]
    assert cells(as_html(frame.reset_index(drop=True))) == ["2", "3"]


def test_long_and_empty() -> None:
    """A long table tells how long it is, an empty one that it is."""
    assert f"the first and last {MOST_ROWS // 2} of 1,000 rows" in as_html(pd.DataFrame({"n": range(1000)}))
    assert "no rows" in as_html(pd.DataFrame({"n": []}))


def test_the_extension_shows_tables_so() -> None:
    """After `%load_ext` a table is told in words, for whoever reads the page."""
    shell = InteractiveShell(history_manager=None)
    opendeep_kit.load_ipython_extension(shell)

    data, _ = shell.display_formatter.format(pd.DataFrame({"is_answered": [True]}))

    assert cells(data["text/html"]) == ["yes"]

"""Every notebook runs from top to bottom, on the embedded default with small parameters, and is kept clean."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from opendeep_kit.lab.reports import execute_report, parameters_of
from tests import past as sample

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
ALL = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
CALLING: dict[str, dict[str, Any]] = {
    "00_tour": {"persona": "hangs_up_early"},
    "01_rehearse_a_call": {"persona": "hangs_up_early", "personas": ["hangs_up_early"]},
    "02_define_a_task_by_talking": {"persona": "hangs_up_early"},
    "03_place_one_call": {"number": "+12125550110"},
    "04_run_a_campaign": {"limit": 2},
    "campaign": {"limit": 2},
}
"""Those that place calls, and how to keep them short."""
READING = ["05_explore_outcomes", "06_latency", "07_review_calls", "report"]
"""Those that only look at what is there."""
MOST_CELLS = 25


def cells(name: str) -> list[Any]:
    """The notebook's cells."""
    return list(nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells)


def shown(path: Path) -> str:
    """Everything an executed notebook shows."""
    return json.dumps([cell.get("outputs", []) for cell in nbformat.read(path, as_version=4).cells])


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recorded calls, which the notebooks add to."""
    folder = tmp_path_factory.mktemp("calls")
    sample.fill(folder)
    return folder


@pytest.fixture(scope="module")
def short_list(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two contacts whose calls are short: one is busy, one hangs up."""
    path = tmp_path_factory.mktemp("list") / "contacts.csv"
    path.write_text("number,name,appointment\n+12125550120,Ann,Monday\n+12125550110,Bob,Monday\n")
    return path


@pytest.fixture(scope="module")
def pages() -> dict[str, Path]:
    """By name: the page of every notebook that was run."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLING)
def test_notebooks_that_call(
    name: str,
    calls: Path,
    short_list: Path,
    pages: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each runs to its end, and its calls are in the folder."""
    monkeypatch.setenv("OPENDEEP_REHEARSAL__ENGINE", "tones")
    parameters = {"data_dir": str(calls)} | CALLING[name]
    if "contacts" in parameters_of(NOTEBOOKS / f"{name}.ipynb"):
        parameters["contacts"] = str(short_list)

    report = execute_report(NOTEBOOKS / f"{name}.ipynb", parameters, tmp_path / name)

    assert "hung up early" in shown(report.notebook)
    pages[name] = report.page


@pytest.mark.slow
@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("is_empty", [False, True], ids=["calls", "empty"])
def test_notebooks_that_read(name: str, is_empty: bool, calls: Path, pages: dict[str, Path], tmp_path: Path) -> None:
    """Each runs to its end on a folder with calls, and on an empty one, where it says so."""
    folder = tmp_path / "empty" if is_empty else calls

    report = execute_report(NOTEBOOKS / f"{name}.ipynb", {"data_dir": str(folder)}, tmp_path / name)

    pages[f"{name}-empty" if is_empty else name] = report.page
    assert ("image/png" in shown(report.notebook)) is (name != "07_review_calls")
    assert ("<svg" in shown(report.notebook)) is (not is_empty and name != "06_latency")


@pytest.mark.slow
@pytest.mark.parametrize("name", READING)
def test_another_tenants_calls_are_not_shown(name: str, calls: Path, tmp_path: Path) -> None:
    """Run for a tenant that has not called, it shows nothing of those who have."""
    told = {"data_dir": str(calls), "tenant": "garage"}
    shows = shown(execute_report(NOTEBOOKS / f"{name}.ipynb", told, tmp_path / name).notebook)

    assert [word for word in ("spring", "<svg", "Alvarez") if word in shows] == []


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("chromium") is None, reason="there is no chromium to show the pages in: apt-get install chromium"
)
def test_pages_fit_a_screen(pages: dict[str, Path], tmp_path: Path) -> None:
    """No page of those above is wider than a screen of 1280 or 800 pixels, and none complains; pictures are kept."""
    pytest.importorskip("playwright", reason="playwright drives the browser: pip install playwright")
    from tests.widgets.browser import chromium, take_pictures

    stick_out, complaints = {}, []
    with chromium(tmp_path / "profile") as page:
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        for name, path in pages.items():
            page.goto(path.as_uri())
            stick_out[name] = take_pictures(page, f"notebook-{name}")

    assert {name: by for name, by in stick_out.items() if any(by.values())} == {}
    assert complaints == []


def test_every_notebook_is_run() -> None:
    """No notebook is left out above."""
    assert sorted([*CALLING, *READING]) == ALL


@pytest.mark.parametrize("name", ALL)
def test_structure(name: str) -> None:
    """It opens with what one will have, then its parameters; it is short, defines nothing and holds no output."""
    first, second, *_ = found = cells(name)
    code = [cell for cell in found if cell.cell_type == "code"]

    assert first.source.startswith("# ")
    assert second.metadata.get("tags") == ["parameters"]
    assert len(found) <= MOST_CELLS
    assert [cell.source for cell in code if re.search(r"^\s*(async )?(def|class) ", cell.source, re.MULTILINE)] == []
    assert [cell.source for cell in code if cell.outputs or cell.execution_count] == []


@pytest.mark.parametrize("name", ALL)
def test_parameters(name: str) -> None:
    """Every parameter has a type and says what it is; every notebook can be told whose calls it is about."""
    found = parameters_of(NOTEBOOKS / f"{name}.ipynb")

    assert "data_dir" in found
    assert (found["tenant"]["inferred_type_name"], found["tenant"]["default"]) == ("str", '"default"')
    assert [key for key, told in found.items() if told["inferred_type_name"] == "None" or not told["help"]] == []


@pytest.mark.parametrize("name", [name for name in ALL if name[0].isdigit()])
def test_it_says_what_one_will_have(name: str) -> None:
    """Each step of the journey begins with what it leads to."""
    assert cells(name)[0].source.split("\n\n")[1].startswith("**By the end** you will ")


@pytest.mark.parametrize("name", ALL)
def test_links(name: str) -> None:
    """Notebooks that are pointed to are there."""
    text = "\n".join(cell.source for cell in cells(name) if cell.cell_type == "markdown")

    assert [link for link in re.findall(r"\]\(([\w.]+\.ipynb)\)", text) if not (NOTEBOOKS / link).is_file()] == []

"""A notebook run as a report."""

import re
from pathlib import Path

import nbformat
import pytest

from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.lab.reports import as_page, execute_report, parameters_of
from tests import past as sample

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def notebook(path: Path, *cells: str) -> Path:
    """A small notebook with the parameter `count`."""
    first = nbformat.v4.new_code_cell("count: int = 1  # how many", metadata={"tags": ["parameters"]})
    book = nbformat.v4.new_notebook(cells=[first, *(nbformat.v4.new_code_cell(cell) for cell in cells)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
    return path


@pytest.mark.slow
def test_the_report_of_real_calls(tmp_path: Path) -> None:
    """The report of six recorded calls tells their figures and their words, and its page needs nothing from outside."""
    sample.fill(tmp_path, campaign="spring")

    report = execute_report(
        NOTEBOOKS / "report.ipynb", {"data_dir": str(tmp_path), "campaign": "spring"}, tmp_path / "out" / "report"
    )

    page = report.page.read_text()
    for told in (
        "Campaign <strong>spring</strong>",
        "5 answered",
        "asked never to be called again",
        "Am I speaking with",
    ):
        assert told in page
    assert re.findall(r'alt="(.+?): ', page) == [
        "How far people came",
        "What the calls achieved",
        "Where the wait for a reply goes",
        "How long callees wait for a reply",
        "How long callees stay on the line",
    ]
    assert "<script src=" not in page
    assert re.findall(r'<(?:link|img|script)[^>]+(?:href|src)="(?!data:)', page) == []
    assert "PastCalls.open" not in page
    assert report.notebook == tmp_path / "out" / "report.ipynb"


def test_an_unknown_parameter_is_refused(tmp_path: Path) -> None:
    """A parameter the notebook does not have stops everything before it runs."""
    source = notebook(tmp_path / "n.ipynb", "count")

    with pytest.raises(BadInput, match="has no parameter 'cuont': its parameters are: count"):
        execute_report(source, {"cuont": 2}, tmp_path / "out")

    assert not (tmp_path / "out.ipynb").exists()


def test_a_failing_cell(tmp_path: Path) -> None:
    """A cell that fails is told, with the notebook to look at; it and its page hold what was done before, and why."""
    source = notebook(tmp_path / "n.ipynb", "count * 21", "1 / 0", "print('never', 'reached')")

    with pytest.raises(Unavailable, match=r"cell 4 of n.ipynb failed \(ZeroDivisionError\): see .*out.ipynb"):
        execute_report(source, {"count": 2}, tmp_path / "out")

    assert "'text/plain': '42'" in str(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    page = (tmp_path / "out.html").read_text()
    assert ("42" in page, "ZeroDivisionError" in page, "never reached" in page) == (True, True, False)


def test_a_kernel_that_dies(tmp_path: Path) -> None:
    """A kernel that is killed, for want of memory for one, is told like a cell that fails."""
    source = notebook(tmp_path / "n.ipynb", "import os; os.kill(os.getpid(), 9)")

    with pytest.raises(Unavailable, match=r"the kernel of n.ipynb died: look at the machine's memory"):
        execute_report(source, {}, tmp_path / "out")


def test_a_run_that_is_killed_leaves_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever it dies while it writes, the file in place is a whole notebook."""
    half_written = []
    replace = Path.replace

    def look(beside: Path, place: str) -> Path:
        if Path(place).exists():
            half_written.append(nbformat.read(place, as_version=4).cells[0].source)
        nbformat.read(beside, as_version=4)
        return replace(beside, place)

    monkeypatch.setattr(Path, "replace", look)
    report = execute_report(notebook(tmp_path / "a.ipynb", "1 + 1"), {}, tmp_path / "out")

    assert len(half_written) > 1
    assert nbformat.read(report.notebook, as_version=4).cells[-1].outputs[0].data["text/plain"] == "2"
    assert list(tmp_path.glob("*.new")) == []


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is a file is told before anything is run."""
    source = notebook(tmp_path / "n.ipynb", "1")

    with pytest.raises(Unavailable, match=r"cannot be written \(.+\): check the disk"):
        execute_report(source, {}, source / "out")


def test_parameters_are_known(tmp_path: Path) -> None:
    """A notebook's parameters come with type, default and help."""
    found = parameters_of(notebook(tmp_path / "n.ipynb"))["count"]

    assert (found["inferred_type_name"], found["default"], found["help"]) == ("int", "1", "how many")


def test_no_notebook(tmp_path: Path) -> None:
    """A path that leads nowhere, or to something else, is told."""
    (tmp_path / "text.ipynb").write_text("hello")

    with pytest.raises(BadInput, match="there is no notebook"):
        parameters_of(tmp_path / "none.ipynb")
    with pytest.raises(BadInput, match="is not a notebook"):
        parameters_of(tmp_path / "text.ipynb")


def test_live_widgets_leave_the_page() -> None:
    """What only lives in a kernel is not on the page, nor the scripts it would need."""
    alive = {"application/vnd.jupyter.widget-view+json": {"model_id": "m"}, "text/plain": "a bar"}
    cell = nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("display_data", alive)])
    book = nbformat.v4.new_notebook(cells=[cell])
    book.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}

    page = as_page(book)

    assert "a bar" not in page
    assert "unpkg" not in page

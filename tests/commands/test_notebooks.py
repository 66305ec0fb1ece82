"""`opendeep schedule` and `opendeep run`, as a person or a machine types them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from typer.testing import CliRunner

from opendeep_kit.cli import app
from opendeep_kit.record import runs
from opendeep_kit.record.database import open_database
from opendeep_kit.record.runs import NewRun, RunState
from tests.commands.test_campaign import said, wrong

PARAMETERS = """count: int = 1  # how many
name: str = "x"  # who
is_loud: bool = False  # how
where: list = []  # whither
share = 0.5  # of it
data_dir: str = "../data"  # folder
tenant: str = "default"  # for whom"""
PRINT = "print(count + 1, name, is_loud, where, share, tenant)"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two notebooks: one is well, one fails."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENDEEP_DATA_DIR", "data")
    (tmp_path / "books").mkdir()
    for name, cell in (("well", PRINT), ("fails", "1 / 0")):
        first = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
        book = nbformat.v4.new_notebook(cells=[first, nbformat.v4.new_code_cell(cell)])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, tmp_path / "books" / f"{name}.ipynb")
    return tmp_path


def add(name: str = "daily", *words: str) -> Any:
    """A schedule of the notebook that is well."""
    return said("schedule", "add", name, "books/well.ipynb", "--cron", "30 2 * * *", "--zone", "Asia/Kolkata", *words)


def test_from_addition_to_removal(project: Path) -> None:
    """A schedule is added with typed parameters, listed, paused, resumed, changed and removed."""
    added = add("daily", "-p", "count=3", "-p", "name=a=b", "-p", "is_loud=yes", "-p", 'where=["in"]', "-p", "share=1")
    assert added["parameters"] == {"count": 3, "name": "a=b", "is_loud": True, "where": ["in"], "share": 1.0}
    assert (added["notebook"], added["paused"], added["next"][11:]) == ("books/well.ipynb", False, "02:30+05:30")
    paused = said("schedule", "pause", "daily")
    assert (paused["paused"], paused["next"]) == (True, None)
    assert said("schedule", "resume", "daily")["next"] == added["next"]
    assert add("daily")["parameters"] == {}
    assert [row["schedule"] for row in said("schedule", "list")] == ["daily"]
    assert said("schedule", "remove", "daily") == {"schedule": "daily", "removed": True}
    assert said("schedule", "list") == []


def test_the_tenants_zone_is_the_schedules(project: Path) -> None:
    """Where no zone is said, the tenant's wall clock counts; another tenant does not see the schedule."""
    said("tenant", "add", "clinic", "--time-zone", "Europe/Paris")
    added = said("schedule", "add", "a", "books/well.ipynb", "--cron", "@daily", "--tenant", "clinic")

    assert (added["zone"], added["next"][11:16]) == ("Europe/Paris", "00:00")
    assert said("schedule", "list") == []


def test_run(project: Path) -> None:
    """A notebook is run with its parameters, and leaves a row, a notebook and a page."""
    done = said("run", "books/well.ipynb", "-p", "count=3", "-p", "name=Maria")

    assert (done["state"], done["by"], done["error"]) == ("done", "hand", None)
    assert "4 Maria False [] 0.5 default" in Path(done["page"]).read_text()
    assert project / done["executed"] == project / "data" / "reports" / "default" / f"{done['run']}.ipynb"
    assert [row["run"] for row in said("runs")] == [done["run"]]
    again = CliRunner().invoke(app, ["carry-out", done["run"]])
    assert (again.exit_code, str(again.exception)) == (
        1,
        f"the run '{done['run']}' is not waiting to be carried out: start another.",
    )


@pytest.mark.slow
def test_a_failing_notebook(project: Path) -> None:
    """It ends with exit code 1, and its row says which cell and why."""
    done = CliRunner().invoke(app, ["run", "books/fails.ipynb", "--json"])
    row = json.loads(done.output)

    assert (done.exit_code, row["state"]) == (1, "failed")
    assert "ZeroDivisionError" in Path(row["page"]).read_text()
    assert row["error"].startswith("cell 3 of fails.ipynb failed (ZeroDivisionError): see ")
    assert Path(row["executed"]).is_file()


def test_a_silent_run_is_not_called_running(project: Path) -> None:
    """In the list a run that gives no sign is said to be silent, even where no service closes it."""
    said("tenant", "list")
    database = open_database("sqlite:///data/opendeep.db")
    begun = datetime.now(UTC) - timedelta(minutes=5)
    runs.start(database, NewRun(run_id="r", tenant_id="default", notebook="n.ipynb"), now=begun)
    assert runs.runs_of(database, "default")[0].state is RunState.RUNNING
    database.close()

    assert said("runs")[0]["state"].startswith("running, but silent for 30")


@pytest.mark.slow
def test_a_notebook_without_a_tenant_is_not_run_for_one(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would show the default tenant's calls in another's report: it is refused, now and when it is due."""
    said("tenant", "add", "clinic")
    book = nbformat.read(project / "books" / "well.ipynb", as_version=4)
    book.cells[0].source = PARAMETERS.replace("tenant: str", "whom: str")
    book.cells[1].source = "print(data_dir)"
    nbformat.write(book, project / "books" / "anybody.ipynb")
    database = open_database("sqlite:///data/opendeep.db")
    late = NewRun(run_id="r", tenant_id="clinic", notebook="books/anybody.ipynb", output_notebook="clinic/r.ipynb")
    runs.start(database, late, now=datetime.now(UTC))

    code, told = wrong(capsys, monkeypatch, "run", "books/anybody.ipynb", "--tenant", "clinic")
    ended = CliRunner().invoke(app, ["carry-out", "r", "--tenant", "clinic"])
    (row,) = runs.runs_of(database, "clinic")
    database.close()

    assert (code, ended.exit_code, row.state) == (2, 1, RunState.FAILED)
    assert told.startswith("opendeep: books/anybody.ipynb has no parameter 'tenant' and cannot run for 'clinic': add ")
    assert "has no parameter 'tenant'" in row.error
    assert said("run", "books/anybody.ipynb")["state"] == "done"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "books/none.ipynb"], "opendeep: there is no notebook books/none.ipynb: check the path."),
        (["run", "books/well.ipynb", "-p", "cuont=3"], "opendeep: books/well.ipynb has no parameter 'cuont': its "),
        (["run", "books/well.ipynb", "-p", "count=three"], "opendeep: the parameter 'count' is int, and 'three' is "),
        (["run", "books/well.ipynb", "-p", "is_loud=maybe"], "opendeep: the parameter 'is_loud' is bool, and 'maybe'"),
        (["run", "books/well.ipynb", "-p", "share=much"], "opendeep: the parameter 'share' is float, and 'much' is"),
        (["run", "books/well.ipynb", "-p", "where={"], "opendeep: the parameter 'where' is list, and '{' is not"),
        (["run", "books/well.ipynb", "-p", "count"], "opendeep: 'count' is not a parameter: write it as NAME=VALUE."),
        (["run", "books/well.ipynb", "-p", "tenant=other"], "opendeep: a run for 'default' cannot show another"),
        (["run", "books/well.ipynb", "--tenant", "no"], "opendeep: there is no tenant 'no'"),
        (["schedule", "add", "a", "books/none.ipynb", "--cron", "@daily"], "opendeep: there is no notebook books/none"),
        (["schedule", "add", "a", "books/well.ipynb", "--cron", "@daily", "-p", "x=1"], "opendeep: books/well.ipynb h"),
        (["schedule", "add", "a", "books/well.ipynb", "--cron", "0 0 30 2 *"], "opendeep: '0 0 30 2 *' never occurs"),
        (["schedule", "add", "a", "books/well.ipynb", "--cron", "often"], "opendeep: 'often' is not a schedule"),
        (
            ["schedule", "add", "a", "books/well.ipynb", "--cron", "@daily", "--zone", "Moon"],
            "opendeep: 'Moon' is no t",
        ),
        (["schedule", "add", "A b", "books/well.ipynb", "--cron", "@daily"], "opendeep: 'A b' is not a valid sched"),
        (["schedule", "pause", "none"], "opendeep: there is no schedule 'none': run `opendeep schedule list`."),
    ],
)
def test_what_is_wrong_is_one_sentence(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    """Exit code 2, one sentence, and nothing was written."""
    code, told = wrong(capsys, monkeypatch, *words)

    assert (code, told.startswith(sentence), told.count("\n")) == (2, True, 0), told
    assert (said("runs"), said("schedule", "list")) == ([], [])

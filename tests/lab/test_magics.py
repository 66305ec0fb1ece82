"""The magics in a real IPython shell."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import opendeep_kit
from opendeep_kit.lab.past_calls import PastCalls
from opendeep_kit.tasks.script import CallScript
from tests import past as sample

TEXT = (Path(__file__).parents[2] / "notebooks" / "scripts" / "satisfaction_survey.md").read_text()


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell with the extension loaded."""
    made = InteractiveShell(history_manager=None)
    opendeep_kit.load_ipython_extension(made)
    yield made
    made.reset(new_session=False)


@pytest.fixture
def past(tmp_path: Path, shell: InteractiveShell) -> Iterator[PastCalls]:
    """Six calls, held by the notebook."""
    sample.fill(tmp_path)
    with PastCalls.open(tmp_path) as opened:
        shell.user_ns["past"] = opened
        yield opened


def test_a_script_is_kept_under_its_name(shell: InteractiveShell) -> None:
    """The cell's script is checked, kept and shown."""
    shown = shell.run_cell_magic("call_script", "survey", TEXT)

    assert isinstance(shown, CallScript)
    assert shell.user_ns["survey"] is shown
    assert shown.name == "satisfaction-survey"


def test_a_mistake_is_one_line(shell: InteractiveShell) -> None:
    """A script that is none is told in one sentence, and nothing is kept."""
    with pytest.raises(UsageError, match="this cell: the opening does not tell the callee that an AI is speaking"):
        shell.run_cell_magic("call_script", "survey", TEXT.replace("{disclosure}", ""))

    assert "survey" not in shell.user_ns


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "the following arguments are required: name"),
        ("two words", "unrecognized arguments: words"),
        ("my-script", "'my-script' is no name for a variable"),
        ("survey --rehearse", "expected one argument"),
    ],
)
def test_a_wrong_line(shell: InteractiveShell, line: str, told: str) -> None:
    """What stands beside the magic is checked."""
    with pytest.raises(UsageError, match=told):
        shell.run_cell_magic("call_script", line, TEXT)


def test_rehearsing_needs_a_workbench(shell: InteractiveShell) -> None:
    """Without a workbench the script is kept, and the next step is told."""
    with pytest.raises(UsageError, match=r"say bench = await Workbench.open\(\) first"):
        shell.run_cell_magic("call_script", "survey --rehearse agrees", TEXT)

    assert shell.user_ns["survey"].name == "satisfaction-survey"


def test_sql_gives_a_table(shell: InteractiveShell, past: PastCalls) -> None:
    """A query answers with a DataFrame, as a cell and as a line."""
    cell = shell.run_cell_magic("calls_sql", "", "SELECT count(*) AS n FROM calls")
    line = shell.run_line_magic("calls_sql", "SELECT count(*) AS n FROM calls")

    assert cell["n"].to_list() == line["n"].to_list() == [6]


def test_sql_keeps_a_table(shell: InteractiveShell, past: PastCalls) -> None:
    """`name <<` keeps the answer instead of showing it."""
    assert shell.run_cell_magic("calls_sql", "found <<", "SELECT 1 AS one") is None
    assert shell.run_line_magic("calls_sql", "more << SELECT 2 AS two") is None

    assert shell.user_ns["found"]["one"].to_list() == [1]
    assert shell.user_ns["more"]["two"].to_list() == [2]


def test_sql_takes_the_notebooks_variables(shell: InteractiveShell, past: PastCalls) -> None:
    """`$name` is the notebook's variable, as a value; inside quotes it is text."""
    shell.user_ns["wanted"] = "completed' OR true --"
    query = "SELECT count(*) AS n, '$other' AS text FROM calls WHERE disposition = $wanted"

    assert shell.run_cell_magic("calls_sql", "", query).to_numpy().tolist() == [[0, "$other"]]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT nothing FROM calls", 'column "nothing" not found'),
        ("FROM nowhere", "nowhere does not exist"),
        ("SELECT $unknown", "the notebook has no variable 'unknown'"),
        ("  ", "there is no query"),
    ],
)
def test_a_wrong_query(shell: InteractiveShell, past: PastCalls, query: str, told: str) -> None:
    """What is wrong with a query is told without a traceback."""
    with pytest.raises(UsageError, match=f"(?i){told}"):
        shell.run_cell_magic("calls_sql", "", query)


def test_sql_sees_what_is_new(shell: InteractiveShell, tmp_path: Path) -> None:
    """Every query pulls what came since the last one."""
    with PastCalls.open(tmp_path) as shell.user_ns["past"]:
        assert shell.run_line_magic("calls_sql", "SELECT count(*) AS n FROM calls")["n"].to_list() == [0]
        sample.fill(tmp_path)
        assert shell.run_line_magic("calls_sql", "SELECT count(*) AS n FROM calls")["n"].to_list() == [6]

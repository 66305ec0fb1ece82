"""A rehearsal beside the one before it."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from opendeep_kit.commands.rehearsed_before import print_difference
from opendeep_kit.config import load_settings
from opendeep_kit.engine.by_hand import CallOutcome
from opendeep_kit.insight.analysis import summarise
from tests import past as sample
from tests.record import recorded

AGREES = "+12125550101"


@pytest.fixture
def printed() -> Console:
    """What is printed, without colours."""
    return Console(record=True, width=110, file=io.StringIO(), highlight=False)


def outcome(which: int) -> CallOutcome:
    """A recorded call as one that is over now."""
    happened = recorded.recorded()[which]
    summary = summarise(happened, recorded.QUESTIONS)
    return CallOutcome(call_id=happened[0].call_id, summary=summary, events=happened, recording=None)


def test_another_version_is_laid_beside_it(tmp_path: Path, printed: Console) -> None:
    """The last call of another version to the same persona is compared: figures, and the words that differ."""
    sample.fill(tmp_path)
    settings = load_settings(data_dir=tmp_path)

    assert print_difference(printed, settings, outcome(recorded.OPTED_OUT), script="confirm", version=2, number=AGREES)

    told = printed.export_text()
    assert "version 2 beside the last call of version 1" in told
    assert "completed" in told
    assert "do_not_call" in told
    assert "+ callee Please never call me again." in told


def test_there_is_nothing_to_compare(tmp_path: Path, printed: Console) -> None:
    """The same version, another script and another persona are not compared."""
    sample.fill(tmp_path)
    settings = load_settings(data_dir=tmp_path)

    for script, version, number in (("confirm", 1, AGREES), ("other", 2, AGREES), ("confirm", 2, "+12125550120")):
        assert not print_difference(printed, settings, outcome(0), script=script, version=version, number=number)
    assert printed.export_text() == ""

"""`opendeep asterisk`: what each command prints and leaves behind."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opendeep_kit.asterisk.exchange import configured
from opendeep_kit.asterisk.program import AsteriskProgram
from opendeep_kit.commands.asterisk import asterisk_app
from opendeep_kit.errors import Unavailable


@pytest.fixture
def run_dir(asterisk_program: AsteriskProgram, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short folder for the instances, and the shared installation."""
    monkeypatch.setenv("OPENDEEP_ASTERISK__FOLDER", str(asterisk_program.modules_dir.parents[1]))
    with tempfile.TemporaryDirectory(prefix="od-", dir="/tmp") as folder:
        monkeypatch.setenv("OPENDEEP_DATA_DIR", folder)
        yield Path(folder) / "asterisk"


def said(*words: str) -> str:
    """What a command prints."""
    return CliRunner().invoke(asterisk_app, words, catch_exceptions=False).output


def test_start_status_cli_stop(run_dir: Path) -> None:
    """Both instances go on after `start`, can be spoken with, and end with `stop`."""
    try:
        assert said("start").count(" running, pid ") == 2
        with pytest.raises(Unavailable, match=r"Asterisk is already running .*: run `opendeep asterisk stop` first"):
            said("start")
        assert said("status").count("0 active calls") == 2
        assert said("status", "--data", str(run_dir / "other")).startswith("no Asterisk is configured")
        assert "opendeep-trunk" in said("cli", "pjsip", "show", "endpoints")
    finally:
        stopped = said("stop")

    assert stopped == "line: stopped\ncallees: stopped\n"
    assert [instance.pid for instance in configured(run_dir)] == [None, None]


def test_status_without_an_instance(run_dir: Path) -> None:
    """Nothing configured is said, with the next step."""
    assert said("status") == "no Asterisk is configured yet: run `opendeep asterisk start`\n"


def test_stop_twice(run_dir: Path) -> None:
    """Stopping what does not run is no error."""
    assert said("stop") == ""


def test_install_is_there_already(run_dir: Path) -> None:
    """A second installation only says where it is."""
    assert said("install").startswith("Asterisk ")

"""Commands where the record or the queue cannot be written: one sentence that says what to do, and exit code 1."""

import subprocess
import sys
from pathlib import Path

import pytest

from opendeep_kit.config import Settings, service_environment
from opendeep_kit.record.database import open_database
from tests.service_rig import settings_for
from tests.small_disk import small_disk


def opendeep(settings: Settings, *words: str) -> tuple[int, str]:
    """Exit code and what it says of its failure."""
    done = subprocess.run(
        [sys.executable, "-m", "opendeep_kit.cli", *words],
        env=service_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.strip()


@pytest.mark.parametrize(
    "words", [("up", "--line", "simulator"), ("campaign", "list"), ("campaign", "start", "x"), ("status",)]
)
def test_a_read_only_record(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Neither the service nor a command begins anything."""
    with small_disk(tmp_path / "disk", megabytes=8) as disk:
        settings = settings_for(disk.folder / "data")
        open_database(settings.store_url).close()
        with disk.read_only():
            code, said = opendeep(settings, *words)

    assert (code, said.count("\n")) == (1, 0)
    assert said.startswith("opendeep: the database ")
    assert "check that it is a file and that this user may read and write it and its folder" in said


@pytest.mark.slow
@pytest.mark.parametrize("is_full", [True, False], ids=["full", "read-only"])
def test_a_queue_that_cannot_be_written(tmp_path: Path, is_full: bool) -> None:
    """A control process says so before it plans anything, and does not name the queue's URL."""
    with small_disk(tmp_path / "disk", megabytes=1) as disk:
        settings = settings_for(tmp_path / "data", durable_url=f"sqlite:///{disk.folder}/queue.db")
        if is_full:
            disk.fill()
            code, said = opendeep(settings, "control", "--line", "simulator")
        else:
            with disk.read_only():
                code, said = opendeep(settings, "control", "--line", "simulator")

    assert code == 1
    assert said.splitlines()[-1].startswith("opendeep: the database of the durable queue cannot ")
    assert "Traceback" not in said

"""Scheduled notebooks: real processes, a tiny notebook, one run whatever happens."""

import asyncio
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest

from opendeep_kit.app import with_voice
from opendeep_kit.engine import schedules as module
from opendeep_kit.engine.schedules import Schedules, new_run, what_became_of
from opendeep_kit.record import runs
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.record.runs import Run, RunState, Schedule
from opendeep_kit.rehearsal.host import Addresses
from tests.service_rig import TENANT, new_tenant, now, settings_for, until

PARAMETERS = "count: int = 1  # how many\ntenant: str = 'nobody'  # for whom\nown_service: bool = True  # of its own"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A record with one tenant."""
    opened = open_database(settings_for(tmp_path).store_url)
    new_tenant(opened)
    yield opened
    opened.close()


def schedules(folder: Path, database: Database) -> Schedules:
    """Those of one control process."""
    return Schedules(settings_for(folder), database)


def notebook(folder: Path, *cells: str) -> Path:
    """A small notebook."""
    first = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    book = nbformat.v4.new_notebook(cells=[first, *(nbformat.v4.new_code_cell(cell) for cell in cells)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, folder / "small.ipynb")
    return folder / "small.ipynb"


def due(database: Database, path: Path, name: str = "hourly", **more: Any) -> None:
    """A schedule whose time came three days ago."""
    row = {"cron": "0 * * * *", "time_zone": "UTC", "next_run_at": now() - timedelta(days=3)} | more
    made = Schedule(tenant_id=TENANT, schedule_id=name, notebook=str(path), **row)
    runs.save_schedule(database, made, now=now())


def only_run(database: Database) -> Run:
    """The one run that there is."""
    (found,) = runs.runs_of(database, TENANT)
    return found


async def over(database: Database) -> Run:
    """The one run, once it is over."""
    await until(lambda: only_run(database).state is not RunState.RUNNING, within_s=60)
    return only_run(database)


@pytest.mark.slow
async def test_a_due_notebook_is_run_once_for_all_missed_times(tmp_path: Path, database: Database) -> None:
    """Three days of missed hours are one run; it gets its parameters, its tenant and no service of its own; its
    notebook and page are kept, and the next time is ahead.
    """
    due(database, notebook(tmp_path, "print(count * 21, tenant, own_service)"), parameters={"count": 2})
    running = schedules(tmp_path, database)
    await running.look()
    await running.look()
    run = await over(database)
    await running.stop()

    assert (run.state, run.error, run.schedule_id) == (RunState.DONE, "", "hourly")
    assert "42 clinic False" in (settings_for(tmp_path).reports_dir / run.output_html).read_text()
    executed = nbformat.read(settings_for(tmp_path).reports_dir / run.output_notebook, as_version=4)
    assert executed.cells[2].outputs[0].text == "42 clinic False\n"
    (kept,) = runs.schedules_of(database, TENANT)
    assert kept.next_run_at is not None
    assert timedelta(0) < kept.next_run_at - now() <= timedelta(hours=1)


async def test_a_killed_run_is_closed_and_the_next_one_begins(tmp_path: Path, database: Database) -> None:
    """The row of a process that was killed says so at once, what it had done is kept, and its schedule goes on."""
    path = notebook(
        tmp_path,
        "import os, pathlib",
        "pathlib.Path('pid').write_text(str(os.getppid()))",
        "import time; time.sleep(60)",
    )
    due(database, path)
    running = schedules(tmp_path, database)
    await running.look()
    await until((tmp_path / "pid").is_file, within_s=60)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    run = await over(database)

    report = nbformat.read(settings_for(tmp_path).reports_dir / run.output_notebook, as_version=4)
    assert [cell.execution_count for cell in report.cells[:3]] == [1, 2, 3]
    assert report.cells[-1].execution_count is None
    assert (run.state, run.error) == (RunState.KILLED, "its process was killed (SIGKILL)")
    due(database, path)
    await running.look()
    assert [one.state for one in runs.runs_of(database, TENANT)] == [RunState.RUNNING, RunState.KILLED]
    await running.stop()


async def test_two_control_processes_start_one_run(tmp_path: Path, database: Database) -> None:
    """Whoever looks first starts it; a service that stops says so in the row, and leaves no process."""
    due(database, notebook(tmp_path, "import time; time.sleep(60)"))
    both = [schedules(tmp_path, database) for _ in range(2)]
    await asyncio.gather(*(one.look() for one in both))
    assert only_run(database).state is RunState.RUNNING
    await asyncio.gather(*(one.stop() for one in both))

    run = only_run(database)
    assert (run.state, run.error) == (RunState.KILLED, "the service was stopped while it ran")


@pytest.mark.slow
async def test_a_missing_notebook_is_told_in_the_row(tmp_path: Path, database: Database) -> None:
    """A notebook that was there when it was scheduled and is gone fails its run with a sentence."""
    due(database, tmp_path / "gone.ipynb")
    running = schedules(tmp_path, database)
    await running.look()
    run = await over(database)
    await running.stop()

    assert run.state is RunState.FAILED
    assert run.error == f"there is no notebook {tmp_path / 'gone.ipynb'}: check the path."


async def test_no_more_notebooks_at_a_time_than_fit(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With as many running as may, what is due waits; the longest overdue goes first."""
    monkeypatch.setattr(module, "MOST_AT_ONCE", 1)
    path = notebook(tmp_path, "import time; time.sleep(60)")
    due(database, path, "later", next_run_at=now() - timedelta(hours=1))
    due(database, path, "sooner", next_run_at=now() - timedelta(hours=2))
    running = schedules(tmp_path, database)
    await running.look()
    await running.look()
    await running.stop()

    assert only_run(database).schedule_id == "sooner"


async def test_a_silent_run_is_closed(tmp_path: Path, database: Database) -> None:
    """A run of whichever process that gave no sign for half a minute is closed; one that did goes on."""
    silent = new_run(TENANT, "small.ipynb", {}, name="by hand", at=now())
    alive = new_run(TENANT, "small.ipynb", {}, name="by hand", at=now())
    runs.start(database, silent, now=now() - timedelta(seconds=31))
    runs.start(database, alive, now=now() - timedelta(seconds=20))
    await schedules(tmp_path, database).look()

    found = {one.run_id: (one.state, one.error) for one in runs.runs_of(database, TENANT)}
    assert found[silent.run_id] == (RunState.KILLED, "it gave no sign for 30 s")
    assert found[alive.run_id] == (RunState.RUNNING, "")


async def test_a_schedule_that_cannot_be_read_ends_with_a_reason(tmp_path: Path, database: Database) -> None:
    """A time that never comes again, in a row that was written otherwise, is told once and not tried for ever."""
    due(database, notebook(tmp_path, "1"), cron="0 0 30 2 *")
    running = schedules(tmp_path, database)
    await running.look()
    await running.look()

    run = only_run(database)
    assert (run.state, run.error[:49]) == (RunState.FAILED, "it is not run again: '0 0 30 2 *' never occurs: c")
    assert [one.next_run_at for one in runs.schedules_of(database, TENANT)] == [None]


def test_names_of_runs_and_what_became_of_them() -> None:
    """A run is named after its tenant, its schedule and its time; a status that says nothing is put in words."""
    at = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
    run = new_run("clinic", "n.ipynb", {}, name="../Über nacht", at=at)

    assert run.run_id[:-6] == "clinic_ber-nacht_20261201T090000Z_"
    assert (run.output_notebook, run.output_html) == (f"clinic/{run.run_id}.ipynb", f"clinic/{run.run_id}.html")
    assert what_became_of(-9) == (RunState.KILLED, "its process was killed (SIGKILL)")
    assert what_became_of(3) == (RunState.FAILED, "its process ended with status 3 before it said why")


@pytest.mark.parametrize(("provider", "address"), [("local", None), ("realtime", "http://127.0.0.1:7001/v1")])
def test_notebook_simulates_for_itself(tmp_path: Path, provider: Any, address: str | None) -> None:
    """The service has filled in its voice model's address and ports: a Workbench takes others, an own model stays."""
    settings = settings_for(tmp_path)
    voice = settings.voice.model_copy(update={"provider": provider, "base_url": "http://127.0.0.1:7001/v1"})
    rehearsal = settings.rehearsal.model_copy(update={"realtime_port": 7001, "callees_port": 7002})
    given = module._from_any_folder(settings.model_copy(update={"voice": voice, "rehearsal": rehearsal}))
    own = Addresses(realtime_url="http://127.0.0.1:7003/v1", callees_host="127.0.0.1", callees_port=7004)

    assert (given.rehearsal.realtime_port, given.rehearsal.callees_port) == (0, 0)
    assert given.voice.base_url == address
    assert with_voice(given, own).voice.base_url == (address or own.realtime_url)

"""Notebook runs and their schedules."""

from dataclasses import replace
from datetime import timedelta

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.record import runs
from opendeep_kit.record.database import Database
from opendeep_kit.record.runs import NewRun, RunState, Schedule
from tests.record.campaigning import race
from tests.record.conftest import NOON, SOON

RUN = NewRun(
    run_id="run-1",
    tenant_id="clinic",
    notebook="notebooks/campaign.ipynb",
    parameters={"limit": 5, "script": "remind"},
    output_notebook="clinic/run-1.ipynb",
    output_html="clinic/run-1.html",
)
DAILY = Schedule(
    tenant_id="clinic",
    schedule_id="daily",
    cron="0 9 * * 1-5",
    time_zone="Europe/Lisbon",
    notebook="notebooks/campaign.ipynb",
    parameters={"limit": 5},
    next_run_at=NOON,
)
STARTER = """
import sys
from dataclasses import replace
from tests.record.test_runs import NOON, RUN, SOON, runs
from opendeep_kit.record.database import open_database
database = open_database(sys.argv[1])
due = {schedule.schedule_id: schedule for schedule in runs.due_schedules(database, now=NOON)}
print("ready", flush=True)
for line in sys.stdin:
    run = replace(RUN, run_id=f"{line.strip()}-{sys.argv[2]}")
    print(int(runs.start_due(database, due[line.strip()], run, next_run_at=SOON, now=NOON)), flush=True)
"""


def test_a_run_is_started_once(database: Database) -> None:
    """The same run is begun by whoever comes first; it is read as it was begun."""
    assert [runs.start(database, RUN, now=NOON) for _ in range(2)] == [True, False]

    run = runs.run(database, "clinic", "run-1")
    assert run is not None
    assert (run.parameters, run.output_html) == ({"limit": 5, "script": "remind"}, "clinic/run-1.html")
    assert (run.state, run.started_at, run.heartbeat_at, run.ended_at) == (RunState.RUNNING, NOON, NOON, None)
    assert runs.run(database, "garage", "run-1") is None
    with pytest.raises(BadInput, match="refers to one that does not"):
        runs.start(database, replace(RUN, run_id="run-2", tenant_id="nobody"), now=NOON)


def test_the_first_end_stays(database: Database) -> None:
    """A run ends once; afterwards its heartbeat is told to stop."""
    runs.start(database, RUN, now=NOON)
    assert runs.beat(database, "clinic", "run-1", now=NOON)

    failed = runs.finish(database, "clinic", "run-1", RunState.FAILED, error="cell 4 raised KeyError", now=SOON)
    again = runs.finish(database, "clinic", "run-1", RunState.DONE, now=SOON)

    assert (failed, again, runs.beat(database, "clinic", "run-1", now=SOON)) == (True, False, False)
    run = runs.run(database, "clinic", "run-1")
    assert run is not None
    assert (run.state, run.error, run.ended_at) == (RunState.FAILED, "cell 4 raised KeyError", SOON)


def test_a_silent_run_is_closed(database: Database) -> None:
    """A run without a sign is closed as killed and told; one that gave a sign goes on."""
    runs.start(database, RUN, now=NOON)
    runs.start(database, replace(RUN, run_id="run-2"), now=NOON)
    runs.beat(database, "clinic", "run-2", now=SOON)

    (closed,) = runs.close_silent(database, now=SOON, silent_s=60)

    assert (closed.run_id, closed.state, closed.error) == ("run-1", RunState.KILLED, "it gave no sign for 60 s")
    assert runs.close_silent(database, now=SOON, silent_s=60) == []
    assert not runs.beat(database, "clinic", "run-1", now=SOON)


def test_a_schedule_is_read_as_saved_and_may_change(database: Database) -> None:
    """Saving again changes what is set; when it ran last stays."""
    runs.save_schedule(database, DAILY, now=NOON)
    runs.start_due(database, DAILY, RUN, next_run_at=SOON, now=NOON)
    changed = replace(DAILY, cron="0 10 * * *", next_run_at=SOON)

    runs.save_schedule(database, changed, now=SOON)

    assert runs.schedules_of(database, "clinic") == [replace(changed, last_run_at=NOON)]
    assert runs.schedules_of(database, "garage") == []


def test_due_are_those_whose_time_has_come(database: Database) -> None:
    """Paused ones, later ones and those that never run are not due; the longest overdue comes first."""
    early = NOON - timedelta(hours=1)
    for name, more in (
        ("daily", {}),
        ("early", {"next_run_at": early}),
        ("paused", {"is_paused": True}),
        ("never", {"next_run_at": None}),
        ("later", {"next_run_at": SOON}),
    ):
        runs.save_schedule(database, replace(DAILY, schedule_id=name, **more), now=NOON)  # type: ignore[arg-type]

    assert [one.schedule_id for one in runs.due_schedules(database, now=NOON)] == ["early", "daily"]


def test_of_two_processes_one_starts_the_scheduled_run(database: Database, url: str) -> None:
    """Two processes that find the same schedules due begin one run of each, and set its next time."""
    names = [f"daily-{place}" for place in range(10)]
    for name in names:
        runs.save_schedule(database, replace(DAILY, schedule_id=name), now=NOON)

    printed = race(STARTER, url, names)

    assert [int(one) + int(other) for one, other in zip(*printed, strict=True)] == [1] * 10
    begun = runs.runs_of(database, "clinic")
    assert sorted(str(run.schedule_id) for run in begun) == names
    assert {run.due_at for run in begun} == {NOON}
    assert runs.due_schedules(database, now=NOON) == []
    assert [one.next_run_at for one in runs.schedules_of(database, "clinic")] == [SOON] * 10


def test_a_schedule_waits_for_its_last_run(database: Database) -> None:
    """Due again while its run goes on, it is not listed; once that is over it is."""
    runs.save_schedule(database, DAILY, now=NOON)
    runs.start_due(database, DAILY, RUN, next_run_at=NOON + timedelta(seconds=1), now=NOON)
    during = runs.due_schedules(database, now=SOON)
    runs.finish(database, "clinic", "run-1", RunState.DONE, now=SOON)

    assert during == []
    assert [one.schedule_id for one in runs.due_schedules(database, now=SOON)] == ["daily"]


def test_a_removed_schedule_leaves_its_runs(database: Database) -> None:
    """It is gone, and another tenant's of the same name is not; what it started is still listed."""
    for tenant in ("clinic", "garage"):
        runs.save_schedule(database, replace(DAILY, tenant_id=tenant), now=NOON)
    runs.start_due(database, DAILY, RUN, next_run_at=SOON, now=NOON)

    removed = [runs.remove_schedule(database, "clinic", "daily", now=SOON) for _ in range(2)]

    assert removed == [True, False]
    assert runs.schedule(database, "clinic", "daily") is None
    assert runs.schedule(database, "garage", "daily") == replace(DAILY, tenant_id="garage")
    assert [(one.run_id, one.schedule_id) for one in runs.runs_of(database, "clinic")] == [("run-1", None)]


def test_runs_are_listed_newest_first(database: Database) -> None:
    """A tenant's runs come newest first, by schedule when asked."""
    runs.save_schedule(database, DAILY, now=NOON)
    runs.start(database, RUN, now=NOON)
    runs.start_due(database, DAILY, replace(RUN, run_id="run-2"), next_run_at=None, now=SOON)

    assert [run.run_id for run in runs.runs_of(database, "clinic")] == ["run-2", "run-1"]
    assert [run.run_id for run in runs.runs_of(database, "clinic", schedule_id="daily")] == ["run-2"]
    assert runs.runs_of(database, "garage") == []

"""Events: in order, never waited for, never lost without a trace."""

import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event as hooks
from sqlalchemy import select

from opendeep_kit import events
from opendeep_kit.errors import Unavailable
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.record.event_log import EXPENDABLE, KEPT, WRITERS_TURN, EventLog
from opendeep_kit.record.tables import call_events

CALL = "5b2c1a52-0e11-4a53-9c9c-6f3f0a6f1d11"
OTHER = "9d7de7e0-7a51-4c05-8a5f-6f0fd9f9f9aa"
WRITER = """
import sys
from opendeep_kit import events
from opendeep_kit.record.database import open_database
from opendeep_kit.record.event_log import EventLog
log = EventLog(open_database(sys.argv[1]))
at = 0
while True:
    for _ in range(37):
        log.append(events.CalleeSaid(call_id=sys.argv[2], at_ms=at, item_id="i", text="yes " * 50), "clinic")
        at += 1
    log.flush()
    print(at, flush=True)
"""


def said(at_ms: float, call_id: str = CALL, text: str = "yes") -> events.CalleeSaid:
    """The callee said something."""
    return events.CalleeSaid(call_id=call_id, at_ms=at_ms, item_id="i", text=text)


def noise(at_ms: float) -> events.CalleeSoundStarted:
    """A detector's note."""
    return events.CalleeSoundStarted(call_id=CALL, at_ms=at_ms)


def ended(at_ms: float) -> events.CallEnded:
    """The end of the call."""
    return events.CallEnded(
        call_id=CALL, at_ms=at_ms, phone_result=PhoneResult.ANSWERED, ended_by=EndedBy.CALLEE, detail="hung up"
    )


@pytest.fixture
def make_log(database: Database) -> Iterator[Callable[..., EventLog]]:
    """Makes logs and closes them."""
    made: list[EventLog] = []

    def make(**options: int) -> EventLog:
        made.append(EventLog(database, **options))
        return made[-1]

    yield make
    for log in made:
        log.close()


@pytest.fixture
def held(sqlite_url: str) -> Iterator[tuple[Database, sqlite3.Connection]]:
    """A record that another process holds locked, until its transaction is rolled back."""
    database = open_database(sqlite_url, busy_timeout_s=0)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield database, other
    other.close()
    database.close()


def seqs(database: Database, call_id: str = CALL) -> list[int]:
    """The places of a call's events."""
    query = select(call_events.c.seq).where(call_events.c.call_id == call_id).order_by(call_events.c.row_id)
    with database.read() as connection:
        return list(connection.scalars(query))


def test_a_thousand_events_in_order(make_log: Callable[..., EventLog], database: Database) -> None:
    """What is appended is read back, in the same order, call by call."""
    log = make_log()
    given = [said(at, CALL if at % 3 else OTHER, f"word {at}") for at in range(1000)]

    for event in given:
        log.append(event, "clinic")

    assert log.flush()
    assert log.read("clinic", CALL) == [event for event in given if event.call_id == CALL]
    assert log.read("clinic", OTHER) == [event for event in given if event.call_id == OTHER]
    assert seqs(database, OTHER) == list(range(1, 335))
    assert log.dropped.total() == log.lost("clinic", CALL) == 0


def test_every_field_survives(make_log: Callable[..., EventLog]) -> None:
    """Text of any script, enums and fractions come back as they were."""
    log = make_log()
    given = [said(0.1 + 0.2, text="Olá, 你好 \x00 \"'; DROP"), ended(1e7 + 0.125)]

    for event in given:
        log.append(event, "clinic")

    assert log.flush()
    assert log.read("clinic", CALL) == given


def test_another_tenant_reads_nothing(make_log: Callable[..., EventLog]) -> None:
    """A call's events are read with its tenant's name only."""
    log = make_log()
    log.append(said(0), "clinic")

    assert log.flush()
    assert log.read("garage", CALL) == []


def test_order_goes_on_in_another_log(make_log: Callable[..., EventLog], database: Database) -> None:
    """A second process, such as the one that judges a call, continues the same list."""
    for at in range(3):
        log = make_log()
        log.append(said(at), "clinic")
        assert log.flush()

    assert seqs(database) == [1, 2, 3]
    assert [event.at_ms for event in log.read("clinic", CALL)] == [0, 1, 2]


def test_logs_side_by_side_number_without_gap(make_log: Callable[..., EventLog], database: Database) -> None:
    """Writers of the same call at the same time give every event a place of its own."""
    logs = [make_log() for _ in range(3)]
    writing = [
        threading.Thread(target=lambda log=log: [log.append(said(at), "clinic") for at in range(50)]) for log in logs
    ]

    for thread in writing:
        thread.start()
    for thread in writing:
        thread.join()

    assert all(log.flush() for log in logs)
    assert seqs(database) == list(range(1, 151))


def test_row_ids_grow_in_the_order_of_commits(make_log: Callable[..., EventLog], database: Database) -> None:
    """While another writer's transaction is open nothing is numbered: who follows `row_id` misses no row."""
    log = make_log()

    with database.write() as connection:
        database.in_turn(connection, WRITERS_TURN)
        log.append(said(0), "clinic")
        assert not log.flush(timeout_s=0.3)

    assert log.flush()
    assert seqs(database) == [1]


def test_locked_record_is_waited_for(held: tuple[Database, sqlite3.Connection]) -> None:
    """While the record cannot be written, events wait in memory, the failure shows, and later all are written."""
    database, other = held
    log = EventLog(database)
    for at in range(10):
        log.append(said(at), "clinic")

    assert not log.flush(timeout_s=0.3)
    assert "is locked by another process" in log.failure
    assert log.read("clinic", CALL) == []

    other.execute("ROLLBACK")
    assert log.flush()
    assert log.failure == ""
    assert len(log.read("clinic", CALL)) == 10
    log.close()


def test_full_disk_is_waited_for(sqlite_url: str) -> None:
    """A full disk costs nothing that fits into memory."""
    database = open_database(sqlite_url)
    pages = [40]
    hooks.listen(
        database.engine, "checkout", lambda raw, *_: raw.execute(f"PRAGMA max_page_count = {pages[0]}").close()
    )
    log = EventLog(database)
    for at in range(300):
        log.append(said(at, text="long " * 100), "clinic")

    assert not log.flush(timeout_s=0.3)
    assert "the disk is full: free disk space" in log.failure

    pages[0] = 1_000_000
    assert log.flush()
    assert [event.at_ms for event in log.read("clinic", CALL)] == list(range(300))
    log.close()
    database.close()


def test_drop_policy(held: tuple[Database, sqlite3.Connection]) -> None:
    """At the bound the detectors' notes go first, then other events, never the call's end; the gap stays visible."""
    database, other = held
    log = EventLog(database, capacity=8)
    given = [*(said(at) for at in range(6)), noise(6), said(7), said(8), said(9), ended(10), said(11)]

    for event in given:
        log.append(event, "clinic")

    other.execute("ROLLBACK")
    assert log.flush()
    assert log.dropped == {"CalleeSoundStarted": 1, "CalleeSaid": 2}
    assert [event.at_ms for event in log.read("clinic", CALL)] == [0, 1, 2, 3, 4, 5, 7, 8, 10]
    assert seqs(database) == [1, 2, 3, 4, 5, 6, 8, 9, 11]
    assert log.lost("clinic", CALL) == 2
    log.close()


def test_policy_names_real_events() -> None:
    """What may go first and what must stay have nothing in common, and the end of a call stays."""
    assert not EXPENDABLE & KEPT
    assert events.CallEnded in KEPT


@pytest.mark.parametrize(
    ("bad", "tenant"),
    [(said(1, text="\ud800"), "clinic"), (said(float("nan")), "clinic"), (said(1), None)],
    ids=["half a surrogate", "no time", "no tenant"],
)
def test_an_event_no_database_takes_holds_up_nobody(
    make_log: Callable[..., EventLog], database: Database, bad: events.Event, tenant: str
) -> None:
    """One event that cannot be written is dropped and counted; those around it are kept."""
    log = make_log()

    log.append(said(0), "clinic")
    log.append(bad, tenant)
    log.append(said(2), "clinic")

    assert log.flush()
    assert [event.at_ms for event in log.read("clinic", CALL)] == [0, 2]
    assert (log.dropped, seqs(database), log.lost("clinic", CALL)) == ({"CalleeSaid": 1}, [1, 3], 1)


def test_close_writes_the_rest(database: Database) -> None:
    """Closing writes what waits; what comes later is dropped and counted, and nothing is raised."""
    log = EventLog(database)
    for at in range(600):
        log.append(said(at), "clinic")

    log.close()
    log.append(ended(600), "clinic")

    assert len(log.read("clinic", CALL)) == 600
    assert log.dropped == {"CallEnded": 1}
    log.close()


def test_close_tells_what_was_lost(held: tuple[Database, sqlite3.Connection]) -> None:
    """When the record cannot be written to the very end, the number of lost events is told."""
    database, _ = held
    log = EventLog(database)
    for at in range(700):
        log.append(said(at), "clinic")

    with pytest.raises(Unavailable, match=r"^700 events were not recorded .*locked"):
        log.close(timeout_s=0.3)


def test_log_lines_name_nobody(held: tuple[Database, sqlite3.Connection], capfd: pytest.CaptureFixture[str]) -> None:
    """A failing record is logged without what was said."""
    database, other = held
    log = EventLog(database)
    log.append(said(0, text="my name is Ann"), "clinic")
    log.append(said(1, text="Ann \ud800"), "clinic")
    log.flush(timeout_s=0.3)
    other.execute("ROLLBACK")
    log.close()

    told = "".join(capfd.readouterr())
    assert "the record cannot be written" in told
    assert "is dropped" in told
    assert "Ann" not in told


@pytest.mark.parametrize("kills", [3])
def test_a_killed_writer_leaves_a_prefix(sqlite_url: str, kills: int) -> None:
    """Killed in the middle of writing, a process leaves a sound database with the first events, none missing."""
    database = open_database(sqlite_url)
    for call_id in (str(uuid.uuid4()) for _ in range(kills)):
        process = subprocess.Popen([sys.executable, "-c", WRITER, sqlite_url, call_id], stdout=-1, text=True)
        assert process.stdout
        flushed = [int(process.stdout.readline()) for _ in range(5)][-1]
        process.kill()
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL

        log = EventLog(database)
        left = [event.at_ms for event in log.read("clinic", call_id)]
        log.close()
        assert len(left) >= flushed
        assert left == list(range(len(left)))
    assert_sound(Path(sqlite_url.removeprefix("sqlite:///")))
    database.close()


def assert_sound(file: Path) -> None:
    """SQLite finds no damage."""
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()

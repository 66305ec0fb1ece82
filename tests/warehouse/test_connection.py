"""The warehouse: fresh beside a writer, one tenant's, and the same whether days are archived or not."""

import threading
import uuid
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import text

import opendeep_kit
from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.record import calls, directory, event_log
from opendeep_kit.record.database import Database
from opendeep_kit.warehouse import archive as archiving
from opendeep_kit.warehouse import pull
from opendeep_kit.warehouse.archive import archive_days, merge_months, sweep
from opendeep_kit.warehouse.catalogue import documented_views
from opendeep_kit.warehouse.connection import Warehouse, archive_folder, open_warehouse
from tests.record.conftest import NOON
from tests.record.recorded import COMPLETED, INTERRUPTED, expect, permit, place, recorded, renamed, write

DAY = timedelta(days=1)
TODAY = NOON.date()


def rows(opened: Warehouse, query: str) -> list[tuple[Any, ...]]:
    """What a query says."""
    return opened.sql(query).fetchall()


def again(which: int) -> list[Any]:
    """A recorded call that happens once more."""
    return renamed(recorded()[which], str(uuid.uuid4()))


def everything(opened: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all views, in an order of their own."""
    return {view.name: rows(opened, f"FROM {view.name} ORDER BY ALL") for view in documented_views()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the archive lies."""
    return tmp_path / "archive"


@pytest.fixture
def history(database: Database) -> list[str]:
    """One call on each of the last six days of the clinic, and one of the garage's each day."""
    placed = []
    for back in range(6):
        permit(database, "+12125550101", at=NOON - back * DAY)
        permit(database, "+12125550101", at=NOON - back * DAY, tenant_id="garage")
        placed.append(place(database, recorded()[back], at=NOON - back * DAY, campaign="spring"))
        place(database, again(back), at=NOON - back * DAY, tenant_id="garage")
    return placed


@pytest.fixture
def opened(database: Database, url: str, folder: Path) -> Iterator[Warehouse]:
    """The clinic's warehouse, opened before anything happened."""
    with open_warehouse(url, tenant_id="clinic", archive=folder) as empty:
        yield empty


def reopened(url: str, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a reader who comes now sees in all views."""
    with open_warehouse(url, tenant_id="clinic", archive=folder) as fresh:
        return everything(fresh)


# ---- fresh ------------------------------------------------------------------------------------------


def test_refresh_brings_what_is_new(opened: Warehouse, database: Database) -> None:
    """A call's talk grows with its events, and nothing is pulled twice."""
    happened = again(COMPLETED)
    expect(database, happened[0].call_id, at=NOON)
    write(database, happened[:20])

    assert opened.refresh() == 1
    first = rows(opened, "SELECT count(*) FROM turns")
    assert opened.refresh() == 0
    write(database, happened[20:])
    assert opened.refresh() == 1

    assert (first, rows(opened, "SELECT count(*) FROM turns")) == ([(2,)], [(10,)])
    assert rows(opened, "SELECT count(*) FROM staging.events") == [(len(happened),)]
    assert rows(opened, "SELECT state, disposition FROM calls") == [("expected", "completed")]


def test_a_changed_row_replaces_the_old_one(opened: Warehouse, database: Database) -> None:
    """A call that was admitted is one row with its new state, also when its clock ran behind by seconds."""
    call_id = str(uuid.uuid4())
    expect(database, call_id, at=NOON)
    opened.refresh()

    calls.admit_at(database, call_id, "media-1", now=NOON - timedelta(seconds=3))

    assert opened.refresh() == 1
    assert rows(opened, "SELECT call_id, state FROM calls") == [(call_id, "live")]


def test_events_wait_for_their_calls_row(opened: Warehouse, database: Database) -> None:
    """Events that come before their call's row are folded when it comes."""
    happened = again(INTERRUPTED)
    write(database, happened)
    opened.refresh()
    assert rows(opened, "SELECT count(*) FROM barge_ins") == [(0,)]

    expect(database, happened[0].call_id, at=NOON)
    opened.refresh()

    assert rows(opened, "SELECT count(*) FROM barge_ins") == [(2,)]


def test_lists_are_read_again(opened: Warehouse, database: Database) -> None:
    """People put on a list are in the funnel before the first call; a list is counted again only when it is due."""
    people = [Contact(contact_id=str(n), number=f"+1212555010{n}") for n in range(3)]
    directory.save_contacts(database, "clinic", people, campaign="spring", now=NOON)

    opened.refresh()
    soon = rows(opened, "SELECT campaign, contacts, dialled FROM funnel")
    opened.refresh(lists_too=True)

    assert soon == []
    assert rows(opened, "SELECT campaign, contacts, dialled FROM funnel") == [("spring", 3, 0)]


def test_an_unread_result_does_not_hold_up_a_refresh(opened: Warehouse, database: Database) -> None:
    """A query the reader has not read to its end is neither an obstacle nor spoilt."""
    place(database, recorded()[COMPLETED], at=NOON)
    opened.refresh()
    unread = opened.connection.execute("SELECT turn FROM turns ORDER BY turn")
    unread.fetchone()

    place(database, again(COMPLETED), at=NOON)

    assert opened.refresh() == 1
    assert len(unread.fetchall()) == 9


def test_reader_sees_whole_transactions(opened: Warehouse, database: Database) -> None:
    """Beside a busy writer a call never has half of what one transaction wrote."""
    happened = again(COMPLETED)
    expect(database, happened[0].call_id, at=NOON)
    pairs = [happened[n : n + 2] for n in range(0, len(happened), 2)]
    writer = threading.Thread(target=lambda: [write(database, pair) for pair in pairs])
    seen = []
    writer.start()
    while writer.is_alive():
        opened.refresh()
        seen += rows(opened, "SELECT count(*)::INT % 2 FROM staging.events")
    writer.join()
    opened.refresh()

    assert set(seen) == {(0,)}
    assert rows(opened, "SELECT events FROM calls") == [(len(happened),)]


# ---- one tenant's -----------------------------------------------------------------------------------


def test_another_tenants_rows_never_come_in(history: list[str], url: str, folder: Path) -> None:
    """No table of the reader's DuckDB holds a row of another tenant, whatever it asks."""
    with open_warehouse(url, tenant_id="clinic", archive=folder) as mine:
        pulled = rows(mine, "SELECT DISTINCT call_id FROM pulled.calls UNION SELECT call_id FROM pulled.call_events")

        assert {call_id for (call_id,) in pulled} == set(history)


def test_an_unknown_tenant_sees_nothing(history: list[str], url: str, folder: Path) -> None:
    """Every view is empty for a tenant who has no calls."""
    with open_warehouse(url, tenant_id="nobody", archive=folder) as empty:
        assert {name for name, found in everything(empty).items() if found} == set()


# ---- the archive ------------------------------------------------------------------------------------


@pytest.mark.parametrize("delete_rows", [False, True])
def test_archived_days_look_the_same(
    delete_rows: bool, history: list[str], database: Database, url: str, folder: Path
) -> None:
    """Every view says the same before and after, whether the rows stay in the record or not."""
    before = reopened(url, folder)

    spans = archive_days(database, TODAY, folder, now=NOON, delete_rows=delete_rows)

    assert [(span.tenant_id, span.calls) for span in spans] == [("clinic", 5), ("garage", 5)]
    assert reopened(url, folder) == before
    with database.read() as connection:
        kept = connection.scalar(text("SELECT count(*) FROM calls WHERE tenant_id = 'clinic'"))
        left = connection.scalar(text("SELECT count(DISTINCT call_id) FROM call_events WHERE tenant_id = 'clinic'"))
    assert (kept, left) == ((1, 1) if delete_rows else (6, 6))


def test_a_ledgers_archived_rows_are_not_pulled(database: Database, url: str, folder: Path) -> None:
    """A ledger is archived by row: every decision is seen once, those made since from the record."""
    for back in (2, 1):
        permit(database, "+12125550101", at=NOON - back * DAY)
    archive_days(database, TODAY, folder, now=NOON, tenant_id="clinic")
    permit(database, "+12125550102", at=NOON, rule="window")

    with open_warehouse(url, tenant_id="clinic", archive=folder) as fresh:
        assert rows(fresh, "SELECT number FROM pulled.permissions") == [("+12125550102",)]
        assert rows(fresh, "SELECT sum(decisions)::INT FROM permissions") == [(3,)]
        permit(database, "+12125550103", at=NOON)
        fresh.refresh()
        assert rows(fresh, "SELECT sum(decisions)::INT FROM permissions") == [(4,)]


def test_archived_calls_are_not_pulled(history: list[str], database: Database, url: str, folder: Path) -> None:
    """A reader takes from the record only what is not archived."""
    archive_days(database, TODAY, folder, now=NOON)

    with open_warehouse(url, tenant_id="clinic", archive=folder) as fresh:
        assert rows(fresh, "SELECT DISTINCT call_id FROM pulled.call_events") == [(history[0],)]
        assert rows(fresh, "SELECT call_id FROM pulled.calls") == [(history[0],)]


def test_an_open_reader_goes_over_to_the_archive(
    opened: Warehouse, history: list[str], database: Database, url: str, folder: Path
) -> None:
    """A reader that is open while days are archived and deleted sees the same after its next refresh."""
    opened.refresh()
    before = everything(opened)

    archive_days(database, TODAY, folder, now=NOON, tenant_id="clinic", delete_rows=True)

    assert opened.refresh() == 1
    assert everything(opened) == before


def test_a_column_that_older_files_lack(history: list[str], database: Database, url: str, folder: Path) -> None:
    """Archived by an older package, days have no value in a new column; the days after them keep theirs."""
    archive_days(database, date(2026, 11, 22), folder, now=NOON, tenant_id="clinic")
    (older,) = folder.rglob("calls/*.parquet")
    with duckdb.connect() as facts:
        facts.execute(f"CREATE TABLE calls AS SELECT * EXCLUDE (recording_sha256, nudges) FROM '{older}'")
        facts.execute(f"COPY calls TO '{older}' (FORMAT parquet)")
    archive_days(database, TODAY, folder, now=NOON, tenant_id="clinic")

    with open_warehouse(url, tenant_id="clinic", archive=folder) as fresh:
        known = rows(
            fresh, "SELECT created_at >= '2026-11-22', count(*), count(nudges) FROM history.calls GROUP BY 1 ORDER BY 1"
        )
    assert known == [(False, 3, 0), (True, 3, 3)]


def test_each_day_is_archived_once(history: list[str], database: Database, folder: Path) -> None:
    """A second run archives what came since, and months apart."""
    first = archive_days(database, date(2026, 11, 22), folder, now=NOON, tenant_id="clinic")
    second = archive_days(database, TODAY, folder, now=NOON, tenant_id="clinic")
    third = archive_days(database, date(2026, 12, 2), folder, now=NOON + 10 * DAY, tenant_id="clinic")

    def told(spans: list[Any]) -> list[tuple[Any, ...]]:
        return [(f"{span.first_day:%m-%d}", f"{span.before_day:%m-%d}", span.calls) for span in spans]

    assert told(first) == [("11-19", "11-22", 3)]
    assert told(second) == [("11-22", "11-24", 2)]
    assert told(third) == [("11-24", "12-01", 1), ("12-01", "12-02", 0)]
    assert archive_days(database, date(2026, 12, 2), folder, now=NOON + 10 * DAY, tenant_id="clinic") == []


def test_an_open_call_stays_live(database: Database, url: str, folder: Path) -> None:
    """A call that never ended is not archived with its day; when it has ended, it is, and once."""
    happened = recorded()[COMPLETED]
    expect(database, happened[0].call_id, at=NOON - 3 * DAY)
    write(database, happened)
    place(database, again(COMPLETED), at=NOON - 3 * DAY)
    (span,) = archive_days(database, TODAY, folder, now=NOON, tenant_id="clinic", delete_rows=True)
    assert (span.calls, span.left_open) == (1, (happened[0].call_id,))

    before = reopened(url, folder)
    calls.end(database, "clinic", happened[0].call_id, Summary(**ENDED), at=NOON)
    assert [row[0] for row in before["calls"]].count(happened[0].call_id) == 1
    with open_warehouse(url, tenant_id="clinic", archive=folder) as fresh:
        assert rows(fresh, "SELECT state, count(*) FROM calls GROUP BY ALL") == [("ended", 2)]
    (late,) = archive_days(database, TODAY + DAY, folder, now=NOON + DAY, tenant_id="clinic", delete_rows=True)

    assert (late.calls, late.left_open) == (1, ())
    with open_warehouse(url, tenant_id="clinic", archive=folder) as fresh:
        assert rows(fresh, "SELECT count(*), count(DISTINCT call_id) FROM calls") == [(2, 2)]
        assert rows(fresh, "SELECT count(*) FROM turns") == [(20,)]


ENDED = {
    "phone_result": PhoneResult.ANSWERED,
    "disposition": Disposition.COMPLETED,
    "ended_by": EndedBy.AGENT,
}


def test_a_months_parts_become_one(history: list[str], database: Database, url: str, folder: Path) -> None:
    """Days archived one by one are merged when their month is over; what readers see stays."""
    for back in range(5, -1, -1):
        archive_days(database, (NOON - back * DAY).date(), folder, now=NOON, tenant_id="clinic")
    before = reopened(url, folder)
    files = len(list(folder.rglob("*.parquet")))

    assert merge_months(database, folder, "clinic", now=NOON) == []
    (merged,) = merge_months(database, folder, "clinic", now=NOON + 30 * DAY)

    assert (merged.first_day, merged.before_day, merged.calls) == (date(2026, 11, 19), TODAY, 5)
    assert reopened(url, folder) == before
    assert len(list(folder.rglob("*.parquet"))) == files + 8
    assert sweep(database, folder) == 0
    assert sweep(database, folder, older_than_s=-1) == files
    assert reopened(url, folder) == before


def test_a_failure_leaves_no_files(
    history: list[str], database: Database, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the manifest cannot be written, the files go again and the days are still live."""
    before = reopened(url, folder)

    def full(*_: object) -> None:
        raise Unavailable("the database is full", do="free disk space")

    with monkeypatch.context() as patched:
        patched.setattr(archiving, "note_span", full)
        with pytest.raises(Unavailable, match="is full"):
            archive_days(database, TODAY, folder, now=NOON)

    assert list(folder.rglob("*.parquet")) == []
    assert reopened(url, folder) == before


def test_days_that_are_not_over_are_refused(database: Database, folder: Path) -> None:
    """Tomorrow cannot be archived."""
    with pytest.raises(BadInput, match="not over yet: archive days before 2026-11-24"):
        archive_days(database, TODAY + DAY, folder, now=NOON)


def test_a_folder_that_cannot_be_written_is_told(history: list[str], database: Database, tmp_path: Path) -> None:
    """A file in the place of the folder is an error that says what to do."""
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable, match="cannot be written: free disk space, or name a folder"):
        archive_days(database, TODAY, tmp_path / "file", now=NOON)


def test_a_missing_file_is_told(history: list[str], database: Database, url: str, folder: Path) -> None:
    """An archive that was moved is an error, never a shorter history."""
    archive_days(database, TODAY, folder, now=NOON)
    folder.rename(folder.with_name("moved"))

    with pytest.raises(Unavailable, match=r"of the archive is missing: name the archive's folder"):
        reopened(url, folder)
    assert reopened(url, folder.with_name("moved"))["calls"] != []


def test_a_newer_layout_is_refused(history: list[str], database: Database, url: str, folder: Path) -> None:
    """Files of a newer package are not guessed at."""
    archive_days(database, TODAY, folder, now=NOON)
    with database.write() as connection:
        connection.execute(text("UPDATE archives SET layout = 99"))

    with pytest.raises(BadInput, match="written by a newer opendeep_kit: upgrade"):
        reopened(url, folder)


def test_files_without_a_newer_column_are_read(history: list[str], database: Database, url: str, folder: Path) -> None:
    """A file that an older package wrote lacks a column: there it is null."""
    archive_days(database, TODAY, folder, now=NOON, tenant_id="clinic")
    (file,) = (folder / "clinic" / "calls").iterdir()
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE old AS SELECT * EXCLUDE (nudges) FROM '{file}'")
        connection.execute(f"COPY old TO '{file}' (FORMAT parquet)")

    with open_warehouse(url, tenant_id="clinic", archive=folder) as fresh:
        assert rows(fresh, "SELECT nudges, count(*) FROM calls GROUP BY ALL ORDER BY ALL") == [(0, 1), (None, 5)]


# ---- the rest ---------------------------------------------------------------------------------------


def test_a_person_is_one_on_both_sides_of_an_upgrade(database: Database, url: str, folder: Path) -> None:
    """Archives of an older package hold another key: the same number of the same list counts once nevertheless."""
    for back in (2, 0):
        place(database, again(back), at=NOON - back * DAY, campaign="spring", number="+12125550101")
    archive_days(database, TODAY, folder, now=NOON)
    (path,) = folder.glob("clinic/calls/*.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE old AS SELECT * REPLACE (7::UBIGINT AS contact_key) FROM '{path}'")
        connection.execute(f"COPY old TO '{path}' (FORMAT parquet)")

    with open_warehouse(url, tenant_id="clinic", archive=folder) as opened:
        assert rows(opened, "SELECT attempts FROM attempts_per_contact") == [(2,)]


def test_it_is_found_in_the_package(url: str) -> None:
    """`opendeep_kit.warehouse()` is all a notebook needs; a fresh record has no calls."""
    with opendeep_kit.warehouse(url) as empty:
        assert empty.df("FROM calls").empty
        assert "0 calls; as of" in empty._repr_html_()


def test_the_archive_lies_beside_the_record() -> None:
    """Unless it is named, the archive is looked for beside a SQLite file, else in the data folder."""
    assert archive_folder("sqlite:///a/b/opendeep.db", Path("data")) == Path("a/b/archive")
    assert archive_folder("postgresql://host/db", Path("data")) == Path("data/archive")
    assert archive_folder(None, Path("data")) == Path("data/archive")


def test_a_future_change_does_not_hide_others(opened: Warehouse, database: Database) -> None:
    """A writer whose clock is an hour ahead does not make a reader pass over the others' changes."""
    real = datetime.now(NOON.tzinfo)
    ahead, other = str(uuid.uuid4()), str(uuid.uuid4())
    expect(database, ahead, at=real + timedelta(hours=1))
    opened.refresh()

    expect(database, other, at=real)
    opened.refresh()

    assert {call_id for (call_id,) in rows(opened, "SELECT call_id FROM calls")} == {ahead, other}
    assert timedelta(seconds=10) == pull.OVERLAP
    assert event_log.WRITERS_TURN == 2

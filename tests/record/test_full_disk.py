"""The record on a disk that is full or read-only, and mended later: what is told, and that nothing is half-written."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.errors import Unavailable
from opendeep_kit.record import directory
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.record.event_log import EventLog, read_events
from opendeep_kit.record.tables import contacts
from opendeep_kit.tenants import Tenant
from opendeep_kit.warehouse.archive import archive_days
from opendeep_kit.warehouse.manifest import read_manifest
from tests.record.conftest import NOON
from tests.record.recorded import COMPLETED, place, recorded
from tests.small_disk import SmallDisk, small_disk

PEOPLE = [Contact(contact_id=f"p{number}{'x' * 500}", number=f"+1212555{number:04}") for number in range(4000)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Eight megabytes."""
    with small_disk(tmp_path / "disk", megabytes=8) as mounted:
        yield mounted


@pytest.fixture
def database(disk: SmallDisk) -> Iterator[Database]:
    """A record on it, with one tenant."""
    opened = open_database(url(disk))
    directory.save_tenant(opened, Tenant(tenant_id="clinic", display_name="Clinic"), now=NOON)
    yield opened
    opened.close()


def url(disk: SmallDisk) -> str:
    """Of the record on the disk."""
    return f"sqlite:///{disk.folder}/data/opendeep.db"


def counted(database: Database) -> int:
    """Contacts in the record."""
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(contacts)) or 0


def is_sound(database: Database) -> bool:
    """SQLite's own check of every page."""
    with database.read() as connection:
        return connection.scalar(text("PRAGMA integrity_check")) == "ok"


@pytest.mark.parametrize("room", [0, 150_000])
def test_a_record_that_cannot_begin_begins_later(disk: SmallDisk, room: int) -> None:
    """Its tables are all there or none; what to do is told; with space it opens."""
    disk.fill(but_for=room)
    with pytest.raises(Unavailable, match="the disk is full: free disk space"):
        open_database(url(disk))
    disk.free()
    database = open_database(url(disk))

    assert counted(database) == 0
    database.close()


def test_an_import_that_fills_the_disk_leaves_nothing(disk: SmallDisk, database: Database) -> None:
    """Of a transaction that meets the end of the disk nothing is kept; the same one passes once there is space."""
    disk.fill(but_for=1_000_000)
    with pytest.raises(Unavailable, match="the disk is full: free disk space"):
        directory.save_contacts(database, "clinic", PEOPLE, now=NOON)
    assert counted(database) == 0
    disk.free()
    directory.save_contacts(database, "clinic", PEOPLE[:1000], now=NOON)

    assert counted(database) == 1000
    assert is_sound(database)


def test_a_full_record_can_be_read(disk: SmallDisk, database: Database) -> None:
    """Whoever only looks is not disturbed, in this process or another."""
    disk.fill()
    second = open_database(url(disk))

    assert [directory.tenant(one, "clinic") is not None for one in (database, second)] == [True, True]
    second.close()


def test_events_outlast_a_full_disk(disk: SmallDisk, database: Database) -> None:
    """Events wait in memory, the log says why, and all of them are in the record once there is space."""
    happened = list(recorded()[COMPLETED])
    log = EventLog(database)
    disk.fill()
    for event in happened:
        log.append(event, "clinic")
    assert not log.flush(timeout_s=0.5)
    assert "the disk is full: free disk space" in log.failure
    disk.free()

    assert log.flush()
    assert log.read("clinic", happened[0].call_id) == happened
    assert log.failure == ""
    log.close()


def test_an_archive_that_finds_no_space_leaves_the_record_alone(disk: SmallDisk, database: Database) -> None:
    """Rows are taken out of the record after their files are whole and named, never before."""
    happened = list(recorded()[COMPLETED])
    call_id = place(database, happened, at=NOON)
    disk.fill()
    later = NOON + timedelta(days=3)
    with pytest.raises(Unavailable):
        archive_days(database, later.date(), disk.folder / "archive", now=later, delete_rows=True)
    disk.free()

    with database.read() as connection:
        assert read_manifest(connection, "clinic").spans == ()
    assert read_events(database, "clinic", call_id) == happened


def test_a_read_only_record_is_told(disk: SmallDisk, database: Database) -> None:
    """At its opening, before anything is begun; mended, it opens."""
    database.close()
    with disk.read_only(), pytest.raises(Unavailable, match="this user may read and write it and its folder"):
        open_database(url(disk))

    assert counted(open_database(url(disk))) == 0

"""Opening the record: where it cannot be opened the reason is told, and no password with it."""

import contextlib
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from opendeep_kit.errors import BadInput, OurMistake, Unavailable
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.record.tables import contacts, tenants
from tests.record.conftest import NOON


def tenant_row(tenant_id: str) -> dict[str, object]:
    """A row as it lies in the table."""
    return {
        "tenant_id": tenant_id,
        "display_name": "x",
        "time_zone": "UTC",
        "default_region": "US",
        "created_at": NOON,
    }


def test_folder_and_file_are_made(tmp_path: Path) -> None:
    """The SQLite file's folder is made when it is missing."""
    open_database(f"sqlite:///{tmp_path}/a/b/opendeep.db").close()

    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["opendeep.db"]


def test_sqlite_is_set_up_for_many_processes(sqlite_url: str) -> None:
    """Every connection has the write-ahead log, foreign keys, normal syncing and a waiting time."""
    database = open_database(sqlite_url, busy_timeout_s=1.5)

    with database.read() as connection:
        found = {
            name: connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }

    assert found == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 1500}
    database.close()


def test_writers_begin_immediate_and_readers_do_not_wait(sqlite_url: str) -> None:
    """While one transaction writes, a second writer is told that the database is locked, a reader just reads."""
    database = open_database(sqlite_url, busy_timeout_s=0)

    with database.write() as writer:
        writer.execute(insert(tenants), tenant_row("clinic"))
        with database.read() as reader:
            assert reader.execute(select(tenants.c.tenant_id)).all() == []
        with pytest.raises(Unavailable, match="is locked by another process: try again"), database.write():
            pass

    with database.read() as reader:
        assert reader.scalars(select(tenants.c.tenant_id)).all() == ["clinic"]
    database.close()


def test_a_read_sees_one_snapshot(database: Database) -> None:
    """What another transaction commits meanwhile is not seen before the next read."""
    with database.read() as reader:
        before = reader.scalars(select(tenants.c.tenant_id)).all()
        with database.write() as writer:
            writer.execute(insert(tenants), tenant_row("late"))
        assert reader.scalars(select(tenants.c.tenant_id)).all() == before

    with database.read() as reader:
        assert len(reader.scalars(select(tenants.c.tenant_id)).all()) == 3


def test_an_exception_undoes_the_transaction(database: Database) -> None:
    """Nothing of a transaction that raised is kept."""
    with contextlib.suppress(KeyError), database.write() as writer:
        writer.execute(insert(tenants), tenant_row("late"))
        raise KeyError

    with database.read() as reader:
        assert sorted(reader.scalars(select(tenants.c.tenant_id))) == ["clinic", "garage"]


def test_errors_hold_no_values_of_the_row(database: Database) -> None:
    """A row that the database refuses is explained without the person's data in it."""
    row = {"tenant_id": "nobody", "contact_id": "1", "number": "+12125550101", "name": "Ann", "facts": {}}

    with pytest.raises(BadInput) as caught, database.write() as connection:
        connection.execute(insert(contacts), row | {"created_at": NOON})

    assert "refuses a row" in str(caught.value)
    assert "2125550101" not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_times_need_a_zone(database: Database) -> None:
    """A time without a zone never reaches a table."""
    row = tenant_row("late") | {"created_at": datetime(2026, 11, 24)}

    with pytest.raises(OurMistake, match="time without a zone"), database.write() as connection:
        connection.execute(insert(tenants), row)


def test_not_a_database_is_told(tmp_path: Path) -> None:
    """A file of another kind is refused and left as it was."""
    file = tmp_path / "notes.db"
    file.write_text("Minutes of the meeting. " * 100)

    with pytest.raises(BadInput, match="is not a database: name another file"):
        open_database(f"sqlite:///{file}")

    assert file.read_text().startswith("Minutes of the meeting.")


@pytest.mark.parametrize("folder", ["file", "file/data"])
def test_a_file_in_the_folders_place_is_told(tmp_path: Path, folder: str) -> None:
    """It is the person's to mend, not the machine's."""
    (tmp_path / "file").touch()

    with pytest.raises(BadInput, match=r"folder of the database .* is a file, or lies below one"):
        open_database(f"sqlite:///{tmp_path}/{folder}/opendeep.db")


def test_folder_that_cannot_be_made_is_told() -> None:
    """Nobody makes folders where the kernel keeps its processes."""
    with pytest.raises(Unavailable, match=r"folder of the database .* cannot be created \("):
        open_database("sqlite:////proc/opendeep/opendeep.db")


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """A folder in the database's place is told."""
    with pytest.raises(Unavailable, match="cannot be opened: check that it is a file"):
        open_database(f"sqlite:///{tmp_path}")


def test_read_only_database_is_told_when_opened(tmp_path: Path) -> None:
    """A record that cannot be written is refused at once, not in the first call."""
    open_database(f"sqlite:///{tmp_path}/opendeep.db").close()

    with pytest.raises(Unavailable, match="is read-only: let this user write the file"):
        open_database(f"sqlite:///file:{tmp_path}/opendeep.db?mode=ro&uri=true")


def test_full_disk_is_told(sqlite_url: str) -> None:
    """SQLite's own "full" reaches the caller as something to mend."""
    database = open_database(sqlite_url)

    with database.read() as connection:
        connection.execute(text("PRAGMA max_page_count = 1"))

    with pytest.raises(Unavailable, match="the disk is full: free disk space"), database.write() as connection:
        connection.execute(text("CREATE TABLE big AS SELECT randomblob(1000000)"))
    database.close()


@pytest.mark.parametrize(
    "url",
    [
        "nonsense with hunter2",
        "mysql://me:hunter2@host/record",
        "postgresql://me:hunter2@host:port/record",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://me:hunter2@127.0.0.1:1/record",
        "postgres://127.0.0.1:1/record?user=me&password=hunter2",
    ],
)
def test_wrong_urls_are_refused_without_the_password(url: str) -> None:
    """A URL that names no record is refused, and what it holds is not repeated."""
    with pytest.raises((BadInput, Unavailable)) as caught:
        open_database(url)

    assert "hunter2" not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"
    assert ": " in str(caught.value)


def test_tables_of_something_else_are_left_alone(tmp_path: Path) -> None:
    """A database whose tables are in the way is refused before anything is created."""
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE calls (caller TEXT)")
    other.close()

    with pytest.raises(BadInput, match="has a table 'calls' that is not ours"):
        open_database(f"sqlite:///{file}")

    left = sqlite3.connect(file)
    assert left.execute("SELECT name FROM sqlite_master").fetchall() == [("calls",)]
    left.close()

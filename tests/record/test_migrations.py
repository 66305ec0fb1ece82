"""The schema's way forward."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from opendeep_kit.errors import BadInput
from opendeep_kit.record import database as database_module
from opendeep_kit.record import tables
from opendeep_kit.record.database import Database, open_database
from tests.record.made_once import UPGRADE

OPEN = "import sys; from opendeep_kit.record.database import open_database as o; sys.stdin.readline(); o(sys.argv[1])"


@pytest.fixture(autouse=True)
def no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here every empty record goes through the revisions."""
    monkeypatch.setattr(database_module, "upgrade", UPGRADE)


def test_empty_database_gets_every_table(url: str) -> None:
    """Opening an empty place makes the record's tables and notes the revision."""
    database = open_database(url)

    with database.read() as connection:
        names = sorted(inspect(connection).get_table_names())
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))

    assert names == sorted(["alembic_version", *tables.metadata.tables])
    assert len(names) == 27
    assert version == tables.HEAD
    database.close()


def test_revisions_and_tables_agree(database: Database) -> None:
    """What the revisions make is what the code believes to be there."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_head_names_the_newest_revision() -> None:
    """The quick check at opening looks for the newest revision there is."""
    config = Config()
    config.set_main_option("script_location", "opendeep_kit.record:migrations")

    assert ScriptDirectory.from_config(config).get_heads() == [tables.HEAD]


def test_opening_again_keeps_everything(database: Database, url: str) -> None:
    """A record that is up to date is opened as it is, without Alembic."""
    again = open_database(url)

    with again.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM tenants")) == 2
    again.close()
    code = f"{OPEN}; assert 'alembic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, url], input="\n", text=True, check=True)


def test_newer_schema_is_refused(database: Database, url: str) -> None:
    """A record that a newer package has upgraded is not touched."""
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(BadInput, match=r"has schema '9999', which this version .* does not know: upgrade opendeep_kit"):
        open_database(url)


def test_two_processes_may_open_an_empty_place_at_once(url: str) -> None:
    """Whoever comes second finds the tables made."""
    starting = [
        subprocess.Popen([sys.executable, "-c", f"{OPEN}; print('open')", url], stdin=-1, stdout=-1, text=True)
        for _ in range(2)
    ]

    for process in starting:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()

    assert [process.communicate(timeout=60)[0] for process in starting] == ["open\n", "open\n"]

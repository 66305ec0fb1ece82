"""The schema's way forward."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url, select, text

from opendeep_kit.errors import BadInput
from opendeep_kit.record import campaigns, enrolments, tables
from opendeep_kit.record.database import Database, open_database

OPEN = "import sys; from opendeep_kit.record.database import open_database as o; sys.stdin.readline(); o(sys.argv[1])"


def test_empty_database_gets_every_table(url: str) -> None:
    """Opening an empty place makes the record's tables and notes the revision."""
    database = open_database(url)

    with database.read() as connection:
        names = sorted(inspect(connection).get_table_names())
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))

    assert names == sorted(["alembic_version", *tables.metadata.tables])
    assert len(names) == 26
    assert version == tables.HEAD
    database.close()


def test_an_older_record_keeps_its_rows(sqlite_url: str) -> None:
    """A record of the first revision is brought up to date: its tenants stay, and have no limits yet."""
    engine = create_engine(sqlite_url)
    config = Config()
    config.set_main_option("script_location", "opendeep_kit.record:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text("INSERT INTO tenants VALUES ('clinic', 'Clinic', 'UTC', 'US', '2026-11-24 12:00:00.000000')")
        )
    engine.dispose()

    database = open_database(sqlite_url)

    assert campaigns.all_limits(database) == {"clinic": {}}
    database.close()


def test_facts_move_to_their_own_number(url: str) -> None:
    """Facts of an older record go to the number that they were saved with, to no other of the same id; no copy stays."""
    Path(str(make_url(url).database)).parent.mkdir(exist_ok=True)
    engine, config, at = create_engine(url), Config(), "2026-11-24 12:00:00.000000"
    config.set_main_option("script_location", "opendeep_kit.record:migrations")
    rows = (
        "tenants VALUES ('clinic', 'Clinic', 'UTC', 'US', {at}, '{{}}')",
        "contacts VALUES ('clinic', '1', 'autumn', '+12125550102', 'Bob', NULL, '{{\"name\":\"Bob\"}}', {at})",
        "campaigns VALUES ('clinic', 'a', 'A', NULL, NULL, NULL, 'running', '{{}}', 0, 1, 'x', NULL, NULL, {at}, {at})",
        "lanes VALUES (1, 'clinic', 'a', '', 0, '[]', NULL, NULL, FALSE)",
        "enrolments VALUES (1, 'clinic', 'a', '+12125550101', '1', 1, 'waiting', {at}, FALSE, 0, {none}, {at}, {at})",
        "enrolments VALUES (2, 'clinic', 'a', '+12125550102', '1', 1, 'waiting', {at}, FALSE, 0, {none}, {at}, {at})",
    )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        for row in rows:
            filled = row.format(at=f"'{at}'", none="NULL, NULL, NULL")
            connection.exec_driver_sql(f"INSERT INTO {filled}")
    engine.dispose()

    database = open_database(url)

    assert [enrolments.facts_of(database, which) for which in (1, 2)] == [{}, {"name": "Bob"}]
    with database.read() as connection:
        left = connection.execute(select(tables.contacts.c["name", "time_zone", "facts"])).all()
    assert [tuple(row) for row in left] == [("", None, {})]
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

"""Opens the record: SQLite on one machine, PostgreSQL when it is outgrown, the same code above it.

Given a URL, makes the folder, connects, brings the schema up to date and hands out transactions. Never holds a query:
those are in `records`, `calls` and `event_log`. Every call may block: keep it off the media loop.

On SQLite a writing transaction begins IMMEDIATE: with a plain BEGIN, two processes that read and then write meet in
"database is locked" whatever the timeout (measured: one in ten of four busy writers).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import URL, Connection, Engine, create_engine, delete, event, false, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.record import campaign_tables, service_tables
from opendeep_kit.record.faults import explain
from opendeep_kit.record.tables import HEAD, metadata, tenants

PRAGMAS = (
    "journal_mode = WAL",  # readers and the writer do not wait for one another
    "synchronous = NORMAL",  # safe against a killed process; a power cut may cost the last commits, never the file
    "foreign_keys = ON",
    "journal_size_limit = 67108864",  # the WAL file shrinks again after a long reader let it grow
)
NETWORK = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""To PostgreSQL, in libpq's words: a network that goes silent is noticed in seconds, not after a quarter of an hour."""
MIGRATION_TURN = 1
"""Key of the upgrade's lock on PostgreSQL."""
EXAMPLE = "use sqlite:///data/opendeep.db or postgresql://user:password@host/database"


class Database:
    """An open record. Safe to share between threads; each process opens its own."""

    def __init__(self, engine: Engine, where: str) -> None:
        self.engine = engine
        self.where = where
        """Which database, for a person to read."""
        self._reading: Engine = engine
        if self.is_postgresql:
            self._reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._writing = engine.execution_options(opendeep_writes=True)

    @property
    def is_postgresql(self) -> bool:
        """PostgreSQL, not SQLite."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one snapshot. Keep it short: on SQLite an old snapshot lets the WAL grow.

        Raises:
            Unavailable: the database is not there now.
        """
        with self._transaction(self._reading) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; committed at the end, undone by an exception.

        Raises:
            Unavailable: the database is locked, full, read-only or not there now.
            BadInput: a row is there already, or refers to one that is not.
        """
        with self._transaction(self._writing) as connection:
            yield connection

    def in_turn(self, connection: Connection, what: int) -> None:
        """Wait until no other process writes `what`, to the end of this transaction. SQLite has one writer anyway."""
        if self.is_postgresql:
            connection.execute(text("SELECT pg_advisory_xact_lock(:space, :what)"), {"space": 730_116, "what": what})

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            # The driver's error holds values of the row: it goes no further.
            raise explain(error, self.where) from None


def open_database(url: str, *, busy_timeout_s: float = 5.0) -> Database:
    """Open the record at this SQLAlchemy URL, creating or upgrading it where needed.

    Args:
        url: `sqlite:///path` or `postgresql://…`; see `Settings.store_url`.
        busy_timeout_s: how long to wait for another process's write on SQLite.

    Raises:
        BadInput: the URL is wrong, the file is no database, or its schema is newer than this package.
        Unavailable: the folder or the database cannot be written now.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        database = Database(_sqlite(parsed, busy_timeout_s), f"{parsed.database}")
    else:
        where = f"{parsed.database or ''} on {parsed.host or 'localhost'}:{parsed.port or 5432}"
        database = Database(_postgresql(parsed), where)
    try:
        _bring_up_to_date(database)
    except BaseException:
        database.close()
        raise
    return database


def _parse(url: str) -> URL:
    # SQLAlchemy's own messages may quote parts of the URL, a password among them: none is passed on.
    if urlsplit(url).scheme == "postgres":
        url = url.replace("postgres:", "postgresql:", 1)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise BadInput("store.url is not a database URL", do=EXAMPLE) from None
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise BadInput("store.url names a kind of database that is not supported", do=EXAMPLE)
    if not parsed.database or parsed.database == ":memory:" or parsed.query.get("mode") == "memory":
        raise BadInput("store.url names no file", do="the record must outlive the process: name a file")
    return parsed


def _sqlite(url: URL, busy_timeout_s: float) -> Engine:
    path = str(url.database)
    if not path.startswith("file:"):
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise BadInput(
                f"the folder of the database {path} is a file, or lies below one",
                do="set data_dir (--data) or store.url to a folder",
            ) from None
        except OSError as error:
            raise Unavailable(
                f"the folder of the database {path} cannot be created ({error.strerror})",
                do="set data_dir or store.url to a writable folder",
            ) from None
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": busy_timeout_s})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's legacy mode begins by itself, late, and never IMMEDIATE: it is switched off (SQLAlchemy,
    # "Transactions with SQLite and the sqlite3 driver").
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("opendeep_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=NETWORK)
    except ImportError:
        raise BadInput("PostgreSQL needs the package psycopg", do="run pip install 'psycopg[binary]'") from None


def _bring_up_to_date(database: Database) -> None:
    with database.read() as connection:
        version = version_of(connection)
    with database.write() as connection:
        if version != HEAD:
            database.in_turn(connection, MIGRATION_TURN)
            upgrade(connection, database.where)
        # A database that cannot be written is told now, not in the first call. (A read-only SQLite file lets even
        # BEGIN IMMEDIATE pass.)
        connection.execute(delete(tenants).where(false()))


# ---- the one lock behind all caps ----------------------------------------------------------------------
#
# Every cap (calls at a time, attempts per number, money, do-not-call) is kept by counting rows and adding one in the
# same transaction. Two processes that counted at once would both see room for the last call. So whatever permits or
# ends a call, moves a campaign or forbids a number takes one lock, in a transaction that begins with it:
#
# * SQLite has one writer: BEGIN IMMEDIATE is the lock, and nothing else is needed.
# * PostgreSQL takes an advisory lock until the transaction ends. The transaction is READ COMMITTED: each statement
#   after the lock sees what its last holder committed. REPEATABLE READ would show the state from before the wait.
#
# Lock order, so that nobody waits in a circle: this lock is the first statement. Locks on rows (a tenant's while a
# script is numbered, a campaign's counter while contacts are enrolled) come after it, or in a transaction that never
# takes it. An import holds ENROLLING_TURN and writes the counters last: calling waits for that update alone.
# One lock serves all tenants: a claim takes a few milliseconds, and lines begin tens of calls a second, not hundreds.

CALLING_TURN = 3
"""Key of the lock on PostgreSQL."""


@contextmanager
def calling(database: Database) -> Iterator[Connection]:
    """A writing transaction that sees and does all that concerns calling alone.

    It also lets every `row_id` written under it grow in the order of commits.
    """
    with database.write() as connection:
        database.in_turn(connection, CALLING_TURN)
        yield connection


# ---- the time, as the record notes it -----------------------------------------------------------------

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Now, with its zone."""
    return datetime.now(UTC)


# ---- bringing the tables to the newest revision -------------------------------------------------------

TABLES_BESIDE = (campaign_tables, service_tables)
"""Loaded here, so that `metadata` is complete."""

VERSION_TABLE = "alembic_version"


def version_of(connection: Connection) -> str | None:
    """The revision the tables have; None when there are none yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return version


def upgrade(connection: Connection, where: str) -> None:
    """Run the missing revisions, if any.

    Raises:
        BadInput: the revision is not one of ours, or the tables belong to something else.
    """
    version = version_of(connection)
    if version == HEAD:
        return
    if version is None:
        _check_nothing_in_the_way(connection, where)
    # Alembic takes longer to import than an up-to-date record takes to open.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "opendeep_kit.record:migrations")
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise BadInput(
            f"the database {where} has schema {version!r}, which this version of opendeep_kit does not know",
            do="upgrade opendeep_kit, or name another database in store.url",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_nothing_in_the_way(connection: Connection, where: str) -> None:
    taken = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
    if taken:
        raise BadInput(
            f"the database {where} has a table {taken[0]!r} that is not ours", do="name another one in store.url"
        )

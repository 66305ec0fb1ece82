"""Insert-or-update statements, in the dialect of the database at hand.

Given a table and the columns that a caller sets, builds the statement; SQLite and PostgreSQL spell it alike, SQLAlchemy
keeps it in each dialect.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, Table, and_, true
from sqlalchemy.dialects import postgresql, sqlite

WRITTEN_ONCE = frozenset(["created_at", "started_at"])
"""Columns that the first write sets for good."""


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def upsert(
    connection: Connection, table: Table, names: Iterable[str], *only_where: ColumnElement[bool]
) -> sqlite.Insert | postgresql.Insert:
    """Add rows; one whose key is there gets these columns, and no other: those are another caller's to change.

    Args:
        only_where: else it is left as it is.
    """
    statement = insert(connection, table)
    key = [column.name for column in table.primary_key]
    set_ = {name: statement.excluded[name] for name in names if name not in key and name not in WRITTEN_ONCE}
    where = and_(true(), *only_where) if only_where else None
    return statement.on_conflict_do_update(index_elements=key, set_=set_, where=where)


def add_new(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Add rows; one that is there stays as it is. The result's `rowcount` says how many are new."""
    return insert(connection, table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)

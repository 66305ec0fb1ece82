"""Migrations run once in a process; every later empty record is made by the same statements, without Alembic.

A fresh record costs 60 ms of Alembic, and the suite opens some five hundred. What is there already, or is not ours, goes
the way of the product; so do child processes and `tests/record/test_migrations.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, event, inspect

from opendeep_kit.record import database

UPGRADE = database.upgrade
"""The product's, which this stands in for."""
WRITING = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE")
Statements = list[tuple[str, object]]


@contextmanager
def noted(connection: Connection) -> Iterator[Statements]:
    """What is written through this connection meanwhile: statements as the driver gets them."""
    statements: Statements = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.split(maxsplit=1)[0].upper() in WRITING:
            statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", note)


class MadeOnce:
    """Stands in for `database.upgrade`."""

    def __init__(self) -> None:
        self._known: dict[str, Statements] = {}

    def __call__(self, connection: Connection, where: str) -> None:
        """As `upgrade` does."""
        dialect = connection.dialect.name
        if inspect(connection).get_table_names():
            UPGRADE(connection, where)
        elif dialect not in self._known:
            with noted(connection) as statements:
                UPGRADE(connection, where)
            self._known[dialect] = statements
        else:
            cursor = connection.connection.cursor()
            for statement, parameters in self._known[dialect]:
                cursor.execute(statement, parameters)
            cursor.close()


@pytest.fixture(scope="session", autouse=True)
def _made_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "upgrade", MadeOnce())
        yield

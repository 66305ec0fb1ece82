"""A fence around unit tests: no socket, no database, no process. What crosses it fails there, and is remembered.

Python itself tells of sockets, SQLite files and processes, whoever opens them (`sys.addaudithook`); databases that are
no part of Python are watched at their `connect`. Never looks at what runs outside `around`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

FORBIDDEN = frozenset(
    [
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "sqlite3.connect",
        "subprocess.Popen",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.system",
    ]
)
"""Python's audit events that no unit test may raise."""
WATCHED = ("duckdb", "psycopg")
"""Databases that tell no audit event; those that are loaded."""


class Crossed(AssertionError):
    """A unit test reached out of the process: its module belongs to another category."""


class Fence:
    """An audit hook stays for good: one instance is enough."""

    def __init__(self) -> None:
        self.is_closed = False
        self.crossed: list[str] = []
        """What was tried since the fence was closed, also where the product caught the refusal."""
        sys.addaudithook(self._hear)

    @contextmanager
    def around(self) -> Iterator[None]:
        """Closed for this while."""
        put_back = [self._watch(name) for name in WATCHED]
        self.is_closed = True
        try:
            yield
        finally:
            self.is_closed = False
            self.crossed.clear()
            for undo in put_back:
                undo()

    def check(self) -> None:
        """Nothing was tried whose refusal went unseen.

        Raises:
            Crossed: something was.
        """
        if self.crossed:
            raise Crossed(f"{', '.join(self.crossed)} in a unit test: see tests/categories.py")

    def _hear(self, event: str, _args: tuple[Any, ...]) -> None:
        if self.is_closed and event in FORBIDDEN:
            self._refuse(event)

    def _refuse(self, what: str) -> None:
        self.crossed.append(what)
        raise Crossed(f"{what} in a unit test: see tests/categories.py")

    def _watch(self, name: str) -> Callable[[], None]:
        module: Any = sys.modules.get(name)
        if module is None:
            return lambda: None
        connect = module.connect

        def refuse(*_: object, **__: object) -> None:
            self._refuse(f"{name}.connect")

        module.connect = refuse
        return lambda: setattr(module, "connect", connect)


FENCE = Fence()
"""The process's."""

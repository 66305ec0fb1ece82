"""Which tests are which is known by where they lie, and units keep to themselves."""

import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from types import SimpleNamespace
from typing import Any

import pytest

from tests.categories import PLACES, TESTS, Category, category_of, modules_below
from tests.conftest import pytest_ignore_collect
from tests.fence import FENCE, Crossed

MODULES = modules_below(TESTS)


def connect() -> None:
    """To a port where nobody listens."""
    with socket.socket() as peer:
        peer.connect(("127.0.0.1", 9))


def listen() -> None:
    """On any free port."""
    with socket.socket() as peer:
        peer.bind(("127.0.0.1", 0))


def ask_for_a_name() -> None:
    """Of a host."""
    socket.getaddrinfo("localhost", 80)


def open_a_database() -> None:
    """In memory."""
    sqlite3.connect(":memory:").close()


def start_a_process() -> None:
    """One that does nothing."""
    subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.mark.parametrize("reach_out", [connect, listen, ask_for_a_name, open_a_database, start_a_process])
def test_units_reach_nothing(reach_out: Callable[[], None]) -> None:
    """No socket, no database, no process; and who takes the refusal for a failure of the network is told as well."""
    with pytest.raises(Crossed):
        reach_out()
    with pytest.raises(Crossed):
        FENCE.check()
    FENCE.crossed.clear()


@pytest.mark.parametrize(
    ("asked", "imported"),
    [
        ("unit", {Category.UNIT}),
        ("unit and not slow and not soak", {Category.UNIT}),
        ("unit or net", {Category.UNIT, Category.NET}),
        ("not slow and not soak", {*Category}),
        ("slow", {*Category}),
        ("", {*Category}),
    ],
)
def test_only_what_is_asked_for_is_imported(asked: str, imported: set[Category]) -> None:
    """A module of another category, or a folder of such modules, is left out before Python reads it."""
    config: Any = SimpleNamespace(getoption=lambda _: asked)

    assert {category_of(path) for path in MODULES if not pytest_ignore_collect(path, config)} == imported
    assert (pytest_ignore_collect(TESTS / "record", config) is None) == (Category.STORE in imported)


def test_every_place_is_there() -> None:
    """No pattern is left of a module that went."""
    places = [path.relative_to(TESTS).as_posix() for path in MODULES]

    assert [
        pattern
        for patterns in PLACES.values()
        for pattern in patterns
        if not any(fnmatch(place, pattern) for place in places)
    ] == []


def test_no_test_names_its_category() -> None:
    """Its place does."""
    names = {path.name: re.findall(r"pytest\.mark\.(\w+)", path.read_text(encoding="utf-8")) for path in MODULES}

    assert {name: marks for name, marks in names.items() if {*marks} & {*Category}} == {}

"""Rooms: every folder and module of the package, in the order imports run, with the first words each says of itself."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import opendeep_kit
from docs.reference.texts import sentence, table

PACKAGE = Path(opendeep_kit.__file__).parent
PROJECT = PACKAGE.parent / "pyproject.toml"


def layers() -> list[list[str]]:
    """The rows of the import rule, from the lowest: what stands in a row may import what stands in rows before it."""
    contracts = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each["type"] == "layers"]
    return [[name.strip() for name in row.split("|")] for row in reversed(contract["layers"])]


def says(path: Path) -> str:
    """The first paragraph of a module's docstring."""
    return sentence(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")


def modules(room: str) -> list[tuple[str, str]]:
    """Path below the package, and first words, of each module of a room; the room itself first."""
    folder = PACKAGE / room
    paths = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    found = [(path.relative_to(PACKAGE).as_posix(), says(path)) for path in paths]
    return sorted(found, key=lambda row: not row[0].endswith("__init__.py"))


def undocumented() -> list[str]:
    """Modules that say nothing of themselves."""
    return [path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob("*.py")) if not says(path)]


def page() -> str:
    """The page."""
    lines = [
        "# Rooms",
        "",
        "The package from the ground up: each row imports only rows above it on this page. How they play together is",
        "told in [Architecture](../architecture.md).",
        "",
    ]
    for row in layers():
        for room in row:
            inside = modules(room)
            lines += [f"## `{room}` {{ #{room} }}", "", inside[0][1], ""]
            if rest := [(f"`{path}`", text) for path, text in inside[1:] if not path.endswith("__init__.py")]:
                lines += table(("module", "what it is for"), rest)
    return "\n".join(lines)

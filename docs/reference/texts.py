"""Reads the words that stand beside names in source code. Pure: given a class, returns texts; never imports more.

A field's or a member's text is the string on the line below it.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Sequence
from enum import Enum
from functools import cache

OURS = ("opendeep_kit",)
"""Packages whose source is read; others' classes have their own manuals."""


def beside(cls: type) -> dict[str, str]:
    """The text of every field or member, inherited ones included; a name without one is absent."""
    texts: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        if each.__module__.startswith(OURS):
            texts |= _own(each)
    return texts


def _own(cls: type) -> dict[str, str]:
    definition = _classes(cls.__module__).get(cls.__name__)
    if definition is None:
        return {}
    found: dict[str, str] = {}
    for line, below in zip(definition.body, definition.body[1:], strict=False):
        target: ast.expr | None = line.target if isinstance(line, ast.AnnAssign) else None
        if isinstance(line, ast.Assign):
            target = line.targets[0]
        text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
        if isinstance(target, ast.Name) and isinstance(text, str):
            found[target.id] = " ".join(text.split())
    return found


@cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    """The classes of a module by name, as they are written. Each module is parsed once: there are many classes."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def about(thing: object) -> str:
    """The docstring as one paragraph of Markdown; empty when the thing has none of its own."""
    text = inspect.cleandoc(getattr(thing, "__doc__", None) or "")
    name = getattr(thing, "__name__", "")
    return "" if text.startswith(f"{name}(") else text


def sentence(text: str) -> str:
    """The first paragraph, on one line."""
    return " ".join(text.strip().split("\n\n")[0].split())


def members(cls: type[Enum]) -> list[tuple[str, str]]:
    """Value and text of each member of an enumeration."""
    texts = beside(cls)
    return [(str(member.value), texts.get(name, "")) for name, member in cls.__members__.items()]


def cell(text: str) -> str:
    """The text as a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return [f"| {' | '.join(cell(part) for part in line)} |" for line in lines] + [""]

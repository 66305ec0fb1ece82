"""The project's own source, read and parsed once in a process: for the tests that hold it to its rules."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def texts(folder: str) -> dict[str, str]:
    """Every Python file below this folder of the project, by its path from there."""
    return {
        path.relative_to(ROOT / folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


@cache
def trees(folder: str) -> dict[str, ast.Module]:
    """The same, parsed."""
    return {path: ast.parse(text) for path, text in texts(folder).items()}


@cache
def nodes(folder: str) -> dict[str, list[ast.AST]]:
    """Every node of them."""
    return {path: [*ast.walk(tree)] for path, tree in trees(folder).items()}


@cache
def imports(folder: str) -> dict[str, frozenset[str]]:
    """What each of them imports, anywhere in it: modules, and names that may be modules."""
    return {path: frozenset(_imported(found)) for path, found in nodes(folder).items()}


def _imported(found: list[ast.AST]) -> set[str]:
    names: set[str] = set()
    for node in found:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names

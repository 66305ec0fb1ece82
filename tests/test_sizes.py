"""Budgets that keep every piece small enough to be read in one go, and names that say what a module is about.

A file is cut where an idea ends: no module over 400 lines, and none under 60 that a single other one needs, but for
those whose reason stands here.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.source import ROOT, imports, nodes, texts, trees

MAX_MODULE, MAX_FUNCTION, MAX_TEST = 400, 60, 30
MIN_ALONE = 60
FORBIDDEN_NAMES = frozenset(["base", "common", "core", "helpers", "manager", "misc", "utils"])
SMALL: dict[str, str] = {
    "engine/admission": "how many may be called at once is asked apart from how one is called",
    "media/provider_watch": "the provider's limits, folded without a worker",
    "voice/reconnect_policy": "when a lost model is tried again, as pure arithmetic",
}
"""Modules with one importer and fewer than 60 lines, and why each is an idea of its own."""


def definitions(folder: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Every function: where and what it is, and its lines."""
    for path, found in nodes(folder).items():
        for node in found:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{path}: {node.name}", node, node.end_lineno - node.lineno + 1


def every_test() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Every test."""
    return (found for found in definitions("tests") if ": test_" in found[0])


def test_modules() -> None:
    """No module of the package is longer than 400 lines."""
    sizes = {path: len(text.splitlines()) for path, text in texts("opendeep_kit").items()}

    assert {path: lines for path, lines in sizes.items() if lines > MAX_MODULE} == {}


def test_scripts() -> None:
    """No widget's script or style sheet is longer than a module may be."""
    paths = [path for path in (ROOT / "opendeep_kit").rglob("*") if path.suffix in (".js", ".css")]

    assert {path.name: n for path in paths if (n := len(path.read_text("utf-8").splitlines())) > MAX_MODULE} == {}


def test_functions() -> None:
    """No function of the package is longer than 60 lines."""
    assert {name: lines for name, _, lines in definitions("opendeep_kit") if lines > MAX_FUNCTION} == {}


def test_small_modules_have_a_reason() -> None:
    """A small module that one other imports belongs to that one, or says here why not; no reason outlives its module."""
    names = {path: f"opendeep_kit/{path}".removesuffix(".py").replace("/", ".") for path in texts("opendeep_kit")}
    importers = {
        path: sum(name in wanted for wanted in imports("opendeep_kit").values()) for path, name in names.items()
    }
    small = {
        path.removesuffix(".py")
        for path, text in texts("opendeep_kit").items()
        if importers[path] == 1 and len(text.splitlines()) < MIN_ALONE and not path.startswith("commands/")
    }

    assert small == {*SMALL}


def test_tests() -> None:
    """A test is short enough to be one fact."""
    assert {name: lines for name, _, lines in every_test() if lines > MAX_TEST} == {}


def test_tests_state_a_fact() -> None:
    """Every test has a docstring of its own."""
    assert [name for name, node, _ in every_test() if not ast.get_docstring(node)] == []


def test_names() -> None:
    """No module is called after nothing in particular."""
    paths = [path for folder in ("opendeep_kit", "tests") for path in texts(folder)]

    assert [path for path in paths if FORBIDDEN_NAMES & {*Path(path).with_suffix("").parts}] == []


def test_modules_say_what_they_are_for() -> None:
    """Every module of the package begins with a docstring."""
    assert [path for path, tree in trees("opendeep_kit").items() if not ast.get_docstring(tree)] == []

"""Budgets that keep every piece small enough to be read in one go, and names that say what a module is about."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAX_MODULE, MAX_FUNCTION, MAX_CLASS, MAX_TEST = 400, 60, 250, 30
FORBIDDEN_NAMES = frozenset(["base", "common", "core", "helpers", "manager", "misc", "utils"])
LARGER: dict[str, tuple[int, str]] = {
    "opendeep_kit/voice/conversation.py: Conversation": (290, "one state machine; its parts would share every field"),
    "opendeep_kit/voice/realtime_client.py: RealtimeVoice": (290, "one connection; its parts would share every field"),
}
"""Classes over the budget: how large they may be, and why."""


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """Path and text of every source file."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def definitions(*folders: str) -> Iterator[tuple[str, ast.AST, int]]:
    """Every function and class: where and what it is, and its lines."""
    for path, text in sources(*folders):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                assert node.end_lineno is not None
                yield f"{path}: {node.name}", node, node.end_lineno - node.lineno + 1


def test_modules() -> None:
    """No module of the package is longer than 400 lines."""
    sizes = {path: len(text.splitlines()) for path, text in sources("opendeep_kit")}

    assert {path: lines for path, lines in sizes.items() if lines > MAX_MODULE} == {}


def test_scripts() -> None:
    """No widget's script or style sheet is longer than a module may be."""
    paths = [path for path in (ROOT / "opendeep_kit").rglob("*") if path.suffix in (".js", ".css")]

    assert {path.name: n for path in paths if (n := len(path.read_text("utf-8").splitlines())) > MAX_MODULE} == {}


def test_functions() -> None:
    """No function of the package is longer than 60 lines."""
    sizes = {name: lines for name, node, lines in definitions("opendeep_kit") if not isinstance(node, ast.ClassDef)}

    assert {name: lines for name, lines in sizes.items() if lines > MAX_FUNCTION} == {}


def test_classes() -> None:
    """No class is longer than 250 lines, but for those listed, which may not grow either."""
    sizes = {name: lines for name, node, lines in definitions("opendeep_kit") if isinstance(node, ast.ClassDef)}

    assert {name: n for name, n in sizes.items() if n > LARGER.get(name, (MAX_CLASS, ""))[0]} == {}


def test_tests() -> None:
    """A test is short enough to be one fact."""
    sizes = {name: lines for name, _, lines in definitions("tests") if ": test_" in name}

    assert {name: lines for name, lines in sizes.items() if lines > MAX_TEST} == {}


def test_tests_state_a_fact() -> None:
    """Every test has a docstring of its own."""
    without = [
        name
        for name, node, _ in definitions("tests")
        if ": test_" in name
        and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not ast.get_docstring(node)
    ]

    assert without == []


def test_names() -> None:
    """No module is called after nothing in particular."""
    named = [
        path for path, _ in sources("opendeep_kit", "tests") if FORBIDDEN_NAMES & {*Path(path).with_suffix("").parts}
    ]

    assert named == []


def test_modules_say_what_they_are_for() -> None:
    """Every module of the package begins with a docstring."""
    assert [path for path, text in sources("opendeep_kit") if not ast.get_docstring(ast.parse(text))] == []

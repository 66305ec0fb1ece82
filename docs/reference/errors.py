"""Errors: whose fault each is, and every message there is, with what to do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import opendeep_kit
from docs.reference.texts import about, table
from opendeep_kit import errors
from opendeep_kit.errors import OpenDeepError

PACKAGE = Path(opendeep_kit.__file__).parent


def kinds() -> list[type[OpenDeepError]]:
    """The branches of the tree."""
    return [error for error in vars(errors).values() if isinstance(error, type) and error.__base__ is OpenDeepError]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One place where an error is raised."""

    kind: str
    what: str
    do: str
    module: str


def messages() -> list[Message]:
    """Every message, by kind and module; `…` stands for what is filled in."""
    names = {kind.__name__ for kind in kinds()}
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for call in _calls(ast.parse(path.read_text(encoding="utf-8")), names):
            do = next((word.value for word in call.keywords if word.arg == "do"), None)
            what = _words(call.args[0]) if call.args else ""
            if what.strip("… "):
                module = path.relative_to(PACKAGE).as_posix()
                found.append(
                    Message(kind=_name(call), what=what, do=_words(do) if do is not None else "", module=module)
                )
    return sorted(found, key=lambda message: (message.kind, message.module))


def _calls(tree: ast.Module, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def _name(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Name)
    return call.func.id


def _words(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_words(part) for part in parts)
        case ast.BinOp(left=left, right=right):
            return _words(left) + _words(right)
        case _:
            return "…"


def undocumented() -> list[str]:
    """Kinds without a text."""
    return [kind.__name__ for kind in kinds() if not about(kind)]


def page() -> str:
    """The page."""
    lines = [
        "# Errors",
        "",
        "Every error says what is wrong and what to do about it, and its class says whose fault it is. A command ends",
        "with 2 when the input is wrong or policy says no, and with 1 for everything else.",
        "",
        "```text",
        *str(errors.__doc__).split("\n\n")[-1].strip().splitlines(),
        "```",
        "",
    ]
    every = messages()
    for kind in kinds():
        lines += [f"## `{kind.__name__}`", "", about(kind), ""]
        rows = [(_plain(m.what), _plain(m.do), f"`{m.module}`") for m in every if m.kind == kind.__name__]
        lines += table(("it says", "do", "raised in"), rows)
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Words that Markdown must not read as its own."""
    for sign in "\\<>*_[]{}":
        text = text.replace(sign, f"\\{sign}") if "`" not in text else text
    return text

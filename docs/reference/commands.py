"""Commands: everything `opendeep` can be asked on the command line, with arguments, options and defaults."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin

from typer.main import get_command

from docs.reference.texts import table
from opendeep_kit.cli import app

INTRO = """# Commands

Every command ends with 0 when it did what was asked, with 1 when something failed or is not there, and with 2 when
the input is wrong or policy says no. `--json`, where there is one, prints for machines. `--log-level` and `--log-json`
stand before the command: `opendeep --log-level info up`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """An argument or an option."""

    names: tuple[str, ...]
    """`--json`, or an argument's name."""
    is_option: bool
    kind: str
    default: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command, or a group of them."""

    name: str
    """Without `opendeep`; empty for `opendeep` itself."""
    text: str
    is_group: bool
    is_hidden: bool
    parameters: tuple[Parameter, ...]


def commands() -> list[Command]:
    """Every command, groups before their own."""
    return [*_walk(get_command(app), ())]


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[Command]:
    inside = getattr(command, "commands", None)
    yield Command(
        name=" ".join(path),
        text=(command.help or "").strip(),
        is_group=inside is not None,
        is_hidden=bool(command.hidden),
        parameters=tuple(_parameter(each) for each in command.params if not getattr(each, "hidden", False)),
    )
    for name, each in sorted((inside or {}).items()):
        yield from _walk(each, (*path, name))


def _parameter(given: Any) -> Parameter:
    annotation = given.type_descriptor.annotation
    names = [*given.opts, *given.secondary_opts]
    is_option = names[0].startswith("-")
    return Parameter(
        names=tuple(names),
        is_option=is_option,
        kind=_kind(annotation, given),
        default=_default(given),
        text=given.help or "",
    )


def _kind(annotation: Any, given: Any) -> str:
    if getattr(given, "is_bool_flag", False):
        return ""
    inner = [part for part in get_args(annotation) if part is not type(None)]
    if get_origin(annotation) in (Union, types.UnionType, list) and inner:
        more = ", again for each" if get_origin(annotation) is list or given.multiple else ""
        return _kind(inner[0], given) + more
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    least, most = given.min, given.max
    limits = f"{least} to {most}" if most is not None else f"{least} or more" if least is not None else ""
    return limits or {"str": "text", "Path": "path", "int": "whole number", "float": "number"}[annotation.__name__]


def _default(given: Any) -> str:
    value = given.default
    if given.required:
        return "must be given"
    if value is None or value is False or value == []:
        return ""
    return f"`{value.value if isinstance(value, Enum) else value}`"


def undocumented() -> list[str]:
    """Commands and their parameters without a text."""
    missing = []
    for command in commands():
        missing += [] if command.text else [command.name]
        missing += [f"{command.name} {each.names[0]}" for each in command.parameters if not each.text]
    return missing


def page() -> str:
    """The page: what people use first, the service's own processes last."""
    every = commands()
    shown = [command for command in every if not command.is_hidden and command.name]
    hidden = [command for command in every if command.is_hidden]
    lines = [INTRO]
    for command in shown:
        lines += _command(command)
    lines += [
        "## Processes",
        "",
        "`opendeep up` and `opendeep run` start these; there is no need to do so by hand.",
        "",
    ]
    for command in hidden:
        lines += _command(command, deeper=1)
    return "\n".join(lines)


def _command(command: Command, *, deeper: int = 0) -> list[str]:
    words = command.name.split()
    arguments = [each.names[0].upper() for each in command.parameters if not each.is_option]
    usage = " ".join(["opendeep", *words, *(["…"] if command.is_group else arguments)])
    lines = [f"{'#' * (1 + len(words) + deeper)} `{usage}` {{ #{'-'.join(words)} }}", "", command.text, ""]
    rows = [
        (", ".join(f"`{name}`" for name in each.names), each.kind, each.default, each.text)
        for each in command.parameters
    ]
    return lines + (table(("name", "takes", "default", "meaning"), rows) if rows else [])

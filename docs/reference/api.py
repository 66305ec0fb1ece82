"""Names for notebooks: what `import opendeep_kit` gives, and the few classes that extensions are made of."""

from __future__ import annotations

import inspect
import pkgutil

import opendeep_kit
from docs.reference.texts import about

EXTENSIONS = {
    "A tool of the agent": ("opendeep_kit.voice.tools", ("tool", "ToolContext", "ToolResult", "FollowUp")),
    "A voice engine": ("opendeep_kit.voice.engine", ("VoiceEngine",)),
    "A line": ("opendeep_kit.phone.line", ("Line", "CallOrder", "LineResult", "CallProgress")),
    "A persona": ("opendeep_kit.rehearsal.personas", ("Persona", "Answer")),
    "A call script": ("opendeep_kit.tasks.spec", ("TaskSpec", "Question")),
}
"""What somebody who extends OpenDeep implements or builds."""


def names() -> list[str]:
    """The full name of each public name of the package."""
    homes = {name: f"{home}.{name}" for name, home in opendeep_kit._HOME.items()}
    modules = ["opendeep_kit.lab.pictures", "opendeep_kit.warehouse.connection.open_warehouse"]
    return sorted([*homes.values(), *modules], key=lambda full: full.rpartition(".")[2].lower())


def objects() -> list[str]:
    """Full names of everything on the page."""
    return [*names(), *(f"{module}.{name}" for module, inside in EXTENSIONS.values() for name in inside)]


def undocumented() -> list[str]:
    """Names whose object has no docstring; a plain value has none to give."""
    missing = []
    for full in objects():
        thing = pkgutil.resolve_name(full)
        if (callable(thing) or inspect.ismodule(thing)) and not about(thing):
            missing.append(full)
    return missing


def page() -> str:
    """The page; mkdocstrings fills it in."""
    lines = ["# Python", "", "## `opendeep_kit`", "", "What a notebook finds in `import opendeep_kit`.", ""]
    for full in names():
        lines += [f"::: {full}", ""]
    for subject, (module, inside) in EXTENSIONS.items():
        lines += [f"## {subject}", "", f"In `{module}`.", ""]
        for name in inside:
            lines += [f"::: {module}.{name}", ""]
    return "\n".join(lines)

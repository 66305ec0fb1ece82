"""Tools: what the agent may do in a call, as the model is told of it."""

from __future__ import annotations

from typing import Any

from docs.reference.texts import table
from opendeep_kit.voice.call_tools import CALL_TOOLS
from opendeep_kit.voice.tools import Tool

INTRO = """# Tools of the agent

What the model may call while it talks. The texts below are the very ones that it reads: a tool is a typed Python
function, and its description and arguments come from its docstring and signature. These are offered in every call;
`record_answer` with the task's own questions, `transfer_to_human` only where the task names a human.

A tenant's own documents, tables and services become tools too, when a script names them: `voice/tenant_tools.py`.
A function of yours becomes one with `opendeep_kit.voice.tools.tool`, for one call: `examples/tool.py`.
"""


def arguments(tool: Tool) -> list[tuple[str, str, str]]:
    """Name, kind and text of each argument."""
    schema = tool.schema()["parameters"]
    required = schema.get("required", [])
    return [
        (name, _kind(part) + ("" if name in required else ", may be left out"), part.get("description", ""))
        for name, part in schema.get("properties", {}).items()
    ]


def _kind(part: dict[str, Any]) -> str:
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    return {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}[part["type"]]


def undocumented() -> list[str]:
    """Tools and arguments without a text."""
    return [tool.name for tool in CALL_TOOLS if not tool.description] + [
        f"{tool.name}.{name}" for tool in CALL_TOOLS for name, _, text in arguments(tool) if not text
    ]


def page() -> str:
    """The page."""
    lines = [INTRO]
    for tool in CALL_TOOLS:
        lines += [f"## `{tool.name}` {{ #{tool.name} }}", "", tool.description, ""]
        if rows := arguments(tool):
            lines += table(("argument", "kind", "meaning"), [(f"`{name}`", kind, text) for name, kind, text in rows])
    return "\n".join(lines)

"""Events: everything that can happen in a call, with the fields of each."""

from __future__ import annotations

import dataclasses
import sys
from enum import StrEnum
from typing import get_type_hints

from docs.reference.texts import about, beside, sentence, table
from opendeep_kit import events
from opendeep_kit.events.event import Event, to_line

SUBJECTS = {
    "line": "The line",
    "talk": "The talk",
    "tools": "The agent's tools",
    "event": "What we do not know",
}
"""The modules of `events`, in the order they are shown."""


def classes() -> dict[str, list[type[Event]]]:
    """Every event of ours, by the module of its subject."""
    found: dict[str, list[type[Event]]] = {subject: [] for subject in SUBJECTS}
    for event in Event.registry.values():
        package, _, subject = event.__module__.rpartition(".")
        if package == events.__name__:
            found.setdefault(subject, []).append(event)
    return found


def own_fields(event: type[Event]) -> list[tuple[str, str, str]]:
    """Name, kind and text of each field but the two that all have."""
    hints, texts = get_type_hints(event), beside(event)
    shared = {field.name for field in dataclasses.fields(Event)}
    return [
        (field.name, _kind(hints[field.name]), texts.get(field.name, ""))
        for field in dataclasses.fields(event)
        if field.name not in shared
    ]


def _kind(hint: type) -> str:
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    if hint in plain:
        return plain[hint]
    return f"[`{hint.__name__}`](outcomes.md#{hint.__name__.lower()})" if issubclass(hint, StrEnum) else f"`{hint}`"


def undocumented() -> list[str]:
    """Events and fields without a text."""
    missing = []
    for inside in classes().values():
        for event in inside:
            missing += [] if about(event) else [event.__name__]
            missing += [f"{event.__name__}.{name}" for name, _, text in own_fields(event) if not text]
    return missing


def page() -> str:
    """The page."""
    example = events.AnswerRecorded(call_id="5f0c6a", at_ms=18240.0, question="attending", value="yes")
    lines = [
        "# Events",
        "",
        about(events),
        "",
        "Every event has `call_id`, our id of the call, and `at_ms`. As a line of a file one looks like this:",
        "",
        "```json",
        to_line(example),
        "```",
        "",
        "In the warehouse they are the view [`staging.events`](views.md#staging.events).",
        "",
    ]
    for subject, inside in classes().items():
        module = sys.modules[f"{events.__name__}.{subject}"]
        lines += [f"## {SUBJECTS.get(subject, subject)}", "", sentence(about(module)), ""]
        for event in inside:
            lines += [f"### `{event.__name__}` {{ #{event.__name__} }}", "", about(event), ""]
            if rows := own_fields(event):
                lines += table(("field", "kind", "meaning"), [(f"`{name}`", kind, text) for name, kind, text in rows])
    return "\n".join(lines)

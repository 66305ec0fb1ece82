"""Reads a voice model's instructions back into their parts, as `tasks.prompt` wrote them.

Given the text of `session.instructions`, returns a `Brief`. Instructions in any other form still yield one: their
first sentences become the opening. Never looks at the conversation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_HEADING = re.compile(r"^# (\w+)\s*$", re.MULTILINE)
_QUESTION = re.compile(
    r"^\d+\. \[(?P<id>[a-z0-9_-]+)\] \((?P<type>\w+)(?:: (?P<form>[^;]*))?; (?P<need>\w+)\) (?P<ask>.+)$"
)
_TRIES = re.compile(r"Ask a question at most (\d+) times")
_MAX_OPENING_CHARS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question of the brief."""

    id: str
    type: str
    """`yes_no`, `number`, `choice`, `date`, `text`."""
    ask: str
    options: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    is_required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What the instructions ask for."""

    opening: str
    questions: tuple[Asked, ...] = ()
    objections: tuple[tuple[tuple[str, ...], str], ...] = ()
    """(phrases, answer) pairs."""
    closing: str = "Thank you. Goodbye!"
    voicemail: str = ""
    identity: str = "I am an AI assistant."
    facts: dict[str, str] = field(default_factory=dict)
    max_tries: int = 2


def read_brief(instructions: str) -> Brief:
    """The brief in these instructions."""
    parts = _HEADING.split(instructions)
    sections = {title.lower(): text.strip() for title, text in zip(parts[1::2], parts[2::2], strict=True)}
    if "opening" not in sections:
        return Brief(opening=_free_opening(instructions))
    tries = _TRIES.search(sections.get("rules", ""))
    return Brief(
        opening=sections["opening"],
        questions=tuple(_questions(sections.get("questions", ""))),
        objections=tuple(_objections(sections.get("objections", ""))),
        closing=sections.get("closing", "Thank you. Goodbye!"),
        voicemail=sections.get("voicemail", ""),
        identity=sections.get("identity", "I am an AI assistant."),
        facts=_facts(sections.get("facts", "")),
        max_tries=int(tries[1]) if tries else 2,
    )


def _free_opening(instructions: str) -> str:
    """Some words to speak when the instructions have no sections."""
    quoted = re.search(r'[Ss]ay(?: exactly)?:? "([^"]+)"', instructions)
    if quoted:
        return quoted[1]
    return "Hello, I am an AI assistant. How can I help you?" if instructions.strip() else "Hello."


def quoted_words(instructions: str) -> str:
    """The words of an instruction of the form `Say exactly: "…"`, or the instruction itself, shortened."""
    quoted = re.search(r'"(.+)"', instructions, re.DOTALL)
    return quoted[1].strip() if quoted else instructions.strip()[:_MAX_OPENING_CHARS]


def _questions(text: str) -> list[Asked]:
    found = []
    for line in text.splitlines():
        match = _QUESTION.match(line.strip())
        if not match:
            continue
        form = match["form"] or ""
        is_range = match["type"] == "number" and ".." in form
        low, _, high = form.partition("..") if is_range else ("", "", "")
        found.append(
            Asked(
                id=match["id"],
                type=match["type"],
                ask=match["ask"],
                options=tuple(part.strip() for part in form.split("|")) if match["type"] == "choice" else (),
                lowest=float(low) if low else None,
                highest=float(high) if high else None,
                is_required=match["need"] == "required",
            )
        )
    return found


def _objections(text: str) -> list[tuple[tuple[str, ...], str]]:
    found = []
    for line in text.splitlines():
        when, colon, say = line.strip().removeprefix("- ").partition(":")
        if colon:
            found.append((tuple(phrase.strip().lower() for phrase in when.split("|")), say.strip()))
    return found


def _facts(text: str) -> dict[str, str]:
    pairs = (line.removeprefix("- ").partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}

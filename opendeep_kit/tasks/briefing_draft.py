"""What a briefing knows of a task so far, and the call script it becomes. Pure.

Given a draft with goal and organisation, returns text that `parse_script` accepts. Never leaves a placeholder that
nothing fills.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import yaml

from opendeep_kit.tasks.spec import BUILT_IN_FACTS, DEFAULT_DISCLOSURE, AnswerType, Question


class Topic(StrEnum):
    """What the briefing asks about, in order."""

    GOAL = "goal"
    ORGANISATION = "organisation"
    QUESTIONS = "questions"
    FACTS = "facts"
    DISCLOSURE = "disclosure"
    LIMITS = "limits"
    CONFIRM = "confirm"
    """Everything is known; the person reviews it."""
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is known of the task so far."""

    goal: str = ""
    organisation: str = ""
    people: str = ""
    """Who is called, in the plural: patients."""
    questions: tuple[Question, ...] = ()
    facts: tuple[str, ...] = ("name",)
    examples: dict[str, str] = field(default_factory=dict)
    disclosure: str = DEFAULT_DISCLOSURE
    transfer_to: str | None = None
    max_duration_s: float = 300.0
    settled: frozenset[Topic] = frozenset()
    """Topics that need no more asking."""

    @property
    def next_topic(self) -> Topic:
        """What to ask next."""
        return next((topic for topic in Topic if topic not in self.settled), Topic.DONE)


_NAME = re.compile(r"[^a-z0-9]+")


def script_text(draft: Draft) -> str:
    """The call script as a file's text."""
    facts = list(dict.fromkeys(draft.facts))
    known = BUILT_IN_FACTS | {*facts}
    front: dict[str, Any] = {
        "script": script_name(draft),
        "goal": _filled(draft.goal, known),
        "organisation": _filled(draft.organisation, frozenset()),
        "facts": facts,
        "disclosure": _filled(draft.disclosure, frozenset()),
    }
    examples = {name: value for name, value in draft.examples.items() if name in facts}
    if examples:
        front["examples"] = examples
    if draft.transfer_to:
        front["transfer_to"] = draft.transfer_to
    if draft.questions:
        front["questions"] = [_question(question, known) for question in draft.questions]
    front["limits"] = {"max_duration_s": draft.max_duration_s}
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{head}---\n\n{_sections(draft)}"


def script_name(draft: Draft) -> str:
    """A name made from the goal: `confirm-the-appointment`."""
    plain = re.sub(r"\{[^{}]*\}", " ", draft.goal.lower())
    parts = [part for part in _NAME.split(plain) if part and part not in ("the", "of", "on", "a", "an", "and", "to")]
    name = "-".join(parts[:3])[:60].strip("-")
    return name if name and name[0].isalpha() else f"task-{name}".rstrip("-")


def _question(question: Question, known: frozenset[str]) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": question.id, "ask": _filled(question.ask, known), "type": str(question.type)}
    if question.options:
        plain["options"] = list(question.options)
    if question.type is AnswerType.NUMBER:
        plain |= {name: value for name in ("lowest", "highest") if (value := getattr(question, name)) is not None}
    if not question.required:
        plain["required"] = False
    return plain


def _filled(text: str, known: frozenset[str]) -> str:
    """On one line, keeping only the placeholders that something fills."""
    line = " ".join(text.split())
    fillable = re.sub(r"\{([^{}]*)\}", lambda match: match[0] if match[1] in known else match[1], line)
    outside = re.split(r"(\{\w+\})", fillable)
    return "".join(part if re.fullmatch(r"\{\w+\}", part) else re.sub(r"[{}]", "", part) for part in outside)


def _sections(draft: Draft) -> str:
    name = "{name}" if "name" in draft.facts else ""
    who = f" Am I speaking with {name}?" if name else " May I ask you something?"
    to = f", {name}" if name else ""
    hello = f"Hello {name}, this" if name else "Hello, this"
    return (
        f"# Opening\nHello, this is the assistant of {{organisation}}. {{disclosure}}{who}\n\n"
        "# Objections\n"
        "- how did you get my number | where did you get: You are in the contacts of {organisation}.\n"
        "- how long | how much time: It takes only a minute or two.\n\n"
        f"# Closing\nThank you{to}. Goodbye!\n\n"
        f"# Voicemail\n{hello} is the AI assistant of {{organisation}}. We will try again another time. Goodbye.\n\n"
        "# Style\nCalm, friendly and brief. One question at a time.\n"
    )

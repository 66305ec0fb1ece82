"""What a briefing knows of a task so far, and what it would ask next. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from opendeep_kit.tasks.spec import DEFAULT_DISCLOSURE, Question


class Topic(StrEnum):
    """What is being talked about."""

    GOAL = "goal"
    ORGANISATION = "organisation"
    QUESTIONS = "questions"
    FACTS = "facts"
    DISCLOSURE = "disclosure"
    LIMITS = "limits"
    CONFIRM = "confirm"
    """Everything is known; the person looks it over."""
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is known of the task so far."""

    goal: str = ""
    organisation: str = ""
    people: str = ""
    """Whom, in the plural: patients."""
    questions: tuple[Question, ...] = ()
    facts: tuple[str, ...] = ("name",)
    examples: dict[str, str] = field(default_factory=dict)
    disclosure: str = DEFAULT_DISCLOSURE
    transfer_to: str | None = None
    max_duration_s: float = 300.0
    settled: frozenset[Topic] = frozenset()
    """What needs no more asking."""

    @property
    def next_topic(self) -> Topic:
        """What to ask next."""
        return next((topic for topic in Topic if topic not in self.settled), Topic.DONE)

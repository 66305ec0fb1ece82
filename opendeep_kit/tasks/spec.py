"""What a task is: its goal, the questions it wants answered, and its limits.

Given plain data (the front matter of a call script, or a briefing's result), validates it. Never says how things are
worded on the telephone: that is the script.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from opendeep_kit.numbers import E164

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Option = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^|;\n]*$")]
"""Without the characters that separate options in the instructions."""

MAX_DURATION_S = 3600
"""No script may talk longer: the provider ends a session after an hour."""
DEFAULT_DISCLOSURE = "I am an AI assistant, and this call is recorded."
BUILT_IN_FACTS = frozenset(["organisation", "disclosure"])
"""Placeholders that every script may use, besides the contact's facts."""


class AnswerType(StrEnum):
    """The form of an answer."""

    YES_NO = "yes_no"
    NUMBER = "number"
    CHOICE = "choice"
    DATE = "date"
    """A day or a time, as said."""
    TEXT = "text"


class Part(BaseModel):
    """A frozen part of a task; unknown names are refused, so that typos show."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Question(Part):
    """One thing to find out."""

    id: Identifier
    ask: Sentence
    """As the agent asks it; may contain `{placeholders}`."""
    type: AnswerType = AnswerType.TEXT
    options: tuple[Option, ...] = ()
    """For `choice`: the choices."""
    lowest: float | None = None
    highest: float | None = None
    """For `number`: the range, inclusive."""
    required: bool = True
    """Without its answer the call counts as partial."""

    @model_validator(mode="after")
    def _is_possible(self) -> Question:
        if (self.type is AnswerType.CHOICE) != (len(self.options) >= 2):
            raise ValueError("a question of type choice needs at least two options, and other types take none")
        if (self.lowest is not None or self.highest is not None) and self.type is not AnswerType.NUMBER:
            raise ValueError("only a question of type number has lowest and highest")
        if self.lowest is not None and self.highest is not None and self.lowest >= self.highest:
            raise ValueError("lowest must be below highest")
        return self


class CallLimits(Part):
    """When a call or a question has gone on long enough."""

    max_duration_s: float = Field(300.0, gt=0, le=MAX_DURATION_S)
    max_tries_per_question: int = Field(2, ge=1, le=5)
    """After this many tries without a usable answer a question is left open."""


class TaskSpec(Part):
    """One task, whatever script words it."""

    goal: Sentence
    organisation: Sentence
    """On whose behalf the agent calls, as it says the name."""
    language: str = Field("en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    """BCP 47."""
    voice: str | None = None
    """The model's voice; None takes the settings' voice."""
    disclosure: Sentence = DEFAULT_DISCLOSURE
    """The sentence that tells the callee about the AI, spoken in the opening."""
    facts: tuple[Identifier, ...] = ("name",)
    """Columns of the contacts file that the script uses."""
    examples: dict[Identifier, str] = Field(default_factory=dict)
    """Example values of the facts, for rehearsals."""
    transfer_to: E164 | None = None
    """Number of the human to whom a callee who asks for one is handed over; None: nobody, a call back instead."""
    questions: tuple[Question, ...] = ()
    tools: tuple[Identifier, ...] = ()
    """The tenant's own tools that the agent may use, by name, besides those every call has."""
    limits: CallLimits = CallLimits()

    @model_validator(mode="after")
    def _ids_differ(self) -> TaskSpec:
        ids = [question.id for question in self.questions]
        twice = {name for name in ids if ids.count(name) > 1}
        if twice:
            raise ValueError(f"two questions have the id {sorted(twice)[0]!r}")
        strange = set(self.examples) - set(self.facts)
        if strange:
            raise ValueError(f"the example {sorted(strange)[0]!r} is not among the facts")
        return self

    @property
    def example_facts(self) -> dict[str, str]:
        """A made-up contact, for rehearsals."""
        general = {"name": "Alex Morgan"}
        return {name: self.examples.get(name) or general.get(name) or name.replace("_", " ") for name in self.facts}

    @property
    def required(self) -> tuple[str, ...]:
        """Ids of the questions that must be answered."""
        return tuple(question.id for question in self.questions if question.required)

    @property
    def placeholders(self) -> frozenset[str]:
        """Names that this task's texts may use in braces."""
        return BUILT_IN_FACTS | set(self.facts)


_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def placeholders_in(text: str) -> tuple[str, ...]:
    """Names in braces, in order."""
    return tuple(_PLACEHOLDER.findall(text))


def fill(text: str, values: dict[str, str]) -> str:
    """The text with its placeholders filled; a placeholder without a value is dropped."""
    return re.sub(r"\s+", " ", _PLACEHOLDER.sub(lambda m: values.get(m[1], ""), text)).strip()


def spec_from(data: dict[str, Any]) -> TaskSpec:
    """The task that these plain values describe. Raises pydantic's ValidationError, which `script` puts into words."""
    return TaskSpec.model_validate(data)

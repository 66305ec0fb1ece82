"""What the agent decides by its tools, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from opendeep_kit.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled(Event):
    """The model called a tool."""

    tool_call_id: str
    name: str
    arguments: str
    """JSON as the model wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReturned(Event):
    """A tool finished, failed or ran out of time; the call went on."""

    tool_call_id: str
    name: str
    output: str
    took_ms: float
    is_failure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecorded(Event):
    """The agent noted the answer to a question of the task."""

    question: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackScheduled(Event):
    """The callee asked to be called at another time."""

    when: str
    """As said, or ISO 8601 when the agent could tell."""
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut(Event):
    """The callee asked never to be called again."""

    utterance: str
    """The callee's own words: the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferAsked(Event):
    """The agent hands the callee over to a human."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsSent(Event):
    """The agent pressed keys."""

    digits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailLeft(Event):
    """A machine answered and the agent left a message."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAsked(Event):
    """The agent decided to end the call; the goodbye finishes first."""

    reason: str

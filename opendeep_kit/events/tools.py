"""What the agent does through its tools, and the results."""

from __future__ import annotations

from dataclasses import dataclass

from opendeep_kit.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled(Event):
    """The model called a tool."""

    tool_call_id: str
    """The model's id of this use of the tool."""
    name: str
    """The tool's."""
    arguments: str
    """JSON as the model wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReturned(Event):
    """A tool finished, failed or timed out; the call went on."""

    tool_call_id: str
    """As in `ToolCalled`."""
    name: str
    """The tool's."""
    output: str
    """What the model was given to read."""
    took_ms: float
    """From the call of the tool to its result."""
    is_failure: bool
    """It failed, timed out, or was called with wrong arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecorded(Event):
    """The agent recorded the answer to a question of the task."""

    question: str
    """The question's id in the task."""
    value: str
    """The answer in the question's own form: `yes`, `4`, an option's name, or words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackScheduled(Event):
    """The callee asked to be called at another time."""

    when: str
    """As said, or ISO 8601 when the agent could tell."""
    note: str
    """Anything the next caller should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut(Event):
    """The callee asked never to be called again."""

    utterance: str
    """The callee's own words: the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferAsked(Event):
    """The agent hands the callee over to a human."""

    reason: str
    """What the callee wants, for the colleague."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsSent(Event):
    """The agent pressed keys."""

    digits: str
    """Keys as pressed; w is a pause of half a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailLeft(Event):
    """A machine answered and the agent left a message."""

    message: str
    """Exactly what was said to the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAsked(Event):
    """The agent decided to end the call; the goodbye finishes first."""

    reason: str
    """`completed`, `refused`, `voicemail` …: see the tool `end_call`."""

"""The happenings of a call that are marked beneath its lanes: tools, answers, the disclosure, wishes, troubles.

Given a call's events, returns one mark per happening with a short label and a longer detail. Speech is not marked:
it is seen in the lanes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from opendeep_kit import events

LONGEST_DETAIL = 400
"""Characters; a tool may return a page."""


class MarkKind(StrEnum):
    """How a mark is painted."""

    LINE = "line"
    """The telephone line: answered, ended, keys."""
    TOOL = "tool"
    """The model used a tool."""
    FAILED_TOOL = "failed_tool"
    """A tool failed or ran out of time."""
    DISCLOSURE = "disclosure"
    """The callee had heard that an AI speaks."""
    ANSWER = "answer"
    """A question was answered."""
    WISH = "wish"
    """The callee wants another time, a human, or never to be called again."""
    TROUBLE = "trouble"
    """The voice model was lost or erred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One happening."""

    at_ms: float
    kind: MarkKind
    label: str
    """A word or two."""
    detail: str = ""
    """One line more."""


def marks(happened: Iterable[events.Event]) -> list[Mark]:
    """The happenings worth a mark, in order."""
    happened = list(happened)
    returned = {event.tool_call_id: event for event in happened if isinstance(event, events.ToolReturned)}
    worth = []
    for event in happened:
        mark = _tool(event, returned.get(event.tool_call_id)) if isinstance(event, events.ToolCalled) else _of(event)
        if mark is not None:
            worth.append(mark)
    return sorted(worth, key=lambda mark: mark.at_ms)


def _tool(called: events.ToolCalled, returned: events.ToolReturned | None) -> Mark:
    kind = MarkKind.FAILED_TOOL if returned is not None and returned.is_failure else MarkKind.TOOL
    came = f"{returned.output} ({returned.took_ms:.0f} ms)" if returned is not None else "it never returned"
    return _mark(called, kind, called.name, f"{called.arguments} → {came}")


def _of(event: events.Event) -> Mark | None:
    match event:
        case events.DisclosureHeard():
            return _mark(event, MarkKind.DISCLOSURE, "AI disclosed", event.text)
        case events.AnswerRecorded():
            return _mark(event, MarkKind.ANSWER, event.question, event.value)
        case events.OptedOut():
            return _mark(event, MarkKind.WISH, "opted out", event.utterance)
        case events.CallbackScheduled():
            return _mark(event, MarkKind.WISH, "callback", f"{event.when} {event.note}")
        case events.TransferAsked():
            return _mark(event, MarkKind.WISH, "transfer", event.reason)
        case events.ModelLost():
            return _mark(event, MarkKind.TROUBLE, "model lost", f"{event.code} {event.reason}")
        case events.ModelGivenUp():
            return _mark(event, MarkKind.TROUBLE, "model given up", event.reason)
        case events.ModelErred(benign=False):
            return _mark(event, MarkKind.TROUBLE, "model erred", f"{event.code} {event.message}")
        case _:
            return _of_line(event)


def _of_line(event: events.Event) -> Mark | None:
    match event:
        case events.Answered():
            return _mark(event, MarkKind.LINE, "answered")
        case events.DigitReceived():
            return _mark(event, MarkKind.LINE, f"pressed {event.digit}")
        case events.DigitsSent():
            return _mark(event, MarkKind.LINE, f"sent {event.digits}")
        case events.VoicemailLeft():
            return _mark(event, MarkKind.LINE, "voicemail", event.message)
        case events.Nudged():
            return _mark(event, MarkKind.LINE, "silence: nudged")
        case events.CallEnded():
            return _mark(event, MarkKind.LINE, "ended", f"by {event.ended_by} {event.detail}")
        case _:
            return None


def _mark(event: events.Event, kind: MarkKind, label: str, detail: str = "") -> Mark:
    detail = " ".join(detail.split())
    short = detail if len(detail) <= LONGEST_DETAIL else f"{detail[:LONGEST_DETAIL]}…"
    return Mark(at_ms=event.at_ms, kind=kind, label=label, detail=short)

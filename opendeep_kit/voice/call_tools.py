"""The tools every call has: note answers, end, call back, opt out, hand over, press keys, leave a message.

Each is a pure function: from the model's arguments to the events that happened and what the call does next. None
touches the line. `tools_for` fits them to a task: `record_answer` takes the task's own questions and forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field, create_model

from opendeep_kit import events
from opendeep_kit.errors import BadInput
from opendeep_kit.tasks.answers import canonical, form
from opendeep_kit.tasks.spec import Question, TaskSpec
from opendeep_kit.voice.tools import FollowUp, Tool, ToolContext, ToolResult, tool

EndReason = Literal[
    "completed", "refused", "wrong_person", "no_time", "voicemail", "silent", "callback", "do_not_call", "other"
]
DIGITS = frozenset("0123456789*#ABCDw")


def end_call(context: ToolContext, reason: EndReason) -> ToolResult:
    """End the call politely. Say goodbye in the same turn: the line closes after it was heard.

    Args:
        reason: why the call ends.
    """
    happened = events.EndAsked(call_id=context.call_id, at_ms=context.at_ms, reason=reason)
    return ToolResult(
        output="The line closes when your goodbye was heard. If you are interrupted, the call goes on.",
        happened=(happened,),
        follow_up=FollowUp.HANG_UP,
    )


def record_answer(context: ToolContext, question: str, value: str) -> ToolResult:
    """Note the answer to one question as soon as it is clear. Call it again to correct an answer.

    Args:
        question: the question's id.
        value: the answer in the form the question asks for.
    """
    happened = events.AnswerRecorded(
        call_id=context.call_id, at_ms=context.at_ms, question=question.strip(), value=value.strip()
    )
    return ToolResult(output="Noted.", happened=(happened,))


def schedule_callback(context: ToolContext, when: str, note: str = "") -> ToolResult:
    """Note that the callee wants to be called at another time.

    Args:
        when: the time as the callee said it, or as ISO 8601.
        note: anything the next caller should know.
    """
    happened = events.CallbackScheduled(call_id=context.call_id, at_ms=context.at_ms, when=when, note=note)
    return ToolResult(output="Noted. Confirm the time and end the call.", happened=(happened,))


def do_not_call_again(context: ToolContext, utterance: str) -> ToolResult:
    """The callee asks never to be called again. Use it at once; no persuasion.

    Args:
        utterance: the callee's own words.
    """
    words = utterance.strip() or context.last_words
    happened = events.OptedOut(call_id=context.call_id, at_ms=context.at_ms, utterance=words)
    return ToolResult(output="Done. Confirm it in one sentence and end the call.", happened=(happened,))


def transfer_to_human(context: ToolContext, reason: str) -> ToolResult:
    """Hand the callee over to a human colleague. Say in the same turn that you connect them.

    Args:
        reason: what the callee wants, for the colleague.
    """
    happened = events.TransferAsked(call_id=context.call_id, at_ms=context.at_ms, reason=reason)
    return ToolResult(
        output="The callee is connected when you have finished.", happened=(happened,), follow_up=FollowUp.TRANSFER
    )


def press_digits(context: ToolContext, digits: str) -> ToolResult:
    """Press keys, for example in a telephone menu.

    Args:
        digits: 0-9, *, #, A-D; w waits half a second.
    """
    wrong = set(digits) - DIGITS
    if wrong or not 0 < len(digits) <= 32:
        raise BadInput(f"{digits[:40]!r} cannot be pressed", do="use at most 32 of 0-9, *, #, A-D and w")
    happened = events.DigitsSent(call_id=context.call_id, at_ms=context.at_ms, digits=digits)
    return ToolResult(output="Pressed. Listen.", happened=(happened,), press=digits, follow_up=FollowUp.NOTHING)


def leave_voicemail(context: ToolContext, message: str) -> ToolResult:
    """A machine answered. Call this first; then say the message, and end the call in that turn.

    Args:
        message: exactly what you will say.
    """
    happened = events.VoicemailLeft(call_id=context.call_id, at_ms=context.at_ms, message=message)
    return ToolResult(output="Now say the message and call end_call with reason voicemail.", happened=(happened,))


CALL_TOOLS: tuple[Tool, ...] = (
    tool(end_call),
    tool(record_answer),
    tool(schedule_callback),
    tool(do_not_call_again),
    tool(transfer_to_human),
    tool(press_digits),
    tool(leave_voicemail),
)
"""Offered in every call, whatever its task."""


def tools_for(task: TaskSpec) -> tuple[Tool, ...]:
    """The tools of a call for this task; the hand-over only where there is somebody to hand over to."""
    fitting = {"record_answer": _noting(task.questions)} if task.questions else {}
    offered = (fitting.get(general.name, general) for general in CALL_TOOLS)
    return tuple(fitted for fitted in offered if fitted.name != "transfer_to_human" or task.transfer_to)


def _noting(questions: Sequence[Question]) -> Tool:
    """`record_answer`, for these questions and their forms only: what does not fit goes back to the model."""
    by_id = {question.id: question for question in questions}

    def record(context: ToolContext, question: str, value: str) -> ToolResult:
        asked = by_id.get(question.strip().lower())
        if asked is None:
            raise BadInput(f"there is no question {question[:80]!r}", do=f"known ids: {', '.join(by_id)}")
        return record_answer(context, asked.id, canonical(asked, value))

    general = tool(record_answer)
    forms = "; ".join(f"{name}: {form(question)}" for name, question in by_id.items())
    arguments = create_model(
        general.name,
        __base__=general.arguments,
        question=(str, Field(description="the question's id.", json_schema_extra={"enum": list(by_id)})),
        value=(str, Field(description=f"the answer in the form the question asks for ({forms}).")),
    )
    return replace(general, function=record, arguments=arguments)

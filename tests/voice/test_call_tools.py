"""The tools of every call: what each makes happen and what the call does next."""

import json

import pytest

from opendeep_kit import events
from opendeep_kit.voice.call_tools import CALL_TOOLS
from opendeep_kit.voice.tools import Moment, Result, Then, Toolbox

MOMENT = Moment(call_id="c", at_ms=900.0, last_words="Stop calling me.")


async def use(name: str, **arguments: str) -> tuple[Result, bool]:
    """One tool, called as the model calls it."""
    return await Toolbox(CALL_TOOLS).run(name, json.dumps(arguments), MOMENT, timeout_s=5)


def test_names() -> None:
    """The tools offered are those the task's rules speak of."""
    assert [tool.name for tool in CALL_TOOLS] == [
        "end_call",
        "record_answer",
        "schedule_callback",
        "do_not_call_again",
        "transfer_to_human",
        "press_digits",
        "leave_voicemail",
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "happened", "then", "press"),
    [
        (
            "end_call",
            {"reason": "refused"},
            events.EndAsked(call_id="c", at_ms=900, reason="refused"),
            Then.HANG_UP,
            "",
        ),
        (
            "record_answer",
            {"question": " pain ", "value": " 4 "},
            events.AnswerRecorded(call_id="c", at_ms=900, question="pain", value="4"),
            Then.REPLY,
            "",
        ),
        (
            "schedule_callback",
            {"when": "tomorrow at nine"},
            events.CallbackScheduled(call_id="c", at_ms=900, when="tomorrow at nine", note=""),
            Then.REPLY,
            "",
        ),
        (
            "do_not_call_again",
            {"utterance": "Take me off your list."},
            events.OptedOut(call_id="c", at_ms=900, utterance="Take me off your list."),
            Then.REPLY,
            "",
        ),
        (
            "transfer_to_human",
            {"reason": "billing"},
            events.TransferAsked(call_id="c", at_ms=900, reason="billing"),
            Then.TRANSFER,
            "",
        ),
        (
            "press_digits",
            {"digits": "1w#"},
            events.DigitsSent(call_id="c", at_ms=900, digits="1w#"),
            Then.NOTHING,
            "1w#",
        ),
        (
            "leave_voicemail",
            {"message": "Please call back."},
            events.VoicemailLeft(call_id="c", at_ms=900, message="Please call back."),
            Then.REPLY,
            "",
        ),
    ],
)
async def test_tool(name: str, arguments: dict[str, str], happened: events.Event, then: Then, press: str) -> None:
    """Each tool makes exactly one thing happen, at the moment of the call."""
    result, failed = await use(name, **arguments)

    assert (result.happened, result.then, result.press, failed) == ((happened,), then, press, False)
    assert result.output


async def test_opt_out_without_words_keeps_the_last_heard() -> None:
    """The evidence of an opt-out is never empty: the callee's last words stand in."""
    result, _ = await use("do_not_call_again", utterance="  ")

    assert result.happened == (events.OptedOut(call_id="c", at_ms=900, utterance="Stop calling me."),)


@pytest.mark.parametrize("digits", ["", "12a", "1 2", "E", "1" * 33, "²"])
async def test_keys_that_no_telephone_has(digits: str) -> None:
    """Keys that cannot be pressed are refused, and nothing is noted as pressed."""
    result, failed = await use("press_digits", digits=digits)

    assert failed
    assert result.happened == ()
    assert "use at most 32 of 0-9, *, #, A-D and w" in result.output


async def test_reason_nobody_knows() -> None:
    """An end for a reason outside the closed set is sent back to the model; the line stays open."""
    result, failed = await use("end_call", reason="bored")

    assert failed
    assert result.then is Then.REPLY

"""The tools of every call: what each makes happen and what the call does next."""

import json

import pytest

from opendeep_kit import events
from opendeep_kit.tasks.spec import TaskSpec, spec_from
from opendeep_kit.voice.call_tools import CALL_TOOLS, tools_for
from opendeep_kit.voice.tools import FollowUp, Toolbox, ToolContext, ToolResult

MOMENT = ToolContext(call_id="c", at_ms=900.0, last_words="Stop calling me.")


async def use(name: str, **arguments: str) -> tuple[ToolResult, bool]:
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
            FollowUp.HANG_UP,
            "",
        ),
        (
            "record_answer",
            {"question": " pain ", "value": " 4 "},
            events.AnswerRecorded(call_id="c", at_ms=900, question="pain", value="4"),
            FollowUp.REPLY,
            "",
        ),
        (
            "schedule_callback",
            {"when": "tomorrow at nine"},
            events.CallbackScheduled(call_id="c", at_ms=900, when="tomorrow at nine", note=""),
            FollowUp.REPLY,
            "",
        ),
        (
            "do_not_call_again",
            {"utterance": "Take me off your list."},
            events.OptedOut(call_id="c", at_ms=900, utterance="Take me off your list."),
            FollowUp.REPLY,
            "",
        ),
        (
            "transfer_to_human",
            {"reason": "billing"},
            events.TransferAsked(call_id="c", at_ms=900, reason="billing"),
            FollowUp.TRANSFER,
            "",
        ),
        (
            "press_digits",
            {"digits": "1w#"},
            events.DigitsSent(call_id="c", at_ms=900, digits="1w#"),
            FollowUp.NOTHING,
            "1w#",
        ),
        (
            "leave_voicemail",
            {"message": "Please call back."},
            events.VoicemailLeft(call_id="c", at_ms=900, message="Please call back."),
            FollowUp.REPLY,
            "",
        ),
    ],
)
async def test_tool(name: str, arguments: dict[str, str], happened: events.Event, then: FollowUp, press: str) -> None:
    """Each tool makes exactly one thing happen, at the moment of the call."""
    result, failed = await use(name, **arguments)

    assert (result.happened, result.follow_up, result.press, failed) == ((happened,), then, press, False)
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
    assert result.follow_up is FollowUp.REPLY


# ---- fitted to a task -------------------------------------------------------------------------------


def task(*questions: dict[str, object], **more: object) -> TaskSpec:
    """A task with these questions."""
    return spec_from({"goal": "Ask.", "organisation": "Clinic", "questions": questions, **more})


SURVEY = task(
    {"id": "pain", "ask": "How strong is it?", "type": "number", "lowest": 1, "highest": 5},
    {"id": "arrival", "ask": "How will you come?", "type": "choice", "options": ["car", "on foot"]},
)


async def note(question: str, value: str) -> tuple[ToolResult, bool]:
    """`record_answer` in a call for the survey."""
    box, arguments = Toolbox(tools_for(SURVEY)), json.dumps({"question": question, "value": value})
    return await box.run("record_answer", arguments, MOMENT, timeout_s=5)


async def test_answer_is_kept_in_the_form_of_its_question() -> None:
    """The model's spelling does not part answers that are the same."""
    for given, kept in [(("Pain ", "4.0"), ("pain", "4")), (("arrival", "On foot."), ("arrival", "on foot"))]:
        result, failed = await note(*given)
        (noted,) = result.happened
        assert isinstance(noted, events.AnswerRecorded)
        assert ((noted.question, noted.value), failed) == (kept, False)


@pytest.mark.parametrize(
    ("question", "value", "told"),
    [
        ("pian", "4", "there is no question 'pian': known ids: pain, arrival."),
        ("pain", "seven", "'seven' does not answer pain: the value must be a number in digits, 1..5."),
        ("pain", "7", "'7' does not answer pain: the value must be a number in digits, 1..5."),
        ("arrival", "bus", "'bus' does not answer arrival: the value must be one of: car | on foot."),
    ],
)
async def test_answer_that_fits_no_question_goes_back_to_the_model(question: str, value: str, told: str) -> None:
    """Nothing is noted, and the model reads what would do."""
    result, failed = await note(question, value)

    assert (result.happened, result.output, failed) == ((), f"It did not work: {told}", True)


def test_schema_names_the_questions() -> None:
    """The model sees the ids and the forms before it calls."""
    schema = tools_for(SURVEY)[1].schema()
    asked, value = schema["parameters"]["properties"].values()

    assert (schema["name"], asked["enum"], value["type"]) == ("record_answer", ["pain", "arrival"], "string")
    assert "(pain: a number in digits, 1..5; arrival: one of: car | on foot)" in value["description"]


def test_offered_is_what_the_task_can_use() -> None:
    """A hand-over needs somebody to hand over to; without questions any answer may be noted."""
    names = [tool.name for tool in tools_for(task())]

    assert names == [tool.name for tool in CALL_TOOLS if tool.name != "transfer_to_human"]
    assert [tool.name for tool in tools_for(task(transfer_to="+12125550132"))] == [tool.name for tool in CALL_TOOLS]
    assert tools_for(task())[1] is CALL_TOOLS[1]

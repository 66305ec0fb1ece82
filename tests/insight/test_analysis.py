"""What a call achieved: one row for every disposition and every way to it."""

from typing import Any

import pytest

from opendeep_kit import events
from opendeep_kit.events import NOT_UNDERSTOOD
from opendeep_kit.insight.analysis import Summary, answers, disposition, summarise
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult

REQUIRED = ("attending", "pain")


def at(ms: float, kind: type[events.Event], **fields: Any) -> events.Event:
    """An event of the call at this time."""
    return kind(call_id="c", at_ms=ms, **fields)


def ended(by: EndedBy = EndedBy.AGENT, result: PhoneResult = PhoneResult.ANSWERED) -> events.Event:
    """The call's last event."""
    return at(60_000, events.CallEnded, phone_result=result, ended_by=by)


def noted(question: str, value: str) -> events.Event:
    """An answer."""
    return at(30_000, events.AnswerRecorded, question=question, value=value)


def asked_end(reason: str) -> events.Event:
    """The agent wants to end."""
    return at(50_000, events.EndAsked, reason=reason)


ANSWERED = at(1000, events.Answered)
TALKED = at(5000, events.CalleeSaid, item_id="u1", text="Yes.")
MUMBLED = at(5000, events.CalleeSaid, item_id="u1", text="")
BOTH = (noted("attending", "yes"), noted("pain", "4"))
OPT_OUT = at(40_000, events.OptedOut, utterance="Never call again.")
CALLBACK = at(40_000, events.CallbackScheduled, when="tomorrow", note="")
TRANSFER = at(40_000, events.TransferAsked, reason="billing")
VOICEMAIL = at(40_000, events.VoicemailLeft, message="Please call back.")


def stepped_in(what: str, argument: str = "") -> events.Event:
    """A supervisor's word to the call."""
    return at(45_000, events.Supervised, what=what, argument=argument, by="Sam")


ROWS: dict[str, tuple[Disposition, list[events.Event]]] = {
    "every required answer": (Disposition.COMPLETED, [TALKED, *BOTH, asked_end("completed"), ended()]),
    "callee hangs up after the last answer": (Disposition.COMPLETED, [TALKED, *BOTH, ended(EndedBy.CALLEE)]),
    "model lost after the last answer": (Disposition.COMPLETED, [TALKED, *BOTH, ended(EndedBy.FAILURE)]),
    "the model says completed, but is not": (Disposition.PARTIAL, [TALKED, BOTH[0], asked_end("completed"), ended()]),
    "an answer that is none": (Disposition.PARTIAL, [TALKED, BOTH[0], noted("pain", " Unknown "), ended()]),
    "hung up between two questions": (Disposition.PARTIAL, [TALKED, BOTH[0], ended(EndedBy.CALLEE)]),
    "limit reached in the talk": (Disposition.PARTIAL, [TALKED, ended(EndedBy.LIMIT)]),
    "does not want to": (Disposition.REFUSED, [TALKED, asked_end("refused"), ended()]),
    "has no time": (Disposition.REFUSED, [TALKED, asked_end("no_time"), ended()]),
    "opted out": (Disposition.DO_NOT_CALL, [TALKED, OPT_OUT, asked_end("do_not_call"), ended()]),
    "opted out, then answered all": (Disposition.DO_NOT_CALL, [TALKED, OPT_OUT, *BOTH, ended()]),
    "opted out, then the line was lost": (
        Disposition.DO_NOT_CALL,
        [TALKED, OPT_OUT, ended(EndedBy.FAILURE, PhoneResult.FAILED)],
    ),
    "the model forgot the tool": (Disposition.DO_NOT_CALL, [TALKED, asked_end("do_not_call"), ended()]),
    "handed over by a supervisor": (
        Disposition.TRANSFERRED,
        [TALKED, stepped_in("transfer", "+12125550101"), ended(EndedBy.SUPERVISOR)],
    ),
    "taken over on a telephone": (
        Disposition.TRANSFERRED,
        [stepped_in("take_over", "+12125550101"), ended(EndedBy.SUPERVISOR)],
    ),
    "taken over at the desk": (Disposition.SILENT, [stepped_in("take_over"), ended(EndedBy.SUPERVISOR)]),
    "a hand-over failed, and the callee left": (
        Disposition.HUNG_UP_EARLY,
        [TALKED, stepped_in("transfer", "+12125550101"), ended(EndedBy.CALLEE)],
    ),
    "hung up after a hand-over that failed": (
        Disposition.PARTIAL,
        [TALKED, stepped_in("transfer", "+12125550101"), stepped_in("hang_up"), ended(EndedBy.SUPERVISOR)],
    ),
    "another time": (Disposition.CALLBACK, [TALKED, CALLBACK, asked_end("callback"), ended()]),
    "another time, hangs up": (Disposition.CALLBACK, [TALKED, CALLBACK, ended(EndedBy.CALLEE)]),
    "another time, line lost": (Disposition.CALLBACK, [TALKED, CALLBACK, ended(EndedBy.FAILURE)]),
    "wrong person": (Disposition.WRONG_PERSON, [TALKED, asked_end("wrong_person"), ended()]),
    "handed over": (Disposition.TRANSFERRED, [TALKED, TRANSFER, ended()]),
    "a machine, message left": (Disposition.VOICEMAIL, [TALKED, VOICEMAIL, asked_end("voicemail"), ended()]),
    "a machine, no message": (Disposition.VOICEMAIL, [TALKED, asked_end("voicemail"), ended()]),
    "not a word": (Disposition.SILENT, [ended(EndedBy.LIMIT)]),
    "not an intelligible word": (Disposition.SILENT, [MUMBLED, ended(EndedBy.LIMIT)]),
    "keys, and not a word": (Disposition.PARTIAL, [at(5000, events.DigitReceived, digit="1"), ended(EndedBy.LIMIT)]),
    "hangs up without a word": (Disposition.SILENT, [ended(EndedBy.CALLEE)]),
    "the agent calls it silent": (Disposition.SILENT, [MUMBLED, asked_end("silent"), ended()]),
    "hello and gone": (Disposition.HUNG_UP_EARLY, [TALKED, ended(EndedBy.CALLEE)]),
    "model lost in the talk": (Disposition.FAILED, [TALKED, BOTH[0], ended(EndedBy.FAILURE)]),
    "line failed": (Disposition.FAILED, [ended(EndedBy.FAILURE, PhoneResult.FAILED)]),
    "no end recorded": (Disposition.FAILED, [TALKED]),
}


@pytest.mark.parametrize(("expected", "happened"), ROWS.values(), ids=ROWS)
def test_disposition(expected: Disposition, happened: list[events.Event]) -> None:
    """Each way a call can go has one result."""
    assert disposition([ANSWERED, *happened], REQUIRED) is expected


@pytest.mark.parametrize("result", [r for r in PhoneResult if r not in (PhoneResult.ANSWERED, PhoneResult.FAILED)])
def test_nobody_answered(result: PhoneResult) -> None:
    """Whatever the network's reason, the callee was not reached; only our own failure is a failure."""
    assert disposition([ended(EndedBy.NETWORK, result)], REQUIRED) is Disposition.NOT_REACHED


def test_every_disposition_has_a_row() -> None:
    """No result is left untested."""
    assert {expected for expected, _ in ROWS.values()} | {Disposition.NOT_REACHED} == set(Disposition)


def test_nothing_required() -> None:
    """A task without required questions is completed when the agent reached its goodbye, and not by a hang-up."""
    assert disposition([ANSWERED, TALKED, asked_end("completed"), ended()], ()) is Disposition.COMPLETED
    assert disposition([ANSWERED, TALKED, noted("comment", "no"), ended(EndedBy.CALLEE)], ()) is Disposition.PARTIAL


def test_last_answer_counts() -> None:
    """A corrected answer replaces the one before."""
    assert answers([noted("pain", "4"), noted("attending", "yes"), noted("pain", "2")]) == {
        "pain": "2",
        "attending": "yes",
    }


def test_withdrawn_answer_is_missing() -> None:
    """An answer corrected to "unknown" no longer counts as given."""
    happened = [ANSWERED, TALKED, *BOTH, noted("pain", "unknown"), ended()]

    assert disposition(happened, REQUIRED) is Disposition.PARTIAL


WHOLE_CALL = [
    ANSWERED,
    at(3000, events.DisclosureHeard, text="I am an AI assistant."),
    at(4000, events.CalleeSoundStarted),
    at(4180, events.SpeechStarted, item_id="u1"),
    at(4180, events.AgentInterrupted, item_id="a1", heard_ms=1, dropped_ms=1, last_frame_ms=4200),
    at(5000, events.CalleeSoundStopped),
    at(5600, events.SpeechStopped, item_id="u1"),
    at(5700, events.CalleeSaid, item_id="u1", text="Yes."),
    at(6000, events.ReplyAudioArrived, response_id="r", item_id="a2"),
    at(6020, events.AgentSoundStarted, item_id="a2", first_sound_ms=6100),
    *BOTH,
    at(59_000, events.RecordingSaved, path="default/c.wav", sha256="0" * 64, duration_ms=59_000),
    ended(),
]


def test_summary_of_a_whole_call() -> None:
    """Every figure of a call with one turn, one interruption, a disclosure and a recording."""
    assert summarise(WHOLE_CALL, REQUIRED) == Summary(
        phone_result=PhoneResult.ANSWERED,
        disposition=Disposition.COMPLETED,
        ended_by=EndedBy.AGENT,
        detail="",
        answers={"attending": "yes", "pain": "4"},
        duration_ms=59_000,
        turns=1,
        voice_to_voice_p50_ms=1100,
        voice_to_voice_p95_ms=1100,
        barge_ins=1,
        barge_in_stops_ms=(200,),
        disclosed_at_ms=3000,
        recording="default/c.wav",
        recording_sha256="0" * 64,
    )


def test_utterance_that_was_not_understood_is_no_turn() -> None:
    """It keeps the call from being silent, but it is nobody's words."""
    unheard = at(5000, events.CalleeSaid, item_id="u1", text=NOT_UNDERSTOOD)
    summary = summarise([ANSWERED, unheard, ended(EndedBy.LIMIT)], REQUIRED)

    assert (summary.turns, summary.disposition) == (0, Disposition.PARTIAL)


def test_summary_of_a_call_nobody_answered() -> None:
    """No duration, no latency, no recording, and no guess in their place."""
    summary = summarise([at(0, events.Dialled, line="asterisk"), ended(EndedBy.NETWORK, PhoneResult.BUSY)], REQUIRED)

    assert (summary.phone_result, summary.disposition) == (PhoneResult.BUSY, Disposition.NOT_REACHED)
    assert (summary.duration_ms, summary.turns, summary.recording) == (0.0, 0, "")
    assert (summary.voice_to_voice_p50_ms, summary.disclosed_at_ms) == (None, None)


def test_summary_without_an_end() -> None:
    """A call of which the end was never written is a failure, and says so."""
    summary = summarise([ANSWERED, TALKED], REQUIRED)

    assert (summary.ended_by, summary.detail) == (EndedBy.FAILURE, "no end was recorded")

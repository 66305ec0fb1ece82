"""What a call achieved, by rules. A fold over its events.

Given one call's events and the questions that had to be answered, names the disposition and the answers. Never
asks a model; a model's judgement is another analysis with the same result type.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from opendeep_kit import events
from opendeep_kit.events import NOT_UNDERSTOOD
from opendeep_kit.insight.latency import barge_ins, percentile, turns
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.tasks.answers import NOT_AN_ANSWER

NO_WORDS = ("", NOT_UNDERSTOOD)
_BY_REASON = {
    "wrong_person": Disposition.WRONG_PERSON,
    "refused": Disposition.REFUSED,
    "no_time": Disposition.REFUSED,
    "callback": Disposition.CALLBACK,
    "voicemail": Disposition.VOICEMAIL,
    "do_not_call": Disposition.DO_NOT_CALL,
    "silent": Disposition.SILENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a call came to, in figures: a fold over its events, and what its row keeps."""

    phone_result: PhoneResult
    disposition: Disposition
    ended_by: EndedBy
    detail: str = ""
    answers: dict[str, str] = field(default_factory=dict, repr=False)
    duration_ms: float = 0.0
    """From the answer to the end; 0 when nobody answered."""
    turns: int = 0
    """Utterances of the callee that were understood."""
    voice_to_voice_p50_ms: float | None = None
    voice_to_voice_p95_ms: float | None = None
    barge_ins: int = 0
    barge_in_stops_ms: tuple[float, ...] = ()
    disclosed_at_ms: float | None = None
    """When the callee had heard that an AI speaks; None: never."""
    recording: str = ""
    """Path below the recordings folder; empty when there is none."""
    recording_sha256: str = ""


def answers(happened: Sequence[events.Event]) -> dict[str, str]:
    """The last answer noted for each question."""
    return {event.question: event.value for event in happened if isinstance(event, events.AnswerRecorded)}


def disposition(happened: Sequence[events.Event], required: Collection[str]) -> Disposition:
    """What the attempt achieved. The first rule that applies decides; the callee's wish comes first."""
    kinds = {type(event): event for event in happened}
    ended = kinds.get(events.CallEnded)
    result = ended.phone_result if isinstance(ended, events.CallEnded) else PhoneResult.FAILED
    if events.OptedOut in kinds:
        return Disposition.DO_NOT_CALL
    if result is not PhoneResult.ANSWERED:
        return Disposition.FAILED if result is PhoneResult.FAILED else Disposition.NOT_REACHED
    if events.VoicemailLeft in kinds:
        return Disposition.VOICEMAIL
    if events.TransferAsked in kinds or _is_handed_over(kinds.get(events.Supervised), ended):
        return Disposition.TRANSFERRED
    asked = kinds.get(events.EndAsked)
    if isinstance(asked, events.EndAsked) and asked.reason in _BY_REASON:
        return _BY_REASON[asked.reason]
    if events.CallbackScheduled in kinds:
        return Disposition.CALLBACK
    given = {name for name, value in answers(happened).items() if value.strip().lower() not in NOT_AN_ANSWER}
    # Without a required question only the agent can tell that the talk reached its end.
    has_said_so = isinstance(asked, events.EndAsked) and asked.reason == "completed"
    if given >= set(required) if required else has_said_so:
        return Disposition.COMPLETED
    if isinstance(ended, events.CallEnded) and ended.ended_by is EndedBy.FAILURE:
        return Disposition.FAILED
    return _unfinished(happened, given, ended)


def _is_handed_over(last_word: events.Event | None, ended: events.Event | None) -> bool:
    """A supervisor's last word was a hand-over, and with it the call was over for us: it had not failed."""
    if not isinstance(last_word, events.Supervised) or not isinstance(ended, events.CallEnded):
        return False
    is_asked = last_word.what == "transfer" or (last_word.what == "take_over" and bool(last_word.argument))
    return is_asked and ended.ended_by is EndedBy.SUPERVISOR


def _unfinished(happened: Sequence[events.Event], given: Collection[str], ended: events.Event | None) -> Disposition:
    words = any(isinstance(event, events.CalleeSaid) and event.text for event in happened)
    if not words and not any(isinstance(event, events.DigitReceived) for event in happened):
        return Disposition.SILENT
    by_callee = isinstance(ended, events.CallEnded) and ended.ended_by is EndedBy.CALLEE
    return Disposition.HUNG_UP_EARLY if by_callee and not given else Disposition.PARTIAL


def summarise(happened: Sequence[events.Event], required: Collection[str]) -> Summary:
    """One call in figures, for tables and the record."""
    kinds = {type(event): event for event in happened}
    ended, answered = kinds.get(events.CallEnded), kinds.get(events.Answered)
    saved, disclosed = kinds.get(events.RecordingSaved), kinds.get(events.DisclosureHeard)
    waits = [turn.voice_to_voice_ms for turn in turns(happened)]
    cuts = barge_ins(happened)
    has_ended = isinstance(ended, events.CallEnded)
    return Summary(
        phone_result=ended.phone_result if isinstance(ended, events.CallEnded) else PhoneResult.FAILED,
        disposition=disposition(happened, required),
        ended_by=ended.ended_by if isinstance(ended, events.CallEnded) else EndedBy.FAILURE,
        detail=ended.detail if isinstance(ended, events.CallEnded) else "no end was recorded",
        answers=answers(happened),
        duration_ms=ended.at_ms - answered.at_ms if has_ended and ended and answered else 0.0,
        turns=sum(isinstance(event, events.CalleeSaid) and event.text not in NO_WORDS for event in happened),
        voice_to_voice_p50_ms=percentile(waits, 0.5),
        voice_to_voice_p95_ms=percentile(waits, 0.95),
        barge_ins=len(cuts),
        barge_in_stops_ms=tuple(cut.stop_ms for cut in cuts),
        disclosed_at_ms=disclosed.at_ms if disclosed else None,
        recording=saved.path if isinstance(saved, events.RecordingSaved) else "",
        recording_sha256=saved.sha256 if isinstance(saved, events.RecordingSaved) else "",
    )

"""The closed sets of names for a call's result.

Names only. Which one applies is decided by `insight` and the call state.
"""

from __future__ import annotations

from enum import StrEnum


class PhoneResult(StrEnum):
    """What the telephone network did with one attempt (from SIP/Q.850 causes, not from words said)."""

    ANSWERED = "answered"
    """Somebody or something picked up."""
    BUSY = "busy"
    """486/600, cause 17."""
    NO_ANSWER = "no_answer"
    """Rang until the time limit, or 480 (cause 19)."""
    REJECTED = "rejected"
    """603/403, cause 21."""
    INVALID_NUMBER = "invalid_number"
    """404/484/485/604, causes 1 and 28."""
    NUMBER_CHANGED = "number_changed"
    """410, cause 22."""
    UNREACHABLE = "unreachable"
    """408, cause 18: the network got no reply at all."""
    CONGESTION = "congestion"
    """5xx, causes 34 and 38: worth another try later."""
    CANCELLED = "cancelled"
    """We hung up before anybody answered."""
    FAILED = "failed"
    """Anything else, on our side or the network's."""


class Disposition(StrEnum):
    """What one attempt achieved, in the words a campaign manager uses."""

    COMPLETED = "completed"
    """Every required question has an answer."""
    PARTIAL = "partial"
    """A talk took place, some required answers are missing."""
    REFUSED = "refused"
    """The callee does not want to take part now."""
    DO_NOT_CALL = "do_not_call"
    """The callee asked never to be called again."""
    CALLBACK = "callback"
    """The callee asked for another time."""
    WRONG_PERSON = "wrong_person"
    """The person meant is not at this number."""
    TRANSFERRED = "transferred"
    """Handed over to a human."""
    VOICEMAIL = "voicemail"
    """A machine answered."""
    SILENT = "silent"
    """Answered, but nothing intelligible was ever said, and no key pressed."""
    HUNG_UP_EARLY = "hung_up_early"
    """The callee hung up before the talk got anywhere."""
    NOT_REACHED = "not_reached"
    """Nobody answered; the phone result says why."""
    FAILED = "failed"
    """Our failure or the voice model's; never held against the contact."""


class EndedBy(StrEnum):
    """Who ended the call."""

    CALLEE = "callee"
    AGENT = "agent"
    """The voice AI, through `end_call` or a hand-over."""
    SUPERVISOR = "supervisor"
    LIMIT = "limit"
    """Maximum duration or callee silence."""
    FAILURE = "failure"
    """The voice model or the line was lost."""
    NETWORK = "network"
    """The call never got as far as an answer."""

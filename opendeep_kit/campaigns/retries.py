"""Says when a contact is called again after an attempt, or that they are not.

Given what the telephone network and the talk came to, how often that has happened, the opening times and a source of
randomness, returns the time with its reason. Our own failures have a count of their own and are never held against
the contact; a callback that the callee asked for is kept at that time. Never asks whether a call is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from opendeep_kit.errors import BadInput
from opendeep_kit.outcomes import Disposition, PhoneResult


class OutcomeKind(StrEnum):
    """What an attempt came to, as far as calling again is concerned."""

    FINAL = "final"
    """Done, refused, opted out, handed over, wrong person, or no such number."""
    CALLBACK = "callback"
    """The callee named another time."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    """The callee pressed the call away."""
    VOICEMAIL = "voicemail"
    HUNG_UP_EARLY = "hung_up_early"
    SILENT = "silent"
    INCOMPLETE = "incomplete"
    """A talk took place, required answers are missing."""
    NETWORK = "network"
    """Congestion, or the network got no reply."""
    OUR_FAILURE = "our_failure"
    """Ours or the voice model's."""


_BY_DISPOSITION: dict[Disposition, OutcomeKind] = {
    Disposition.COMPLETED: OutcomeKind.FINAL,
    Disposition.PARTIAL: OutcomeKind.INCOMPLETE,
    Disposition.REFUSED: OutcomeKind.FINAL,
    Disposition.DO_NOT_CALL: OutcomeKind.FINAL,
    Disposition.CALLBACK: OutcomeKind.CALLBACK,
    Disposition.WRONG_PERSON: OutcomeKind.FINAL,
    Disposition.TRANSFERRED: OutcomeKind.FINAL,
    Disposition.VOICEMAIL: OutcomeKind.VOICEMAIL,
    Disposition.SILENT: OutcomeKind.SILENT,
    Disposition.HUNG_UP_EARLY: OutcomeKind.HUNG_UP_EARLY,
    Disposition.FAILED: OutcomeKind.OUR_FAILURE,
}
"""Of an answered call."""

_BY_RESULT: dict[PhoneResult, OutcomeKind] = {
    PhoneResult.ANSWERED: OutcomeKind.OUR_FAILURE,  # somebody picked up, and we do not know what came of it
    PhoneResult.BUSY: OutcomeKind.BUSY,
    PhoneResult.NO_ANSWER: OutcomeKind.NO_ANSWER,
    PhoneResult.REJECTED: OutcomeKind.REJECTED,
    PhoneResult.INVALID_NUMBER: OutcomeKind.FINAL,
    PhoneResult.NUMBER_CHANGED: OutcomeKind.FINAL,
    PhoneResult.UNREACHABLE: OutcomeKind.NETWORK,
    PhoneResult.CONGESTION: OutcomeKind.NETWORK,
    PhoneResult.CANCELLED: OutcomeKind.OUR_FAILURE,
    PhoneResult.FAILED: OutcomeKind.OUR_FAILURE,
}
"""Of a call that nobody answered."""


DAY_S = 24 * 3600.0
MAX_RETRIES = 100
LONGEST_DELAY_S = 60 * DAY_S
"""As far ahead as an opening is looked for: what is further away is never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule:
    """What follows one kind of outcome."""

    max_retries: int
    """So many further attempts after outcomes of this kind; 0: none."""
    delay_s: float
    """After the attempt's end."""
    growth: float = 1.0
    """Each further delay is longer by this factor."""
    jitter: float = 0.2
    """The delay varies by this share either way, so that a thousand calls do not come back in one second."""

    def __post_init__(self) -> None:
        possible = (
            0 <= self.max_retries <= MAX_RETRIES,
            0 <= self.delay_s <= LONGEST_DELAY_S,
            1 <= self.growth <= 10,
            0 <= self.jitter < 1,
        )
        if not all(possible):
            raise BadInput(
                "a retry rule is impossible",
                do=f"set up to {MAX_RETRIES} retries, a delay up to {LONGEST_DELAY_S / DAY_S:.0f} days in seconds, "
                "growth from 1 to 10, jitter from 0 to below 1",
            )

    def delay_after(self, times: int, *, spread: float) -> float:
        """How long after the so many-th outcome of this kind it is tried again, in seconds; never over the longest.

        Args:
            spread: -1..1: where in the jitter.
        """
        # A delay that grows ten times twenty times over is no number of days any more.
        grown = min(LONGEST_DELAY_S, self.delay_s * self.growth ** min(MAX_RETRIES, max(0, times - 1)))
        return min(LONGEST_DELAY_S, grown * (1 + self.jitter * spread))


_MINUTE, _HOUR = 60.0, 3600.0
DEFAULT_RULES: dict[OutcomeKind, RetryRule] = {
    OutcomeKind.BUSY: RetryRule(max_retries=4, delay_s=10 * _MINUTE, growth=2),
    OutcomeKind.NO_ANSWER: RetryRule(max_retries=3, delay_s=3 * _HOUR, growth=2),
    OutcomeKind.REJECTED: RetryRule(max_retries=1, delay_s=24 * _HOUR),
    OutcomeKind.VOICEMAIL: RetryRule(max_retries=2, delay_s=5 * _HOUR, growth=2),
    OutcomeKind.HUNG_UP_EARLY: RetryRule(max_retries=1, delay_s=24 * _HOUR),
    OutcomeKind.SILENT: RetryRule(max_retries=1, delay_s=2 * _HOUR),
    OutcomeKind.INCOMPLETE: RetryRule(max_retries=1, delay_s=24 * _HOUR),
    OutcomeKind.NETWORK: RetryRule(max_retries=5, delay_s=5 * _MINUTE, growth=2),
    OutcomeKind.OUR_FAILURE: RetryRule(max_retries=5, delay_s=5 * _MINUTE, growth=2),
}
"""Somebody who pressed us away or hung up is left alone for a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """A campaign's rules of calling again."""

    rules: Mapping[OutcomeKind, RetryRule] = field(default_factory=lambda: dict(DEFAULT_RULES))
    """A kind without a rule is not called again."""
    max_attempts: int = 6
    """Over all kinds but our own failures and callbacks."""
    max_callbacks: int = 3
    """A callee may put us off so often."""
    callback_jitter_s: float = 0.0
    """A time that the callee asked for is kept to the second unless this says otherwise."""

    def __post_init__(self) -> None:
        if self.max_attempts < 1 or self.max_callbacks < 0 or not 0 <= self.callback_jitter_s <= DAY_S:
            raise BadInput(
                "a retry policy is impossible",
                do="allow 1 attempt or more, no negative counts, and a day of jitter at most",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAttempt:
    """What follows an attempt."""

    at: datetime | None
    """When; None: never again in this campaign."""
    reason: str
    """One clause for a person."""
    is_promised: bool = False
    """At the time that the callee asked for: goes before others, and is kept to the minute."""


Opening = Callable[[datetime], datetime | None]
"""The first instant from this one on at which the callee may be called; `windows.next_opening` with its arguments."""
Better = Callable[[datetime, datetime], datetime | None]
"""A time after the first of these, and no later than the second, at which such contacts answer more often."""


def outcome_kind(result: PhoneResult, disposition: Disposition | None) -> OutcomeKind:
    """What the attempt came to. Every pair has an answer; what makes no sense counts as our failure."""
    if disposition is None or disposition is Disposition.NOT_REACHED or result is not PhoneResult.ANSWERED:
        # An opt-out is final whatever the network says of the call in which it was heard.
        return OutcomeKind.FINAL if disposition is Disposition.DO_NOT_CALL else _BY_RESULT[result]
    return _BY_DISPOSITION[disposition]


def next_attempt(
    policy: RetryPolicy,
    so_far: Mapping[OutcomeKind, int],
    kind: OutcomeKind,
    *,
    ended_at: datetime,
    opening: Opening,
    rng: Random,
    callback_at: datetime | None = None,
    better: Better | None = None,
) -> NextAttempt:
    """When the contact is called next.

    Args:
        so_far: outcomes of this contact in this campaign, the last one included, by kind.
        ended_at: of the last attempt.
        callback_at: the time that the callee asked for; None when it is not known.
        better: asked within a day of the plain time, and within six times the rule's delay: who is to be called again
            soon is not called tomorrow instead.
    """
    if kind is OutcomeKind.FINAL:
        return NextAttempt(at=None, reason="the outcome is final")
    if kind is OutcomeKind.CALLBACK:
        return _callback(policy, so_far, callback_at, ended_at, opening, rng)
    rule = policy.rules.get(kind)
    times = so_far.get(kind, 0)
    words = kind.value.replace("_", " ")
    if rule is None or times > rule.max_retries:
        return NextAttempt(at=None, reason=f"after {times} × {words} there is no further attempt")
    counted = sum(count for name, count in so_far.items() if name not in _NOT_COUNTED)
    if kind not in _NOT_COUNTED and counted >= policy.max_attempts:
        return NextAttempt(at=None, reason=f"{counted} attempts were made, {policy.max_attempts} are allowed")
    delay = rule.delay_after(times, spread=2 * rng.random() - 1)
    at = opening(ended_at + timedelta(seconds=delay))
    if at is None:
        return NextAttempt(at=None, reason="no window opens again")
    latest = at + min(timedelta(days=1), timedelta(seconds=_HINT_DELAYS * delay))
    hint = better(at, latest) if better is not None and kind in _HINTED else None
    if hint is not None and hint <= latest and opening(hint) == hint:
        return NextAttempt(at=hint, reason=f"{words}: again at an hour at which such contacts answer")
    return NextAttempt(at=at, reason=f"{words}: again after {delay / 60:.0f} minutes, inside the windows")


_NOT_COUNTED = (OutcomeKind.OUR_FAILURE, OutcomeKind.CALLBACK)
_HINTED = (OutcomeKind.NO_ANSWER, OutcomeKind.VOICEMAIL)
_HINT_DELAYS = 6


def _callback(
    policy: RetryPolicy,
    so_far: Mapping[OutcomeKind, int],
    asked: datetime | None,
    ended_at: datetime,
    opening: Opening,
    rng: Random,
) -> NextAttempt:
    if so_far.get(OutcomeKind.CALLBACK, 0) > policy.max_callbacks:
        return NextAttempt(at=None, reason=f"the callee has put us off more than {policy.max_callbacks} times")
    if asked is None or asked < ended_at:
        rule = policy.rules.get(OutcomeKind.INCOMPLETE, DEFAULT_RULES[OutcomeKind.INCOMPLETE])
        at = opening(ended_at + timedelta(seconds=rule.delay_s))
        why = "no time was understood" if asked is None else "the time asked for is past"
        return NextAttempt(at=at, reason=f"a callback was asked for, but {why}: called at the usual distance")
    wanted = asked + timedelta(seconds=policy.callback_jitter_s * rng.random())
    at = opening(wanted)
    if at == wanted:
        return NextAttempt(at=at, reason="the callee asked for this time", is_promised=True)
    if at is None:
        return NextAttempt(at=None, reason="the time asked for is outside the windows, and no window opens again")
    return NextAttempt(at=at, reason="the time asked for is outside the windows, hence refused: at the next opening")

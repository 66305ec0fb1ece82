"""Closes an attempt: folds its call, honours an opt-out, and moves the contact on by the retry rules.

Given how the call ended, computes its result and writes everything in one transaction: the call's last two events and
its row, the do-not-call entry, the attempt's result and cost, and what happens to the contact next. Running it again
changes nothing. Never dials.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from opendeep_kit import events
from opendeep_kit.campaigns.best_hours import BestHours, Tried, best_hours
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.campaigns.retries import OutcomeKind, next_attempt, outcome_kind
from opendeep_kit.campaigns.rule_inputs import closed_days
from opendeep_kit.campaigns.times import asked_time
from opendeep_kit.campaigns.windows import next_opening
from opendeep_kit.config import Settings
from opendeep_kit.engine.permits import rules_for
from opendeep_kit.errors import OurMistake, Unavailable
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.media.call_end import Judgement, judge, result_of
from opendeep_kit.media.follow import DIED
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.phone.line import LineResult
from opendeep_kit.record import attempts, call_commands, calls, campaigns, directory, dnc, enrolments
from opendeep_kit.record import event_log as events_record
from opendeep_kit.record.attempts import Attempt, AttemptResult
from opendeep_kit.record.calls import MediaEnd
from opendeep_kit.record.campaigns import REHEARSAL
from opendeep_kit.record.database import Clock, Database, calling
from opendeep_kit.record.enrolments import Enrolment, NextStep
from opendeep_kit.tasks.script import parse_script

ANSWERED, MACHINE = PhoneResult.ANSWERED, Disposition.VOICEMAIL
RANG = (PhoneResult.ANSWERED, PhoneResult.NO_ANSWER)
BROKEN_OFF = (Disposition.FAILED, Disposition.NOT_REACHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """What came of an attempt on the line, before anybody judged it. Plain values: the durable queue keeps them."""

    phone_result: PhoneResult
    ended_by: EndedBy | None
    detail: str = ""
    may_have_rung: bool = True
    """False: certain that nothing left us."""
    is_interrupted: bool = False
    """A process of ours died under it, the line's Asterisk included."""
    is_final: bool = False
    """Trying again would end the same way."""

    @classmethod
    def of(cls, result: LineResult, *, is_interrupted: bool = False) -> AttemptOutcome:
        """A call that the line carried."""
        return cls(
            phone_result=result.phone_result,
            ended_by=result.ended_by,
            detail=result.detail,
            is_interrupted=is_interrupted,
        )

    def on_the_line(self) -> LineResult:
        """What the line said, or would have."""
        return LineResult(phone_result=self.phone_result, ended_by=self.ended_by, detail=self.detail)

    @classmethod
    def nothing(cls, why: str, *, is_final: bool = False, is_interrupted: bool = False) -> AttemptOutcome:
        """No call: the line was not asked."""
        return cls(
            phone_result=PhoneResult.FAILED,
            ended_by=EndedBy.FAILURE,
            detail=why,
            may_have_rung=False,
            is_final=is_final,
            is_interrupted=is_interrupted,
        )

    @classmethod
    def in_doubt(cls, why: str) -> AttemptOutcome:
        """The line was asked, and nobody knows what came of it."""
        return cls(phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, detail=why, is_interrupted=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What of its script the end of a call must know."""

    required: tuple[str, ...] = ()
    """Ids of the questions that had to be answered."""
    longest_s: float
    """The talk was cut at this length."""


def conclude(
    database: Database,
    tenant_id: str,
    attempt_id: str,
    outcome: AttemptOutcome,
    sound: MediaEnd | None,
    *,
    settings: Settings,
    reaches_people: bool,
    clock: Clock,
    required: tuple[str, ...] = (),
) -> Judgement | None:
    """Close the attempt. Blocks: call it off the loop.

    Args:
        sound: how it ended; None: it never came.
        reaches_people: whether the line does that carried the call.
        clock: asked in the transaction, so that whoever follows changes by their time misses none.
        required: of a script that is not in the record.

    Returns:
        What the call came to; None: it was closed before.

    Raises:
        Unavailable: not now.
    """
    row = attempts.attempt(database, tenant_id, attempt_id)
    if row is None or row.state not in attempts.OPEN:
        return None
    happened = tuple(events_record.read_events(database, tenant_id, attempt_id))
    call = calls.call(database, tenant_id, attempt_id)
    limits = _limits(database, call, settings, required)
    judgement = judge(attempt_id, happened, outcome.on_the_line(), sound, limits.required)
    who, summary = enrolments.enrolment(database, tenant_id, row.campaign_id, row.number), judgement.summary
    campaign = campaigns.campaign(database, tenant_id, row.campaign_id)
    if who is None or campaign is None:
        raise OurMistake("an attempt has no contact or no campaign", do="report it: the record forbids it")
    result = AttemptResult(
        phone_result=summary.phone_result,
        disposition=summary.disposition,
        detail=summary.detail,
        may_have_rung=outcome.may_have_rung,
        spent_minor=_spent(row, summary, limits),
        # A talk that reached its aim before the crash did reach it.
        is_interrupted=(outcome.is_interrupted or sound == DIED) and summary.disposition in BROKEN_OFF,
    )
    rules = rules_for(campaign, row.number, reaches_people=reaches_people)
    following = _following(database, row, who, rules, outcome, summary, happened, clock())
    return judgement if _write(database, row, result, following, judgement, sound, happened, clock) else None


def _write(
    database: Database,
    row: Attempt,
    result: AttemptResult,
    following: NextStep,
    judgement: Judgement,
    sound: MediaEnd | None,
    happened: Sequence[events.Event],
    clock: Clock,
) -> bool:
    """All of it, or nothing. False when the attempt was closed before."""
    of = (row.tenant_id, row.attempt_id)
    opt_outs = [event.utterance for event in happened if isinstance(event, events.OptedOut)]
    if row.campaign_id == REHEARSAL:  # a persona's wish is none
        opt_outs = []
    with calling(database) as connection:
        if events_record.count_events(connection, *of) != len(happened):
            raise Unavailable("the call's events are still being written", do="read them again")
        now = clock()
        if not attempts.finish(connection, *of, result, following, now=now):
            return False
        for words in opt_outs:
            dnc.note_opt_out(connection, row.tenant_id, row.number, call_id=row.attempt_id, utterance=words, now=now)
        events_record.add_events(database, connection, [judgement.ended, judgement.judged], row.tenant_id)
        calls.close(connection, *of, result_of(judgement.summary, sound), at=now)
        call_commands.close_untaken(connection, *of, now=now)
    return True


def _limits(database: Database, call: calls.Call | None, settings: Settings, required: tuple[str, ...]) -> Limits:
    longest_s = settings.call.max_duration_s
    if call is None or call.script_name is None:
        return Limits(required=required, longest_s=longest_s)
    saved = directory.script(database, call.tenant_id, call.script_name, call.script_version)
    if saved is None:
        return Limits(required=required, longest_s=longest_s)
    task = parse_script(saved.text, name=saved.name, source="the saved script").task
    return Limits(required=task.required, longest_s=min(longest_s, task.limits.max_duration_s))


def _spent(row: Attempt, summary: Summary, limits: Limits) -> int:
    """What the call cost: the most it could, by the share of the longest talk that it lasted."""
    if summary.phone_result is not PhoneResult.ANSWERED or not row.reserved_minor:
        return 0
    share = min(1.0, summary.duration_ms / (limits.longest_s * 1000))
    return min(row.reserved_minor, math.ceil(row.reserved_minor * share))


# ---- what follows -----------------------------------------------------------------------------------


def _following(
    database: Database,
    row: Attempt,
    who: Enrolment,
    rules: Campaign,
    outcome: AttemptOutcome,
    summary: Summary,
    happened: Sequence[events.Event],
    now: datetime,
) -> NextStep:
    if outcome.is_final:
        return NextStep(at=None, reason=outcome.detail)
    kind = outcome_kind(summary.phone_result, summary.disposition)
    where = who.whereabouts
    closed = closed_days(rules, where)

    def opening(after: datetime) -> datetime | None:
        return next_opening(rules.windows, where.zones, after, closed)

    def better(after: datetime, latest: datetime) -> datetime | None:
        hours = _answer_hours(database, row.tenant_id)
        if hours is None or not where.zones:
            return None
        if rules.ends_at is not None:
            latest = min(latest, rules.ends_at - timedelta(seconds=1))
        return hours.better(after, where.zones[0], opening, latest=latest)

    following = next_attempt(
        rules.retries,
        _so_far(database, row, kind),
        kind,
        ended_at=now,
        opening=opening,
        rng=Random(row.attempt_id),  # the same when it is run again
        callback_at=_callback_at(happened, where.zones, now),
        better=better,
    )
    reason = following.reason
    if kind is OutcomeKind.FINAL:
        reason = str(
            summary.disposition if summary.disposition is not Disposition.NOT_REACHED else summary.phone_result
        )
    return NextStep(at=following.at, reason=reason, is_callback=following.is_promised)


def _so_far(database: Database, row: Attempt, kind: OutcomeKind) -> dict[OutcomeKind, int]:
    """Outcomes of this contact in this campaign, this one included."""
    earlier = attempts.attempts_of(database, row.tenant_id, campaign_id=row.campaign_id, number=row.number)
    outcomes = Counter([kind])
    for attempt in earlier:
        if (
            attempt.attempt_id != row.attempt_id
            and attempt.phone_result is not None
            and attempt.disposition is not None
        ):
            outcomes[outcome_kind(PhoneResult(attempt.phone_result), Disposition(attempt.disposition))] += 1
    return dict(outcomes)


def _answer_hours(database: Database, tenant_id: str) -> BestHours | None:
    """When the tenant's callees answer in person; of busy lines, and of our own failures, nothing is learnt."""
    return best_hours(
        Tried(
            at=attempt.at,
            zone=attempt.zones[0],
            is_answered=attempt.phone_result == ANSWERED and attempt.disposition != MACHINE,
        )
        for attempt in attempts.rang(database, tenant_id)
        if attempt.zones and attempt.phone_result in RANG and attempt.disposition != Disposition.FAILED
    )


def _callback_at(happened: Sequence[events.Event], zones: tuple[str, ...], now: datetime) -> datetime | None:
    """The time that the callee asked for, the last word counting."""
    asked = [event.when for event in happened if isinstance(event, events.CallbackScheduled)]
    return asked_time(asked[-1], zones=zones, now=now) if asked else None

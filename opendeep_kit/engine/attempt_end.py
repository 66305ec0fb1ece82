"""SEAM that closes an attempt: folds its call, honours an opt-out, moves the contact on by the rules of calling again.

Given what came of the call, writes the call's end, the do-not-call entry and the attempt's result, each once however
often it is run. Never dials.
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
from opendeep_kit.insight.analysis import Summary, summarise
from opendeep_kit.media.call_end import close_row, judge
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.phone.line import LineResult
from opendeep_kit.record import attempts as answer_times
from opendeep_kit.record import call_commands, campaigns, directory, dnc, enrolments
from opendeep_kit.record import calls as call_rows
from opendeep_kit.record.attempts import Attempt, AttemptResult
from opendeep_kit.record.calls import MediaEnd
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolments import Enrolment, NextStep
from opendeep_kit.record.event_log import EventLog
from opendeep_kit.tasks.script import parse_script

ANSWERED, MACHINE = PhoneResult.ANSWERED, Disposition.VOICEMAIL
RANG = (PhoneResult.ANSWERED, PhoneResult.NO_ANSWER)
BROKEN_OFF = (Disposition.FAILED, Disposition.NOT_REACHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of an attempt, before anybody judged it. Plain values: it is kept in the durable queue."""

    phone_result: PhoneResult
    ended_by: EndedBy | None
    detail: str = ""
    media: MediaEnd | None = None
    may_have_rung: bool = True
    """False: certain that nothing left us."""
    is_interrupted: bool = False
    """A process of ours died under it, the line's Asterisk included."""
    is_final: bool = False
    """Trying again would end the same way."""

    @classmethod
    def of(cls, result: LineResult, media: MediaEnd | None, *, is_interrupted: bool = False) -> Came:
        """A call that the line carried."""
        return cls(
            phone_result=result.phone_result,
            ended_by=result.ended_by,
            detail=result.detail,
            media=media,
            is_interrupted=is_interrupted,
        )

    @classmethod
    def nothing(cls, why: str, *, is_final: bool = False, is_interrupted: bool = False) -> Came:
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
    def in_doubt(cls, why: str) -> Came:
        """The line was asked, and nobody knows what came of it."""
        return cls(phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, detail=why, is_interrupted=True)


def conclude(
    database: Database,
    event_log: EventLog,
    tenant_id: str,
    attempt_id: str,
    came: Came,
    *,
    settings: Settings,
    reaches_people: bool,
    now: datetime,
) -> bool:
    """Close the attempt. False when it was closed before. Blocks: call it off the loop.

    Args:
        reaches_people: whether the line does that carried the call.
    """
    row = answer_times.attempt(database, tenant_id, attempt_id)
    if row is None or row.state not in answer_times.OPEN:
        return False
    happened, summary = _fold(database, event_log, row, came, now)
    who = enrolments.enrolment(database, tenant_id, row.campaign_id, row.number)
    campaign = campaigns.campaign(database, tenant_id, row.campaign_id)
    if who is None or campaign is None:  # foreign keys forbid it
        return False
    for event in happened:
        if isinstance(event, events.OptedOut):
            dnc.opt_out(database, tenant_id, row.number, call_id=attempt_id, utterance=event.utterance, now=now)
    rules = rules_for(campaign, row.number, reaches_people=reaches_people)
    result = AttemptResult(
        phone_result=summary.phone_result,
        disposition=summary.disposition,
        detail=summary.detail,
        may_have_rung=came.may_have_rung,
        spent_minor=_spent(row, summary, settings),
        # A talk that reached its aim before the crash did reach it.
        is_interrupted=came.is_interrupted and summary.disposition in BROKEN_OFF,
    )
    following = _following(database, row, who, rules, came, summary, happened, now)
    call_commands.close_untaken(database, tenant_id, attempt_id, now=now)
    return answer_times.finish_attempt(database, tenant_id, attempt_id, result, following, now=now)


# ---- the call ---------------------------------------------------------------------------------------


def _fold(
    database: Database, event_log: EventLog, row: Attempt, came: Came, now: datetime
) -> tuple[Sequence[events.Event], Summary]:
    """The call's events and what they came to; its last events and its row are written once."""
    event_log.flush()
    happened: list[events.Event] = list(event_log.read(row.tenant_id, row.attempt_id))
    call = call_rows.call(database, row.tenant_id, row.attempt_id)
    required: tuple[str, ...] = ()
    if call is not None and call.script_name is not None:
        saved = directory.script(database, row.tenant_id, call.script_name, call.script_version)
        if saved is not None:
            required = parse_script(saved.text, name=saved.name, source="the saved script").task.required

    def emit(event: events.Event) -> None:
        event_log.append(event, row.tenant_id)
        happened.append(event)

    if any(isinstance(event, events.CallEnded) for event in happened):
        summary = summarise(happened, required)
    else:
        result = LineResult(phone_result=came.phone_result, ended_by=came.ended_by, detail=came.detail)
        summary = judge(row.attempt_id, tuple(happened), result, came.media, required, emit)
    if call is not None:
        close_row(database, event_log, row.tenant_id, row.attempt_id, summary, came.media, now=now)
    return happened, summary


def _spent(row: Attempt, summary: Summary, settings: Settings) -> int:
    """What the call cost: the most it could, by the share of the longest talk that it lasted."""
    if summary.phone_result is not PhoneResult.ANSWERED or not row.reserved_minor:
        return 0
    share = min(1.0, summary.duration_ms / (settings.call.max_duration_s * 1000))
    return min(row.reserved_minor, math.ceil(row.reserved_minor * share))


# ---- what follows -----------------------------------------------------------------------------------


def _following(
    database: Database,
    row: Attempt,
    who: Enrolment,
    rules: Campaign,
    came: Came,
    summary: Summary,
    happened: Sequence[events.Event],
    now: datetime,
) -> NextStep:
    if came.is_final:
        return NextStep(at=None, reason=came.detail)
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
    earlier = answer_times.attempts_of(database, row.tenant_id, campaign_id=row.campaign_id, number=row.number)
    found = Counter([kind])
    for one in earlier:
        if one.attempt_id != row.attempt_id and one.phone_result is not None and one.disposition is not None:
            found[outcome_kind(PhoneResult(one.phone_result), Disposition(one.disposition))] += 1
    return dict(found)


def _answer_hours(database: Database, tenant_id: str) -> BestHours | None:
    """When the tenant's callees answer in person; of busy lines, and of our own failures, nothing is learnt."""
    return best_hours(
        Tried(at=one.at, zone=one.zones[0], is_answered=one.phone_result == ANSWERED and one.disposition != MACHINE)
        for one in answer_times.rang(database, tenant_id)
        if one.zones and one.phone_result in RANG and one.disposition != Disposition.FAILED
    )


def _callback_at(happened: Sequence[events.Event], zones: tuple[str, ...], now: datetime) -> datetime | None:
    """The time that the callee asked for, the last word counting."""
    asked = [event.when for event in happened if isinstance(event, events.CallbackScheduled)]
    return asked_time(asked[-1], zones=zones, now=now) if asked else None

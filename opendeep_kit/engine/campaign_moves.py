"""SEAM that moves campaigns through their lifecycle: by a person's word, by their outcomes, by the circuit breaker.

Given the record and the time, finds the fact that is due, and takes the step with its reason and its history. Never
places or ends a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from opendeep_kit.campaigns import lifecycle
from opendeep_kit.campaigns.breaker import Breaker
from opendeep_kit.campaigns.lifecycle import TaskFact, TaskState
from opendeep_kit.campaigns.model import Campaign, TenantLimits
from opendeep_kit.engine.campaign_specs import to_campaign, to_limits
from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.logs import log
from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import attempts, campaigns, counters
from opendeep_kit.record.attempts import AttemptState
from opendeep_kit.record.counters import Counts
from opendeep_kit.record.database import Database

CONTROL = "control"
RECENT = 1000
"""So many of the last attempts are looked at for the breaker."""


def move(
    database: Database, tenant_id: str, campaign_id: str, fact: TaskFact, *, reason: str, by: str, now: datetime
) -> TaskState:
    """Take this step; returns where the campaign is now.

    Raises:
        BadInput: there is no such campaign.
        Refused: its state does not allow it, somebody moved it meanwhile, or no call of it could be permitted.
    """
    row = campaigns.campaign(database, tenant_id, campaign_id)
    if row is None:
        raise BadInput(f"there is no campaign {campaign_id!r}", do="run `opendeep campaign list`")
    step = lifecycle.move(TaskState(row.state), fact, reason=reason, at=now)
    if fact in (TaskFact.STARTED, TaskFact.RESUMED):
        why = _unpriced(to_campaign(row), _limits(database, tenant_id))
        if why:
            raise Refused(why, do="set its `call_cost` in that currency by `opendeep campaign set`, or lift the budget")
    kept = campaigns.Move(before=step.before, after=step.after, fact=step.fact, reason=step.reason, at=step.at, by=by)
    if not campaigns.move(database, tenant_id, campaign_id, kept):
        raise Refused("the campaign was moved meanwhile", do="look at its state and say it again")
    return step.after


def move_along(database: Database, *, now: datetime) -> list[tuple[str, str, TaskFact]]:
    """Take every step that outcomes, money or time make due. Returns them: tenant, campaign, fact."""
    taken = []
    for row in campaigns.all_campaigns(database, [TaskState.RUNNING, TaskState.PAUSED]):
        try:
            due = _due(database, row, now)
        except BadInput as error:
            log().error("! a campaign cannot be read", campaign_id=row.campaign_id, what=error.what)
            continue
        if due is None:
            continue
        fact, reason = due
        try:
            move(database, row.tenant_id, row.campaign_id, fact, reason=reason, by=CONTROL, now=now)
        except Refused:
            continue  # another control process was quicker
        taken.append((row.tenant_id, row.campaign_id, fact))
    return taken


def _due(database: Database, row: campaigns.Campaign, now: datetime) -> tuple[TaskFact, str] | None:
    rules = to_campaign(row)
    counts = counters.counts(database, row.tenant_id, row.campaign_id)
    by_outcome = lifecycle.due_fact(
        rules.state,
        goal=rules.goal,
        outcomes=_by_disposition(counts),
        waiting=counts.waiting,
        live=counts.claimed,
        ends_at=rules.ends_at,
        now=now,
    )
    if by_outcome is not None or rules.state is not TaskState.RUNNING:
        return by_outcome
    limits = _limits(database, rules.tenant_id)
    why = _unpriced(rules, limits) or _spent(database, rules, limits, counts) or _failing(database, rules, now)
    return (TaskFact.TRIPPED, why) if why else None


def _by_disposition(counts: Counts) -> Mapping[Disposition, int]:
    return {Disposition(name): number for name, number in counts.outcomes.items()}


def _limits(database: Database, tenant_id: str) -> TenantLimits:
    return to_limits(tenant_id, campaigns.limits_of(database, tenant_id) or {})


def _unpriced(rules: Campaign, limits: TenantLimits) -> str | None:
    """Why the tenant's budget permits no call of this campaign, however much is left; None: it does."""
    if limits.budget is None:
        return None
    if rules.call_cost is None:
        return f"the tenant has a budget in {limits.budget.currency}, and the campaign does not say what a call costs"
    if rules.call_cost.currency != limits.budget.currency:
        return f"the tenant's budget is in {limits.budget.currency}, a call's cost in {rules.call_cost.currency}"
    return None


def _spent(database: Database, rules: Campaign, limits: TenantLimits, counts: Counts) -> str | None:
    """Why there is no money for another call; None: there is."""
    cost = rules.call_cost
    if cost is None or counts.claimed or not (rules.budget or limits.budget):
        return None
    with database.read() as connection:
        mine, all_ = counters.money(connection, rules.tenant_id, rules.campaign_id)
    for name, budget, used in (("this campaign", rules.budget, mine), ("the tenant", limits.budget, all_)):
        if budget is not None and used.get(budget.currency, 0) + cost.minor > budget.minor:
            return f"{name} has spent {used.get(budget.currency, 0)} of {budget}; a call may cost {cost.minor}"
    return None


def _failing(database: Database, rules: Campaign, now: datetime) -> str | None:
    """Why the circuit breaker trips; None: it does not. What was before the campaign last began is forgotten.

    Attempts that the death of a process of ours broke off say nothing of the campaign: they are left out.
    """
    begun = [
        step.at
        for step in campaigns.moves_of(database, rules.tenant_id, rules.campaign_id)
        if step.after == TaskState.RUNNING and step.before != TaskState.RUNNING
    ]
    since = max([*begun, now - timedelta(seconds=rules.breaker.window_s)])
    breaker = Breaker(policy=rules.breaker)
    recent = attempts.attempts_of(database, rules.tenant_id, campaign_id=rules.campaign_id, limit=RECENT)
    ended = [one for one in recent if one.state is AttemptState.ENDED]
    for one in sorted(ended, key=lambda one: one.ended_at or now):
        if one.ended_at is not None and one.ended_at > since and one.phone_result is not None:
            disposition = Disposition(one.disposition) if one.disposition else None
            breaker = breaker.note(PhoneResult(one.phone_result), disposition, at=one.ended_at)
    return breaker.trips(at=now)

"""Moves campaigns through their lifecycle: on a person's command, by their outcomes, by the circuit breaker.

Given the record and the time, finds the transition that is due and makes it, with reason and history. Never places or
ends a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from opendeep_kit.campaigns import lifecycle
from opendeep_kit.campaigns.breaker import trips, window_start
from opendeep_kit.campaigns.lifecycle import TaskFact, TaskState
from opendeep_kit.campaigns.model import Campaign, TenantLimits
from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.logs import log
from opendeep_kit.outcomes import Disposition
from opendeep_kit.record import campaigns, counters
from opendeep_kit.record.counters import Counts
from opendeep_kit.record.database import Database

CONTROL = "control"


def move(
    database: Database, tenant_id: str, campaign_id: str, fact: TaskFact, *, reason: str, by: str, now: datetime
) -> TaskState:
    """Take this step; returns where the campaign is now.

    Raises:
        BadInput: there is no such campaign.
        Refused: its state does not allow it, somebody moved it meanwhile, or no call of it could be permitted.
    """
    campaign = campaigns.campaign(database, tenant_id, campaign_id)
    if campaign is None:
        raise BadInput(f"there is no campaign {campaign_id!r}", do="run `opendeep campaign list`")
    if campaign_id in campaigns.IMPLICIT:
        raise Refused(f"the campaign {campaign_id!r} holds the calls that people place", do="move another one")
    step = lifecycle.move(campaign.state, fact, reason=reason, by=by, at=now)
    if fact in (TaskFact.STARTED, TaskFact.RESUMED):
        why = _unpriced(campaign, campaigns.limits_of(database, tenant_id))
        if why:
            raise Refused(why, do="set its `call_cost` in that currency by `opendeep campaign set`, or lift the budget")
    if not campaigns.move(database, tenant_id, campaign_id, step):
        raise Refused("the campaign was moved meanwhile", do="look at its state and say it again")
    return step.after


def move_along(database: Database, *, now: datetime) -> list[tuple[str, str, TaskFact]]:
    """Take every step that outcomes, money or time make due. Returns them: tenant, campaign, fact."""
    taken = []
    for campaign in campaigns.all_campaigns(database, [TaskState.RUNNING, TaskState.PAUSED]):
        try:
            due = _due(database, campaign, now)
        except BadInput as error:
            log().error("! a tenant's limits cannot be read", tenant=campaign.tenant_id, what=error.what)
            continue
        if due is None:
            continue
        fact, reason = due
        try:
            move(database, campaign.tenant_id, campaign.campaign_id, fact, reason=reason, by=CONTROL, now=now)
        except Refused:
            continue  # another control process was quicker
        taken.append((campaign.tenant_id, campaign.campaign_id, fact))
    return taken


def _due(database: Database, rules: Campaign, now: datetime) -> tuple[TaskFact, str] | None:
    counts = counters.counts(database, rules.tenant_id, rules.campaign_id)
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
    limits = campaigns.limits_of(database, rules.tenant_id)
    why = _unpriced(rules, limits) or _spent(database, rules, limits, counts) or _failing(database, rules, now)
    return (TaskFact.TRIPPED, why) if why else None


def _by_disposition(counts: Counts) -> Mapping[Disposition, int]:
    return {Disposition(name): number for name, number in counts.outcomes.items()}


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
        own, all_ = counters.money(connection, rules.tenant_id, rules.campaign_id)
    for name, budget, used in (("this campaign", rules.budget, own), ("the tenant", limits.budget, all_)):
        if budget is not None and used.get(budget.currency, 0) + cost.minor > budget.minor:
            return f"{name} has spent {used.get(budget.currency, 0)} of {budget}; a call may cost {cost.minor}"
    return None


def _failing(database: Database, rules: Campaign, now: datetime) -> str | None:
    """Why the circuit breaker trips; None: it does not."""
    history = campaigns.moves_of(database, rules.tenant_id, rules.campaign_id)
    since = window_start(history, rules.breaker, now=now)
    return trips(rules.breaker, counters.ended_since(database, rules.tenant_id, rules.campaign_id, since))

"""SEAM that puts the facts of one call before the calling rules, inside the transaction that may place it.

Given what the record read and the installation's own limits, builds the rules' case and turns their decision into a
ruling for the ledger. Pure; never reads the record itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from opendeep_kit.campaigns import zones
from opendeep_kit.campaigns.model import Campaign, Flow, Money, TenantLimits
from opendeep_kit.campaigns.permission import Decision, may_we_call
from opendeep_kit.campaigns.rule_inputs import Case, Rule, Scope, Spending, Use, at_any_hour, unprotected
from opendeep_kit.record import claim_facts
from opendeep_kit.record.claim_facts import Facts
from opendeep_kit.record.enrolments import NextStep
from opendeep_kit.record.hour_groups import Whereabouts
from opendeep_kit.record.ledger import Ruling
from opendeep_kit.rehearsal.public import is_made_up
from opendeep_kit.settings import FlowSettings, ServiceSettings

PASSING = frozenset([Rule.CONCURRENCY, Rule.RATE, Rule.CAMPAIGN, Rule.BUDGET])
"""Refusals that say nothing of the contact: it stays due."""


def checker(settings: ServiceSettings, *, worker_capacity: int, reaches_people: bool) -> Callable[[Facts], Ruling]:
    """The check that `claiming.claim` asks.

    Args:
        reaches_people: whether the line does that would carry the call.
    """

    def check(facts: Facts) -> Ruling:
        case = case_of(facts, settings, worker_capacity=worker_capacity, reaches_people=reaches_people)
        return to_ruling(may_we_call(case))

    return check


def case_of(facts: Facts, settings: ServiceSettings, *, worker_capacity: int | None, reaches_people: bool) -> Case:
    """The rules' case.

    Args:
        worker_capacity: of the media worker that would hold the call; None: none is asked about.
    """
    campaign = rules_for(facts.campaign, facts.enrolment.number, reaches_people=reaches_people)
    tenant = facts.limits
    if is_nobodys(facts.enrolment.number, reaches_people=reaches_people):
        tenant = unprotected(tenant)
    return Case(
        now=facts.now,
        callee=callee_of(facts.enrolment.number, facts.enrolment.whereabouts),
        tenant=tenant,
        campaign=campaign,
        dnc=facts.dnc,
        consent=facts.consent,
        campaign_attempts=facts.campaign_attempts,
        tenant_attempts=facts.tenant_attempts,
        scopes=_scopes(facts, campaign, tenant, settings, worker_capacity),
        spending=_spending(facts, campaign, tenant),
        is_callback=facts.enrolment.is_callback,
    )


def is_nobodys(number: str, *, reaches_people: bool) -> bool:
    """Whether a call of this number reaches the rehearsal's public: rules that protect a person have nobody to protect.

    Judged call by call: in one campaign with made-up numbers a real one keeps every rule. Over a line that reaches
    people a made-up number keeps them too.
    """
    return not reaches_people and is_made_up(number)


def rules_for(campaign: Campaign, number: str, *, reaches_people: bool) -> Campaign:
    """The campaign's rules as they hold for a call of this number over such a line."""
    return at_any_hour(campaign) if is_nobodys(number, reaches_people=reaches_people) else campaign


def to_ruling(decision: Decision) -> Ruling:
    """What the ledger keeps, and what follows for the contact."""
    following = None
    if any(finding.is_final and finding.rule not in PASSING for finding in decision.findings):
        following = NextStep(at=None, reason=decision.reason)
    elif decision.rule not in PASSING and decision.put_off_to is not None:
        # After the campaign's end as well: a contact that stayed due would be asked about at every tick until then.
        following = NextStep(at=decision.put_off_to, reason=decision.reason)
    return Ruling(
        is_allowed=decision.is_allowed,
        words=decision.reason,
        rule=decision.rule,
        facts_sha256=decision.inputs_sha256,
        dnc_snapshot=decision.dnc_snapshot,
        consent=decision.consent,
        try_again_at=decision.try_again_at,
        next=following,
    )


def callee_of(number: str, where: Whereabouts) -> zones.Callee:
    """What the rules need to know of the number, with the zones that were worked out at its import."""
    by_plan = zones.callee(number)
    source = zones.ZoneSource.NUMBER if where.zones else zones.ZoneSource.UNKNOWN
    return zones.Callee(
        number=number,
        is_valid=by_plan.is_valid,
        zones=where.zones,
        source=zones.ZoneSource.STATED if where.is_stated else source,
        region=where.region,
        subdivision=where.subdivision,
    )


def whereabouts_of(callee: zones.Callee) -> Whereabouts:
    """The other way round, for the import."""
    return Whereabouts(
        zones=callee.zones,
        region=callee.region,
        subdivision=callee.subdivision,
        is_stated=callee.source is zones.ZoneSource.STATED,
    )


def to_flow(settings: FlowSettings) -> Flow:
    """A limit of the settings as the rules know it."""
    return Flow(max_live=settings.max_live, calls_per_s=settings.calls_per_s)


def _scopes(
    facts: Facts, campaign: Campaign, tenant: TenantLimits, settings: ServiceSettings, worker_capacity: int | None
) -> tuple[Scope, ...]:
    trunk = settings.trunks.get(campaign.trunk_id)
    found = [
        Scope(name="everybody", flow=to_flow(settings.everyone), use=use_of(facts.everyone, settings.everyone)),
        Scope(
            name="the trunk",
            flow=to_flow(trunk) if trunk else Flow(max_live=0),
            use=use_of(facts.trunk, trunk or FlowSettings()),
        ),
        Scope(name="the tenant", flow=tenant.flow, use=use_of(facts.tenant, tenant.flow)),
        Scope(name="this campaign", flow=campaign.flow, use=use_of(facts.of_campaign, campaign.flow)),
    ]
    if worker_capacity is not None:
        use = Use(live=facts.worker_live)
        found.append(Scope(name="the media worker", flow=Flow(max_live=worker_capacity), use=use))
    return tuple(found)


def use_of(flow: claim_facts.Flow, limit: Flow | FlowSettings) -> Use:
    """What of a flow is taken, and when its rate lets the next call go."""
    may_start_at = None
    if limit.calls_per_s is not None and flow.last_start is not None:
        may_start_at = flow.last_start + timedelta(seconds=1 / limit.calls_per_s)
    return Use(live=flow.live, may_start_at=may_start_at)


def _spending(facts: Facts, campaign: Campaign, tenant: TenantLimits) -> tuple[Spending, ...]:
    kept = (("this campaign", campaign.budget, facts.campaign_spent), ("the tenant", tenant.budget, facts.tenant_spent))
    return tuple(spending_of(name, budget, spent) for name, budget, spent in kept if budget is not None)


def spending_of(name: str, budget: Money, spent: Mapping[str, int]) -> Spending:
    """What a budget has come to."""
    used = Money(minor=spent.get(budget.currency, 0), currency=budget.currency)
    return Spending(name=name, budget=budget, spent=used)

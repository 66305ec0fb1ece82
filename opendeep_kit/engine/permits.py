"""Builds the calling rules' inputs for one call, inside the transaction that may place it.

Given what the record read and the installation's limits, asks the rules and turns their decision into a ruling for the
ledger. Pure; never reads the record itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opendeep_kit.campaigns.model import Campaign, Flow, Money, TenantLimits
from opendeep_kit.campaigns.permission import Decision, may_we_call
from opendeep_kit.campaigns.rule_inputs import (
    CappedFlow,
    Listed,
    Rule,
    RuleInputs,
    Spending,
    Use,
    at_any_hour,
    unprotected,
)
from opendeep_kit.record.campaigns import IMPLICIT, REHEARSAL
from opendeep_kit.record.claim_facts import Facts
from opendeep_kit.record.enrolments import NextStep
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
        inputs = rule_inputs_of(facts, settings, worker_capacity=worker_capacity, reaches_people=reaches_people)
        return to_ruling(may_we_call(inputs))

    return check


def rule_inputs_of(
    facts: Facts, settings: ServiceSettings, *, worker_capacity: int | None, reaches_people: bool
) -> RuleInputs:
    """The rules' inputs.

    Args:
        worker_capacity: of the media worker that would hold the call; None: none is asked about.
    """
    campaign = rules_for(facts.campaign, facts.enrolment.number, reaches_people=reaches_people)
    tenant = facts.limits
    if is_nobodys(facts.enrolment.number, reaches_people=reaches_people):
        tenant = unprotected(tenant)
    dnc = facts.dnc
    if campaign.campaign_id == REHEARSAL and is_made_up(facts.enrolment.number):
        dnc = Listed(snapshot=dnc.snapshot)  # a persona that is rehearsed with has no wishes
    return RuleInputs(
        now=facts.now,
        number=facts.enrolment.number,
        whereabouts=facts.enrolment.whereabouts,
        tenant=tenant,
        campaign=campaign,
        dnc=dnc,
        consent=facts.consent,
        campaign_attempts=facts.campaign_attempts,
        tenant_attempts=facts.tenant_attempts,
        flows=_flows(facts, settings, worker_capacity),
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


def to_flow(settings: FlowSettings) -> Flow:
    """A limit of the settings as the rules know it."""
    return Flow(max_live=settings.max_live, calls_per_s=settings.calls_per_s)


def _flows(facts: Facts, settings: ServiceSettings, worker_capacity: int | None) -> tuple[CappedFlow, ...]:
    trunk = settings.trunks.get(facts.campaign.trunk_id)
    # Whoever calls by hand named no trunk.
    unknown = Flow(max_live=None if facts.campaign.campaign_id in IMPLICIT else 0)
    flows = [
        CappedFlow(name="everybody", flow=to_flow(settings.everyone), use=facts.everyone),
        CappedFlow(name="the trunk", flow=to_flow(trunk) if trunk else unknown, use=facts.trunk),
        CappedFlow(name="the tenant", flow=facts.limits.flow, use=facts.tenant),
        CappedFlow(name="this campaign", flow=facts.campaign.flow, use=facts.of_campaign),
    ]
    if worker_capacity is not None:
        use = Use(live=facts.worker_live)
        flows.append(CappedFlow(name="the media worker", flow=Flow(max_live=worker_capacity), use=use))
    return tuple(flows)


def _spending(facts: Facts, campaign: Campaign, tenant: TenantLimits) -> tuple[Spending, ...]:
    budgets = (
        ("this campaign", campaign.budget, facts.campaign_spent),
        ("the tenant", tenant.budget, facts.tenant_spent),
    )
    return tuple(spending_of(name, budget, spent) for name, budget, spent in budgets if budget is not None)


def spending_of(name: str, budget: Money, spent: Mapping[str, int]) -> Spending:
    """What a budget has come to."""
    used = Money(minor=spent.get(budget.currency, 0), currency=budget.currency)
    return Spending(name=name, budget=budget, spent=used)

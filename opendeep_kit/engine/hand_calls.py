"""SEAM between a call that a person places by hand and the calling rules: the same rules as a campaign's.

Given a tenant and a number, asks the rules in the transaction that notes their ruling, and says what to do about a no.
Such a call keeps the default windows, the tenant's own limits, those of the trunk `default` and of everybody; it counts
for them with the calls of campaigns. Never dials.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import Campaign, Consent
from opendeep_kit.campaigns.permission import may_we_call
from opendeep_kit.campaigns.rule_inputs import CappedFlow, Rule, RuleInputs
from opendeep_kit.campaigns.zones import whereabouts
from opendeep_kit.engine.permits import spending_of, to_flow, to_ruling
from opendeep_kit.errors import Refused
from opendeep_kit.record import campaigns, hand_permits
from opendeep_kit.record.claim_facts import HAND_TRUNK, NO_CAMPAIGN, HandFacts
from opendeep_kit.record.database import Database
from opendeep_kit.record.ledger import Ruling
from opendeep_kit.settings import ServiceSettings

IN_A_CAMPAIGN = "call it in a campaign"
TO_DO: dict[Rule, str] = {
    Rule.NUMBER: "check the number",
    Rule.DO_NOT_CALL: "leave it alone; `opendeep dnc list` says who put it there and why",
    Rule.CONSENT: "say where the consent is on file: `opendeep dial --consent`, `consent=` in a notebook",
    Rule.TIME_ZONE: f"{IN_A_CAMPAIGN}, with the contact's time_zone",
    Rule.LIFETIME: "leave it alone, or set the tenant's caps with `opendeep tenant set --limits`",
    Rule.HOLIDAY: f"{IN_A_CAMPAIGN} that says what holidays mean",
    Rule.WINDOW: f"{IN_A_CAMPAIGN} with windows of its own",
    Rule.BUDGET: f"{IN_A_CAMPAIGN} that knows what a call costs",
    Rule.CONCURRENCY: "wait until a call has ended",
}
"""What a person can do about a refusal that does not pass by itself."""


def permit(
    database: Database,
    tenant_id: str,
    number: str,
    *,
    call_id: str,
    consent: str,
    settings: ServiceSettings,
    now: datetime,
    waits_s: float = 0.0,
) -> float:
    """Note that the rules allow this call, or refuse it. Blocks: call it off the loop.

    Args:
        consent: where it is on file that the callee agreed, as whoever calls says; empty: the record's own counts.
        waits_s: wait up to this long for a rate limit instead of refusing.

    Returns:
        After how many seconds to ask again; 0: it is allowed.

    Raises:
        Refused: a rule forbids it; the text says which, and what to do.
        BadInput: there is no such tenant, or its limits cannot be read.
        Unavailable: the record cannot be asked.
    """
    check = partial(_check, consent=consent, settings=settings)
    ruling = hand_permits.permit(database, tenant_id, number, call_id=call_id, check=check, now=now)
    if ruling.is_allowed:
        return 0.0
    if ruling.rule == Rule.RATE and ruling.try_again_at is not None:
        wait_s = (ruling.try_again_at - now).total_seconds()
        if wait_s <= waits_s:
            return wait_s
    raise Refused(f"this number may not be called now ({ruling.words})", do=_what_to_do(ruling))


def most_at_once(database: Database, tenant_id: str, settings: ServiceSettings) -> int | None:
    """How many calls by hand the tenant may have at a time; None: no limit is set. Blocks: call it off the loop.

    Raises:
        BadInput: the tenant's limits cannot be read.
    """
    trunk = settings.trunks.get(HAND_TRUNK)
    tenant = campaigns.limits_of(database, tenant_id)
    caps = (settings.everyone.max_live, trunk.max_live if trunk else None, tenant.flow.max_live)
    return min((cap for cap in caps if cap is not None), default=None)


def _check(facts: HandFacts, *, consent: str, settings: ServiceSettings) -> Ruling:
    return to_ruling(may_we_call(rule_inputs_of(facts, settings, consent=consent)))


def rule_inputs_of(facts: HandFacts, settings: ServiceSettings, *, consent: str = "") -> RuleInputs:
    """The rules' inputs: a campaign of this one call, with any campaign's defaults."""
    tenant, given = facts.limits, facts.consent
    if consent.strip():
        given = Consent(number=facts.number, reference=consent.strip(), given_at=facts.now)
    budget, trunk = tenant.budget, settings.trunks.get(HAND_TRUNK)
    flows = [
        CappedFlow(name="everybody", flow=to_flow(settings.everyone), use=facts.everyone),
        CappedFlow(name="the tenant", flow=tenant.flow, use=facts.tenant),
    ]
    if trunk is not None:
        flows.append(CappedFlow(name="the trunk", flow=to_flow(trunk), use=facts.trunk))
    return RuleInputs(
        now=facts.now,
        number=facts.number,
        whereabouts=whereabouts(facts.number),
        tenant=tenant,
        campaign=Campaign(tenant_id=facts.tenant_id, campaign_id=NO_CAMPAIGN, state=TaskState.RUNNING),
        dnc=facts.dnc,
        consent=given,
        campaign_attempts=(),
        tenant_attempts=facts.tenant_attempts,
        flows=tuple(flows),
        spending=() if budget is None else (spending_of("the tenant", budget, facts.tenant_spent),),
    )


def _what_to_do(ruling: Ruling) -> str:
    rule = None if ruling.rule is None else Rule(ruling.rule)
    at = ruling.try_again_at
    wait = "" if at is None else f"wait until {at.isoformat(timespec='minutes')}"
    advice = "" if rule is None else TO_DO.get(rule, "")
    return ", or ".join(part for part in (wait, advice) if part) or "try again later"

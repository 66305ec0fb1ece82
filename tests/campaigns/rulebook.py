"""A case in which everything is allowed, for tests that change one thing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import AttemptCaps, Campaign, Consent, Flow, TenantLimits
from opendeep_kit.campaigns.rule_inputs import CappedFlow, Listed, RuleInputs, Use
from opendeep_kit.campaigns.windows import parse_weekly
from opendeep_kit.campaigns.zones import whereabouts

NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)
"""A Tuesday, 11:00 in New York."""
NUMBER = "+12125550123"
NEW_YORKER = whereabouts(NUMBER)
CAPS = AttemptCaps(per_day=2, per_24_h=3, lifetime=5)
TENANT = TenantLimits(tenant_id="clinic", caps=AttemptCaps(per_day=3, per_24_h=4, lifetime=9))
CAMPAIGN = Campaign(
    tenant_id="clinic",
    campaign_id="c",
    state=TaskState.RUNNING,
    windows=parse_weekly({"mon-sat": "09:00-20:00"}),
    caps=CAPS,
)
SCOPE = CappedFlow(name="this campaign", flow=Flow(max_live=2, calls_per_s=0.5), use=Use(live=1))


def case(**given: Any) -> RuleInputs:
    """A call to a New Yorker on a Tuesday at eleven, with these differences."""
    usual = RuleInputs(
        now=NOW,
        number=NUMBER,
        whereabouts=NEW_YORKER,
        tenant=TENANT,
        campaign=CAMPAIGN,
        dnc=Listed(snapshot="5" * 64),
        consent=Consent(number=NUMBER, reference="form 17", given_at=NOW - timedelta(days=30)),
        campaign_attempts=(),
        tenant_attempts=(),
        flows=(SCOPE,),
    )
    return replace(usual, **given)


def called(number: str) -> dict[str, Any]:
    """The inputs that say who is called."""
    return {"number": number, "whereabouts": whereabouts(number)}


def rung(*hours_ago: float) -> tuple[datetime, ...]:
    """Attempts so many hours before `NOW`."""
    return tuple(NOW - timedelta(hours=hours) for hours in hours_ago)

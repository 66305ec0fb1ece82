"""What a campaign and its tenant may not be."""

from datetime import UTC, datetime
from typing import Any

import pytest

from opendeep_kit.campaigns.model import AttemptCaps, Campaign, Flow, Money, TenantLimits, check_zone
from opendeep_kit.errors import BadInput

USD = Money(minor=100, currency="USD")
IDS: dict[str, Any] = {"tenant_id": "t", "campaign_id": "c"}
NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        (Money, {"minor": -1, "currency": "USD"}, "an amount of -1"),
        (Money, {"minor": 1, "currency": "usd"}, "'usd' is not a currency"),
        (Flow, {"max_live": -1}, "at most -1 calls at a time"),
        (Flow, {"calls_per_s": 0}, "0 calls per second"),
        (Flow, {"calls_per_s": float("nan")}, "nan calls per second"),
        (AttemptCaps, {"per_day": 0}, "a cap on attempts below 1"),
        (AttemptCaps, {"lifetime": -3}, "a cap on attempts below 1"),
        (TenantLimits, {"tenant_id": "t", "weight": 0}, "a weight of 0"),
        (TenantLimits, {"tenant_id": "t", "retention_days": 0}, "a retention of 0 days"),
        (TenantLimits, {"tenant_id": "t", "caller_ids": ("555",)}, "a caller id is not E.164"),
        (Campaign, IDS | {"weight": -1}, "a weight of -1"),
        (Campaign, IDS | {"starts_at": NOON, "ends_at": NOON}, "a campaign ends before it starts"),
        (Campaign, IDS | {"ends_at": NOON.replace(tzinfo=None)}, "has no time zone"),
        (Campaign, IDS | {"budget": USD}, "has a budget, but its calls no cost"),
        (Campaign, IDS | {"budget": USD, "call_cost": Money(minor=1, currency="EUR")}, "different currencies"),
    ],
)
def test_impossible(kind: Any, given: dict[str, Any], says: str) -> None:
    """Refused when it is made, with what to do."""
    with pytest.raises(BadInput, match=says) as caught:
        kind(**given)

    assert str(caught.value).endswith(".")
    assert ": " in str(caught.value)


def test_defaults_are_careful() -> None:
    """Nothing runs by itself, consent is needed, holidays are kept, and nobody is rung more than three times a day."""
    campaign, tenant = Campaign(**IDS), TenantLimits(tenant_id="t")

    assert (campaign.state, campaign.holidays, campaign.caps.per_day) == ("draft", "no_calls", 3)
    assert (tenant.needs_consent, tenant.caps.per_24_h, tenant.caps.lifetime) == (True, 3, 8)
    assert [str(window) for window in campaign.windows.days[6]] == ["09:00–20:00"]


def test_zone() -> None:
    """A zone is checked when it is set."""
    assert check_zone("Asia/Kolkata") == "Asia/Kolkata"
    with pytest.raises(BadInput, match="'Asia/Nowhere' is no time zone"):
        check_zone("Asia/Nowhere")

"""Everything on which the permission of one call depends, and what the rules found in it.

Given by the dialler just before it dials; these are shapes. What could not be read is None, and None is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from opendeep_kit.campaigns.calendars import ClosedDays
from opendeep_kit.campaigns.model import AttemptCaps, Campaign, Consent, Flow, HolidayRule, Money, TenantLimits
from opendeep_kit.campaigns.windows import parse_weekly
from opendeep_kit.campaigns.zones import Whereabouts
from opendeep_kit.errors import OurMistake

_ANY_HOUR = parse_weekly({"daily": "00:00-24:00"})


class Rule(StrEnum):
    """The rules, in the order in which they are asked: those that no waiting cures come first."""

    NUMBER = "number"
    DO_NOT_CALL = "do_not_call"
    CONSENT = "consent"
    TIME_ZONE = "time_zone"
    LIFETIME = "lifetime"
    CAMPAIGN = "campaign"
    HOLIDAY = "holiday"
    WINDOW = "window"
    PER_DAY = "per_day"
    PER_24_H = "per_24_h"
    BUDGET = "budget"
    CONCURRENCY = "concurrency"
    RATE = "rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What the do-not-call lists say of one number."""

    everyone: str | None = field(default=None, repr=False)
    """The entry of the installation's list that forbids it: the number itself, or a prefix (`+1900*`)."""
    tenant: str | None = field(default=None, repr=False)
    """The entry of the tenant's own."""
    snapshot: str
    """Names the state of both lists: another one after every change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What of a flow is taken now."""

    live: int
    """Calls that have not ended, those asked for but not yet confirmed included; the one to be judged is not."""
    last_start: datetime | None = None
    """When the last one was permitted; None: there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CappedFlow:
    """One limit that a call must keep: the campaign's, the tenant's, the trunk's or everybody's."""

    name: str
    """As a person reads it: `this campaign`, `the trunk`."""
    flow: Flow
    use: Use | None
    """None: not known, hence no call."""

    @property
    def may_start_at(self) -> datetime | None:
        """When the flow's rate lets the next call go; None: at once."""
        if self.flow.calls_per_s is None or self.use is None or self.use.last_start is None:
            return None
        return self.use.last_start + timedelta(seconds=1 / self.flow.calls_per_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What one budget has come to."""

    name: str
    """`this campaign`, `the tenant`."""
    budget: Money
    spent: Money | None
    """With what is reserved for live calls; None: not known, hence no call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInputs:
    """One number, one campaign, one instant."""

    now: datetime
    number: str = field(repr=False)
    """E.164."""
    whereabouts: Whereabouts
    tenant: TenantLimits
    campaign: Campaign
    dnc: Listed | None
    consent: Consent | None
    campaign_attempts: tuple[datetime, ...] | None
    """When this number was rung in this campaign: every attempt that may have left us, ours that failed included."""
    tenant_attempts: tuple[datetime, ...] | None
    """The same over all campaigns of the tenant."""
    flows: tuple[CappedFlow, ...]
    """All that apply; none: not known, hence no call."""
    spending: tuple[Spending, ...] = ()
    """One for each budget that the campaign or its tenant has."""
    is_callback: bool = False
    """The callee asked for this call."""

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise OurMistake("a permission was asked at a time without a zone", do="use datetime.now(UTC)")
        if self.campaign.tenant_id != self.tenant.tenant_id:
            raise OurMistake("a campaign was judged by another tenant's limits", do="load the tenant of the campaign")

    @property
    def closed(self) -> ClosedDays:
        """The days on which this callee is not called."""
        return closed_days(self.campaign, self.whereabouts)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAnswer:
    """What one rule says of a inputs."""

    rule: Rule
    is_passed: bool
    words: str
    """One clause for a person."""
    try_again_at: datetime | None = None
    """Of a refusal: the first instant at which this rule may say yes; None: not known, or never."""
    is_final: bool = field(default=False)
    """Of a refusal: waiting does not help."""


def at_any_hour(campaign: Campaign) -> Campaign:
    """Its rules for a number where nobody lives: no hour is too late and no day a holiday."""
    return replace(campaign, windows=_ANY_HOUR, holidays=HolidayRule.CALLS)


def unprotected(tenant: TenantLimits) -> TenantLimits:
    """The tenant's limits without those that protect a person: consent, and how often a number is rung."""
    return replace(tenant, needs_consent=False, caps=AttemptCaps(per_day=None, per_24_h=None, lifetime=None))


def closed_days(campaign: Campaign, where: Whereabouts) -> ClosedDays:
    """The days on which this campaign does not call somebody there."""
    if campaign.holidays is HolidayRule.CALLS:
        return ClosedDays(named=campaign.closed_dates)
    # No country, no calendar: every day is closed, like everything unknown.
    return ClosedDays(region=where.region or "no country", subdivision=where.subdivision, named=campaign.closed_dates)

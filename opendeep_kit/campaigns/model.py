"""What a campaign is, what its tenant and lines allow it, and consents.

Given plain values, holds them and refuses the impossible. Never stores itself, never reads a clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from opendeep_kit.campaigns.breaker import BreakerPolicy
from opendeep_kit.campaigns.lifecycle import Goal, TaskState
from opendeep_kit.campaigns.retries import RetryPolicy
from opendeep_kit.campaigns.windows import Weekly, parse_weekly, zone
from opendeep_kit.errors import BadInput
from opendeep_kit.numbers import checked

_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount."""

    minor: int
    """In the currency's smallest unit: cents, pence, yen."""
    currency: str
    """ISO 4217."""

    def __post_init__(self) -> None:
        if not _CURRENCY.fullmatch(self.currency):
            raise BadInput(f"{self.currency[:10]!r} is not a currency", do="give its three letters, such as USD")
        if self.minor < 0:
            raise BadInput(f"an amount of {self.minor}", do="give 0 or more, in the smallest unit")

    def __str__(self) -> str:
        return f"{self.minor} minor units of {self.currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How many calls may pass at once, and how fast they may be placed."""

    max_live: int | None = None
    """Calls at a time, ringing ones included; None: no limit here."""
    calls_per_s: float | None = None
    """Placed evenly: 0.5 is one call every two seconds; None: no limit here."""

    def __post_init__(self) -> None:
        if self.max_live is not None and self.max_live < 0:
            raise BadInput(f"at most {self.max_live} calls at a time", do="give 0 or more")
        if self.calls_per_s is not None and not 0 < self.calls_per_s <= 10_000:
            raise BadInput(f"{self.calls_per_s} calls per second", do="give more than 0, up to 10000, or no limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptCaps:
    """How often one number may be rung. They protect the callee: every attempt that may have rung counts."""

    per_day: int | None = 3
    """On one day of the callee's; where several zones are possible, of each."""
    per_24_h: int | None = 3
    """In any 24 hours."""
    lifetime: int | None = 8
    spares_callbacks: bool = False
    """A call that the callee asked for is placed although the daily caps are reached; never beyond `lifetime`."""

    def __post_init__(self) -> None:
        if any(cap is not None and cap < 1 for cap in (self.per_day, self.per_24_h, self.lifetime)):
            raise BadInput("a cap on attempts below 1", do="give 1 or more, or no cap")


CampaignKey = NewType("CampaignKey", str)
"""Names a campaign among those of all tenants: `tenant/campaign`."""


class HolidayRule(StrEnum):
    """What a public holiday means."""

    NO_CALLS = "no_calls"
    """Nobody is called on a holiday of their country; in a country without a known calendar nobody at all."""
    CALLS = "calls"
    """A day like others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLimits:
    """What one tenant may do, over all its campaigns."""

    tenant_id: str
    weight: float = 1.0
    """Share of the lines against other tenants, while both have calls due."""
    flow: Flow = Flow()
    caps: AttemptCaps = AttemptCaps()
    """For one number over all campaigns of the tenant."""
    budget: Money | None = None
    """For all its calls; None: no budget is kept."""
    needs_consent: bool = True
    """Only contacts with a consent on file are called."""
    caller_ids: tuple[str, ...] = ()
    """E.164 numbers it may show; none: the trunk's own."""
    retention_days: int = 90
    """Recordings and words of calls older than so are deleted; their results and figures stay in the archive."""

    def __post_init__(self) -> None:
        _check_weight(self.weight)
        if self.retention_days < 1:
            raise BadInput(f"a retention of {self.retention_days} days", do="give 1 day or more")
        for number in self.caller_ids:
            checked(number, "a caller id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """That somebody agreed to be called."""

    number: str = field(repr=False)
    """E.164."""
    reference: str
    """Where it is on file."""
    given_at: datetime
    expires_at: datetime | None = None
    """From this instant on it is none."""

    def __post_init__(self) -> None:
        checked(self.number, "the number of a consent")
        if not self.reference.strip():
            raise BadInput("a consent does not say where it is on file", do="give its reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Calls to a list of contacts with one script, by one set of rules."""

    tenant_id: str
    campaign_id: str
    """The tenant's own; another tenant may use the same."""
    name: str = ""
    """As its people call it; empty: by its id."""
    task_id: str | None = None
    script_name: str | None = None
    script_version: int | None = None
    state: TaskState = TaskState.DRAFT
    windows: Weekly = field(default_factory=lambda: parse_weekly({"daily": "09:00-20:00"}))
    """On the callee's wall clock."""
    holidays: HolidayRule = HolidayRule.NO_CALLS
    closed_dates: frozenset[date] = frozenset()
    """The callee's days without calls, besides holidays."""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    """No call is placed from this instant on."""
    caps: AttemptCaps = AttemptCaps()
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    priority: int = 0
    """Among campaigns of one tenant: a higher one goes first while it has calls due."""
    weight: float = 1.0
    """Share against campaigns of the same tenant and priority."""
    flow: Flow = Flow()
    budget: Money | None = None
    call_cost: Money | None = None
    """The most that one call can cost; reserved before it is placed, so that a budget is never overspent."""
    goal: Goal | None = None
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    trunk_id: str = "default"
    created_at: datetime | None = None
    """None: it is not in the record yet."""
    changed_at: datetime | None = None

    def __post_init__(self) -> None:
        if (self.script_name is None) != (self.script_version is None):
            raise BadInput("a campaign names half a script", do="give both its name and its version, or neither")
        _check_weight(self.weight)
        for at in (self.starts_at, self.ends_at):
            if at is not None and at.tzinfo is None:
                raise BadInput("a campaign's start or end has no time zone", do="give an offset, such as +00:00")
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise BadInput("a campaign ends before it starts", do="set its end after its start")
        if self.budget is not None and self.call_cost is None:
            raise BadInput("a campaign has a budget, but its calls no cost", do="set the most that one call can cost")
        if self.budget and self.call_cost and self.budget.currency != self.call_cost.currency:
            raise BadInput(
                "the budget and the cost of a call have different currencies", do="give both in one currency"
            )

    @property
    def key(self) -> CampaignKey:
        """Its name among the campaigns of all tenants."""
        return CampaignKey(f"{self.tenant_id}/{self.campaign_id}")


def check_zone(name: str) -> str:
    """The name, if it is a time zone.

    Raises:
        BadInput: there is no such zone.
    """
    zone(name)
    return name


def _check_weight(weight: float) -> None:
    if not 0.01 <= weight <= 1000:
        raise BadInput(f"a weight of {weight}", do="give 0.01 to 1000; 1 is the usual share")

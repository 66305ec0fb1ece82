"""What a simulated day is made of: numbers of every region, tenants with two campaigns each, and what calls come to.

Given a source of randomness, makes it up. Never plans or permits anything.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import phonenumbers
from phonenumbers import PhoneNumberType

from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import Campaign, HolidayRule, TenantLimits
from opendeep_kit.campaigns.windows import parse_weekly
from opendeep_kit.outcomes import Disposition, PhoneResult

WHALE_SHARE = 0.15
"""One tenant has so much of all contacts: it must not crowd the others out."""
HOURS: tuple[dict[str, str], ...] = (
    {"daily": "09:00-20:00"},
    {"daily": "08:00-12:00, 13:00-21:00"},
    {"daily": "00:00-24:00"},
    {"daily": "00:00-03:30, 12:00-24:00"},
    {"sat,sun": "10:00-18:00", "mon-fri": "17:00-20:30"},
)
"""The third and fourth call in the hour that is skipped or repeated."""
AMERICAN = ("208", "212", "305", "406", "423", "480", "541", "605", "701", "808", "812", "850", "907", "915")
CANADIAN_OR_FREE = ("204", "250", "306", "403", "506", "709", "807", "867", "902", "800", "888")
AREA_CODES = (*AMERICAN, *CANADIAN_OR_FREE)
OUTCOMES: tuple[tuple[float, PhoneResult, Disposition | None, float], ...] = (
    (0.30, PhoneResult.NO_ANSWER, None, 30),
    (0.08, PhoneResult.BUSY, None, 4),
    (0.04, PhoneResult.REJECTED, None, 8),
    (0.03, PhoneResult.INVALID_NUMBER, None, 2),
    (0.02, PhoneResult.CONGESTION, None, 5),
    (0.20, PhoneResult.ANSWERED, Disposition.VOICEMAIL, 35),
    (0.17, PhoneResult.ANSWERED, Disposition.COMPLETED, 110),
    (0.06, PhoneResult.ANSWERED, Disposition.HUNG_UP_EARLY, 9),
    (0.04, PhoneResult.ANSWERED, Disposition.CALLBACK, 40),
    (0.03, PhoneResult.ANSWERED, Disposition.PARTIAL, 60),
    (0.02, PhoneResult.ANSWERED, Disposition.DO_NOT_CALL, 25),
    (0.01, PhoneResult.ANSWERED, Disposition.FAILED, 12),
)
"""Weight, what came of the call, and how many seconds it takes."""
GIVEN_AT = datetime(2025, 1, 1, tzinfo=UTC)
"""Everybody's consent."""
WEIGHTS = [outcome[0] for outcome in OUTCOMES]


@dataclass(slots=True)
class Running:
    """One campaign with what is counted of it."""

    rules: Campaign
    tenant: TenantLimits
    hours: dict[str, str]
    live: int = 0


def made_campaigns(tenants: int) -> Iterator[Running]:
    """Two for every tenant, so that each has calls due at most hours; hours and holidays in turn."""
    for number in range(tenants):
        limits = TenantLimits(tenant_id=f"t{number}")
        for place in (0, 1):
            hours = HOURS[2] if place else HOURS[number % len(HOURS)]
            rules = Campaign(
                tenant_id=limits.tenant_id,
                campaign_id=f"t{number}c{place}",
                state=TaskState.RUNNING,
                windows=parse_weekly(hours),
                holidays=HolidayRule.NO_CALLS if number % 2 else HolidayRule.CALLS,
            )
            yield Running(rules, limits, hours)


def made_numbers(count: int, rng: random.Random) -> Iterator[str]:
    """Different numbers: a third North American, two thirds of every region there is, some of no country."""
    kinds = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
    examples = [
        phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in kinds
        if (example := phonenumbers.example_number_for_type(region, kind)) is not None
    ]
    examples = [*examples, "+88351000000", "+87077310110"]
    plans = [(f"+1{area}", 7) for area in AREA_CODES for _ in range(len(examples) // 2 // len(AREA_CODES))]
    plans += [(example[: (kept := max(5, len(example) - 6))], len(example) - kept) for example in examples]
    seen: set[int] = set()
    while len(seen) < count:
        share = -(-(count - len(seen)) // len(plans))
        for prefix, digits in plans:  # region by region: `phonenumbers` compiles its patterns anew for each
            for _ in range(min(share, count - len(seen))):
                number = prefix + "".join(rng.choices("0123456789", k=digits))
                if int(number) not in seen:
                    seen.add(int(number))
                    yield number


def is_inside(hours: dict[str, str], wall: datetime) -> bool:
    """Whether a wall clock stands in hours as written above, without the package."""
    days = {"daily": range(7), "sat,sun": range(5, 7), "mon-fri": range(5)}
    now = f"{wall:%H:%M}"
    for name, text in hours.items():
        if wall.weekday() in days[name] and any(
            opens <= now < closes for opens, closes in (part.strip().split("-") for part in text.split(","))
        ):
            return True
    return False

"""Says in which time zones a callee may be, from the number or from what the tenant knows of them.

Given a number and perhaps a zone, returns all that is possible: a number without a region of its own (a mobile of a
large country, toll-free) has many zones, one without a country has none. Never guesses one of several.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import timezone
from phonenumbers.tzdata import TIMEZONE_DATA

from opendeep_kit.campaigns.windows import zone

NORTH_AMERICA = 1
"""Country code of the United States, Canada and most of the Caribbean."""


class ZoneSource(StrEnum):
    """How the zones are known."""

    STATED = "stated"
    """The tenant's own record of this contact."""
    NUMBER = "number"
    """The numbering plan: country and area code. A number that was carried elsewhere is not seen."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """What the rules need to know of a number. Worked out once, when the contact is imported."""

    number: str = field(repr=False)
    """E.164."""
    is_valid: bool
    """In use in its numbering plan."""
    zones: tuple[str, ...]
    """IANA names, all that are possible; none: unknown."""
    source: ZoneSource
    region: str | None
    """ISO 3166 country; None when it belongs to none (satellite, international freephone)."""
    subdivision: str | None = None
    """ISO 3166-2 part, when the tenant knows it: its holidays count as well."""


def callee(number: str, *, stated_zone: str | None = None, subdivision: str | None = None) -> Callee:
    """What is known of this number.

    >>> callee("+18505550123").zones
    ('America/Chicago', 'America/New_York')

    Args:
        number: E.164.
        stated_zone: where the tenant knows the contact to be; takes the place of what the number says.

    Raises:
        BadInput: the stated zone does not exist.
    """
    if stated_zone is not None:
        zone(stated_zone)
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return Callee(number=number, is_valid=False, zones=(), source=ZoneSource.UNKNOWN, region=None)
    region = phonenumbers.region_code_for_number(parsed)
    is_valid = region is not None and phonenumbers.is_valid_number_for_region(parsed, region)
    zones = (stated_zone,) if stated_zone else _by_plan(parsed) if is_valid else ()
    source = ZoneSource.STATED if stated_zone else ZoneSource.NUMBER if zones else ZoneSource.UNKNOWN
    return Callee(
        number=number,
        is_valid=is_valid,
        zones=zones,
        source=source,
        region=region if region and region.isalpha() else None,
        subdivision=subdivision,
    )


def _by_plan(parsed: phonenumbers.PhoneNumber) -> tuple[str, ...]:
    # For a mobile this is every zone of the country, where `time_zones_for_geographical_number` would name one.
    found = timezone.time_zones_for_number(parsed)
    if timezone.UNKNOWN_TIMEZONE in found:
        return ()
    if parsed.country_code != NORTH_AMERICA:
        return tuple(found)
    others = _area_zones().get(str(parsed.national_number)[:3], frozenset())
    return tuple(found) if others <= set(found) else tuple(sorted(others.union(found)))


@lru_cache(maxsize=1)
def _area_zones() -> dict[str, frozenset[str]]:
    """All zones of each North American area code.

    The plan's data names zones per exchange, and a default for those it does not know: Chicago for area 423, most of
    which keeps New York's time. Mobiles share the area code and exchanges are carried about, so the area decides.
    """
    found: dict[str, set[str]] = {}
    for prefix, zones in TIMEZONE_DATA.items():
        if prefix[0] == str(NORTH_AMERICA) and len(prefix) >= 4:
            found.setdefault(prefix[1:4], set()).update(zones)
    return {area: frozenset(zones) for area, zones in found.items()}

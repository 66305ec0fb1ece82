"""Says in which time zones a callee may be, from the number or from what the tenant knows of them.

Given a number and perhaps a zone, returns all that is possible: a number without a region of its own (a mobile of a
large country, toll-free) has many zones, one without a country has none. Never guesses one of several.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import timezone
from phonenumbers.tzdata import TIMEZONE_DATA

from opendeep_kit.campaigns.windows import zone

NORTH_AMERICA = 1
"""Country code of the United States, Canada and most of the Caribbean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where a callee may be, as far as the rules ask. Worked out once, when the contact is imported."""

    zones: tuple[str, ...] = ()
    """IANA names, all that are possible; none: unknown."""
    region: str | None = None
    """ISO 3166 country; None when it belongs to none (satellite, international freephone)."""
    subdivision: str | None = None
    """ISO 3166-2 part without the country, when the tenant knows it: its holidays count as well."""
    is_stated: bool = False
    """By the tenant's own record, not by the number."""

    @property
    def key(self) -> str:
        """The same text for the same whereabouts."""
        stated = "stated" if self.is_stated else ""
        return f"{'|'.join(self.zones)};{self.region or ''};{self.subdivision or ''};{stated}"


def whereabouts(number: str, *, stated_zone: str | None = None, subdivision: str | None = None) -> Whereabouts:
    """Where whoever has this number may be. A number that was carried elsewhere is not seen.

    >>> whereabouts("+18505550123").zones
    ('America/Chicago', 'America/New_York')

    Args:
        number: E.164.
        stated_zone: where the tenant knows the contact to be; takes the place of what the number says.

    Raises:
        BadInput: the stated zone does not exist.
    """
    if stated_zone is not None:
        zone(stated_zone)
    parsed = _parsed(number)
    if parsed is None:
        return Whereabouts()
    region = phonenumbers.region_code_for_number(parsed)
    by_number = _by_plan(parsed) if _is_valid(parsed, region) else ()
    return Whereabouts(
        zones=(stated_zone,) if stated_zone else by_number,
        region=region if region and region.isalpha() else None,
        subdivision=subdivision,
        is_stated=stated_zone is not None,
    )


def is_in_use(number: str) -> bool:
    """Whether its numbering plan has given this number out."""
    parsed = _parsed(number)
    return parsed is not None and _is_valid(parsed, phonenumbers.region_code_for_number(parsed))


def _parsed(number: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None


def _is_valid(parsed: phonenumbers.PhoneNumber, region: str | None) -> bool:
    return region is not None and phonenumbers.is_valid_number_for_region(parsed, region)


def _by_plan(parsed: phonenumbers.PhoneNumber) -> tuple[str, ...]:
    # For a mobile this is every zone of the country, where `time_zones_for_geographical_number` would name one.
    names = timezone.time_zones_for_number(parsed)
    if timezone.UNKNOWN_TIMEZONE in names:
        return ()
    if parsed.country_code != NORTH_AMERICA:
        return tuple(names)
    others = _area_zones().get(str(parsed.national_number)[:3], frozenset())
    return tuple(names) if others <= set(names) else tuple(sorted(others.union(names)))


@lru_cache(maxsize=1)
def _area_zones() -> dict[str, frozenset[str]]:
    """All zones of each North American area code.

    The plan's data names zones per exchange, and a default for those it does not know: Chicago for area 423, most of
    which keeps New York's time. Mobiles share the area code and exchanges are carried about, so the area decides.
    """
    prefixes: dict[str, set[str]] = {}
    for prefix, zones in TIMEZONE_DATA.items():
        if prefix[0] == str(NORTH_AMERICA) and len(prefix) >= 4:
            prefixes.setdefault(prefix[1:4], set()).update(zones)
    return {area: frozenset(zones) for area, zones in prefixes.items()}

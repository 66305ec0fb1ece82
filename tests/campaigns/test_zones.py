"""Where a callee may be, by the number; and the days on which their country is not called."""

from dataclasses import replace
from datetime import date

import pytest

from opendeep_kit.campaigns.calendars import ClosedDays
from opendeep_kit.campaigns.zones import Whereabouts, is_in_use, whereabouts
from opendeep_kit.errors import BadInput


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+12125550123", ("America/New_York",)),
        ("+12085550123", ("America/Boise", "America/Denver", "America/Los_Angeles")),  # Idaho
        ("+14065550123", ("America/Denver",)),
        ("+18505550123", ("America/Chicago", "America/New_York")),  # Florida's west
        ("+14235550123", ("America/Chicago", "America/New_York")),  # Tennessee's east: the plan's default is wrong
        ("+17095550123", ("America/Halifax", "America/St_Johns")),
        ("+917654321000", ("Asia/Calcutta",)),
        ("+61881234567", ("Australia/Adelaide", "Australia/Perth")),
        ("+551131234567", ("America/Sao_Paulo",)),
        ("+559231234567", ("America/Manaus",)),
        ("+78432001234", ("Europe/Moscow",)),
        ("+442079460958", ("Europe/London",)),
    ],
)
def test_zones_of_a_number(number: str, zones: tuple[str, ...]) -> None:
    """Country and area code tell; an area that lies in two zones has both."""
    assert whereabouts(number).zones == zones


@pytest.mark.parametrize(
    ("number", "count", "among"),
    [
        ("+79161234567", 16, "Asia/Kamchatka"),  # a Russian mobile
        ("+61412345678", 8, "Australia/Perth"),  # an Australian mobile
        ("+18005550123", 42, "Pacific/Guam"),  # freephone
    ],
)
def test_number_without_a_place(number: str, count: int, among: str) -> None:
    """A mobile of a large country and a freephone number may be anywhere in their plan: all its zones."""
    known = whereabouts(number)

    assert len(known.zones) == count
    assert among in known.zones
    assert not known.is_stated


@pytest.mark.parametrize("number", ["+883510000000094", "+99612345678", "12125550123", "", "+0", "nobody"])
def test_unknown_zone(number: str) -> None:
    """A satellite number, one that is in use nowhere and what is no number have no zone."""
    assert whereabouts(number).zones == ()


def test_stated_zone() -> None:
    """What the tenant knows of the contact takes the number's place; a zone that does not exist is refused."""
    known = whereabouts("+79161234567", stated_zone="Asia/Vladivostok")

    assert (known.zones, known.is_stated) == (("Asia/Vladivostok",), True)
    with pytest.raises(BadInput, match="'Asia/Nowhere' is no time zone"):
        whereabouts("+79161234567", stated_zone="Asia/Nowhere")


def test_stated_zone_mends_no_number() -> None:
    """A number that is not in use stays invalid, wherever the contact lives."""
    assert not is_in_use("+1212555012")
    assert whereabouts("+1212555012", stated_zone="America/New_York").zones == ("America/New_York",)


@pytest.mark.parametrize(
    ("number", "is_known"), [("+12125550123", True), ("+883510000000094", True), ("+0", False), ("nobody", False)]
)
def test_in_use(number: str, is_known: bool) -> None:
    """A number that its plan gave out, whoever has it now."""
    assert is_in_use(number) is is_known


def test_a_key_for_each_whereabouts() -> None:
    """Who may be in the same places, and is known to be there in the same way, shares an hour group."""
    known = whereabouts("+12125550123")

    assert known.key == whereabouts("+16465550123").key == "America/New_York;US;;"
    others = [replace(known, region="CA"), replace(known, is_stated=True), replace(known, subdivision="NY")]
    assert len({known.key, Whereabouts().key, *(other.key for other in others)}) == 5


@pytest.mark.parametrize(
    ("closed", "day", "name"),
    [
        (ClosedDays(region="US"), date(2026, 12, 25), "Christmas Day"),
        (ClosedDays(region="US"), date(2026, 12, 24), None),
        (ClosedDays(region="IN"), date(2026, 8, 15), "Independence Day"),
        (ClosedDays(region="DE"), date(2026, 1, 6), None),
        (ClosedDays(region="DE", subdivision="BY"), date(2026, 1, 6), "Epiphany"),
        (
            ClosedDays(region="US", named=frozenset([date(2026, 6, 1)])),
            date(2026, 6, 1),
            "a day without calls in this campaign",
        ),
        (ClosedDays(), date(2026, 12, 25), None),
        (ClosedDays(region="ZZ"), date(2026, 6, 2), "no holiday calendar is known for ZZ"),
    ],
)
def test_closed_day(closed: ClosedDays, day: date, name: str | None) -> None:
    """Holidays of the country and its part, days that are named, and every day where no calendar is known."""
    assert closed.name_of(day) == name
    assert (day in closed) == (name is not None)


def test_unknown_subdivision() -> None:
    """A part that the country has not is refused when it is set, not when somebody is called."""
    with pytest.raises(BadInput, match="no holidays are known for DE QQ"):
        ClosedDays(region="DE", subdivision="QQ")

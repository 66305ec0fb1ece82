"""A whole day of calls, made up: the planner, the permission, the retries and the waiting room together."""

from datetime import date

import pytest

from benchmarks.campaign_day import Day
from benchmarks.day_report import jain


@pytest.mark.parametrize(
    ("contacts", "calls_per_s", "tick_s", "zones", "placed"),
    [(2_500, 0.04, 60, 200, 2_000), pytest.param(10_000, 0.15, 20, 250, 10_000, marks=pytest.mark.slow)],
)
def test_day_with_a_change_of_clocks(contacts: int, calls_per_s: float, tick_s: int, zones: int, placed: int) -> None:
    """Contacts in every zone on the day North America's clocks go back: no call outside a window, no cap broken."""
    day = Day(contacts=contacts, tenants=10, day=date(2026, 11, 1), calls_per_s=calls_per_s, tick_s=tick_s, seed=3)
    found = day.run()

    assert (found.outside, found.over_cap, found.too_many_live) == (0, 0, 0)
    assert found.zones > zones
    assert found.placed > placed
    assert len(found.fairness) >= 20
    assert min(found.fairness) > 0.99


def test_jain() -> None:
    """1 for equals, 1/n when one has everything."""
    assert jain([5, 5, 5, 5]) == 1.0
    assert jain([8, 0, 0, 0]) == 0.25

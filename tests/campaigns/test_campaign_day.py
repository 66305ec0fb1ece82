"""A whole day of calls, made up: the planner, the permission, the retries and the waiting room together."""

from datetime import date

from benchmarks.campaign_day import Day
from benchmarks.day_report import jain


def test_day_with_a_change_of_clocks() -> None:
    """10 000 contacts in every zone on the day North America's clocks go back: no call outside a window, no cap broken."""
    day = Day(contacts=10_000, tenants=10, day=date(2026, 11, 1), calls_per_s=0.15, tick_s=20, seed=3)
    found = day.run()

    assert (found.outside, found.over_cap, found.too_many_live) == (0, 0, 0)
    assert found.zones > 250
    assert found.placed > 10_000
    assert len(found.fairness) >= 20
    assert min(found.fairness) > 0.99


def test_jain() -> None:
    """1 for equals, 1/n when one has everything."""
    assert jain([5, 5, 5, 5]) == 1.0
    assert jain([8, 0, 0, 0]) == 0.25

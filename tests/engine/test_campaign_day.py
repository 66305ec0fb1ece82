"""A whole day of calls, made up: the record, the planner, the permission and the retries together."""

from datetime import date
from pathlib import Path
from statistics import fmean

import pytest

from benchmarks.campaign_day import Day
from benchmarks.day_report import jain


@pytest.mark.slow
def test_day_with_a_change_of_clocks(tmp_path: Path) -> None:
    """Contacts in every zone on the day North America's clocks go back: no call outside a window, no cap broken."""
    url = f"sqlite:///{tmp_path / 'opendeep.db'}"
    day = Day(url, contacts=1_000, tenants=3, day=date(2026, 11, 1), calls_per_s=0.02, tick_s=60, seed=3)
    report = day.run()

    assert (report.outside, report.over_cap, report.too_many_live) == (0, 0, 0)
    assert report.zones > 100
    assert report.placed > 800
    assert len(report.fairness) >= 6
    assert fmean(report.fairness) > 0.95  # of some twenty calls an hour each


def test_jain() -> None:
    """1 for equals, 1/n when one has everything."""
    assert jain([5, 5, 5, 5]) == 1.0
    assert jain([8, 0, 0, 0]) == 0.25

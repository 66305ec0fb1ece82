"""What a simulated day came to, and how it is printed.

Given counts, tells them. Never judges the day but by the three that must be 0.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, quantiles


@dataclass(slots=True)
class DayReport:
    """What the day came to."""

    contacts: int = 0
    zones: int = 0
    refused_at_import: int = 0
    """Numbers without a zone or not in use."""
    placed: int = 0
    outside: int = 0
    """Calls at an instant outside a window of any possible zone: must be 0."""
    over_cap: int = 0
    """Calls beyond a number's daily cap: must be 0."""
    too_many_live: int = 0
    """Instants with more calls live than media slots: must be 0."""
    refused: dict[str, int] = field(default_factory=dict)
    """At the last check before dialling, by rule."""
    fairness: list[float] = field(default_factory=list)
    """Jain's index by hour, between tenants of equal weight that had calls due all the hour."""
    tick_ms: list[float] = field(default_factory=list)
    """Planner with its look at the record, per tick, in processor time: other work on this machine is not in it."""
    left_waiting: int = 0
    import_s: float = 0.0
    day_s: float = 0.0
    placed_by_tenant: dict[str, int] = field(default_factory=dict)


def jain(shares: Sequence[float]) -> float:
    """Jain's fairness index: 1 when all have the same, 1/n when one has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


def show(found: DayReport, what: str) -> None:
    """Print what a day came to."""
    ticks, fair, counts = found.tick_ms, found.fairness, found.placed_by_tenant
    hour = len(ticks) // 24
    first, middle, last = (fmean(part) for part in (ticks[:hour], ticks[12 * hour :][:hour], ticks[-hour:]))
    hundredths = quantiles(ticks, n=100)
    print(f"{found.contacts:,} contacts in {found.zones} zones, {what}")
    print(f"calls placed                      {found.placed:,} ({found.left_waiting:,} contacts still wait)")
    print(f"calls outside a callee's window   {found.outside}")
    print(f"calls over a number's daily cap   {found.over_cap}")
    print(f"instants with too many live calls {found.too_many_live}")
    print(f"numbers without zone or use       {found.refused_at_import:,}")
    print(f"refused at the last check         {found.refused}")
    if fair:
        print(f"fairness (Jain), {len(fair)} hours          worst {min(fair):.5f} mean {fmean(fair):.5f}")
    print(
        f"calls per tenant                  {min(counts.values()):,} to {max(counts.values()):,}, t0 {counts['t0']:,}"
    )
    print(f"planner per tick, processor ms    first hour {first:.3f} middle {middle:.3f} last {last:.3f}")
    print(f"                                  p50 {hundredths[49]:.3f} p99 {hundredths[98]:.3f} most {max(ticks):.1f}")
    print(f"minutes                           import {found.import_s / 60:.1f}, day {found.day_s / 60:.1f}", end=" ")
    print(f"(processor {time.process_time() / 60:.1f} in all)")
    print(f"peak memory                       {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")

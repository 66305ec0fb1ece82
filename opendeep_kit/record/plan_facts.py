"""Reads all on which the plan of one moment depends, in one snapshot.

Given the record and the time, tells who works, which campaigns run with which limits and hour groups, and what is
spent. Decides nothing, and looks at no contact: that is `due_in`, once it is known which groups are open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from opendeep_kit.campaigns.capacity import Worker
from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import Campaign, TenantLimits
from opendeep_kit.record import counters
from opendeep_kit.record.campaigns import read_campaigns, read_limits
from opendeep_kit.record.database import Database
from opendeep_kit.record.hour_groups import HourGroup, read_hour_groups
from opendeep_kit.record.workers import read_alive


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A campaign that calls."""

    campaign: Campaign
    limits: TenantLimits | None
    """What its tenant may do; None: they cannot be read, hence no call."""
    hour_groups: Sequence[HourGroup]
    """The highest priority first."""
    spent: Mapping[str, int]
    """Spent and reserved, in minor units by currency; empty where neither campaign nor tenant keeps a budget."""
    tenant_spent: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """One moment."""

    workers: Sequence[Worker]
    """Media workers that are alive."""
    limits: Mapping[str, TenantLimits]
    """By tenant."""
    running: Sequence[Running]


def read_plan_facts(database: Database, *, now: datetime, alive_within_s: float) -> PlanFacts:
    """The facts of this moment. Cost grows with the campaigns that run and their hour groups, not with the contacts."""
    with database.read() as connection:
        limits = read_limits(connection)
        running = []
        for campaign in read_campaigns(connection, [TaskState.RUNNING]):
            of = (campaign.tenant_id, campaign.campaign_id)
            own = limits.get(campaign.tenant_id)
            has_budget = campaign.budget is not None or (own is not None and own.budget is not None)
            spent, tenant_spent = counters.money(connection, *of) if has_budget else ({}, {})
            running.append(
                Running(
                    campaign=campaign,
                    limits=own,
                    hour_groups=read_hour_groups(connection, *of),
                    spent=spent,
                    tenant_spent=tenant_spent,
                )
            )
        return PlanFacts(
            workers=read_alive(connection, now=now, within_s=alive_within_s),
            limits=limits,
            running=running,
        )

"""Changes a campaign's rules: windows, caps, budget, goal and end, with the reason in its history.

Given an open record and what should be different, validates the result as a whole and writes it; what is not given
stays. Never places or ends a call: the running service sees the change at its next tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from opendeep_kit.campaigns import lifecycle
from opendeep_kit.campaigns.lifecycle import Goal, TaskFact
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.campaigns.specs import parse_spec
from opendeep_kit.engine.campaign_service import existing
from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.record import campaigns
from opendeep_kit.record.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignChange:
    """What is to be different; None: it stays."""

    name: str | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Parts of the spec, each set whole; a part that is null goes."""
    goal: int | None = None
    """So many calls with the goal's outcome."""
    priority: int | None = None
    weight: float | None = None
    trunk_id: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def change(
    database: Database,
    tenant_id: str,
    campaign_id: str,
    wanted: CampaignChange,
    *,
    reason: str = "",
    by: str,
    now: datetime,
) -> Campaign:
    """Set it; returns the campaign as it is then. A goal that is raised makes a campaign that met it ready again.

    Args:
        reason: why, for its history; empty: what was set.

    Raises:
        BadInput: there is no such campaign, a rule is impossible, or nothing would be different.
        Refused: it is stopped or archived, or somebody moved it meanwhile.
    """
    before = existing(database, tenant_id, campaign_id)
    after = _changed(before, wanted)  # report what is impossible before storing it
    parts = [part.name for part in fields(Campaign) if getattr(after, part.name) != getattr(before, part.name)]
    if not parts:
        raise BadInput("nothing would change", do="say what to set, such as --goal 200")
    fact = TaskFact.GOAL_RAISED if _is_raised(before.goal, after.goal) else TaskFact.CHANGED
    reason = reason.strip() or f"set: {', '.join(parts)}"
    step = lifecycle.move(before.state, fact, reason=reason, by=by, at=now)
    if not campaigns.change(database, after, in_states=[before.state], now=now, step=step):
        raise Refused("the campaign was moved meanwhile", do="look at its state and say it again")
    return replace(after, state=step.after, changed_at=now)


def _changed(before: Campaign, wanted: CampaignChange) -> Campaign:
    parts = parse_spec(wanted.spec)
    if wanted.goal is not None:
        goal = parts.get("goal", before.goal)
        parts["goal"] = replace(goal, target=wanted.goal) if goal else Goal(target=wanted.goal)
    for name in ("name", "priority", "weight", "trunk_id", "starts_at", "ends_at"):
        if getattr(wanted, name) is not None:
            parts[name] = getattr(wanted, name)
    return replace(before, **parts)


def _is_raised(before: Goal | None, after: Goal | None) -> bool:
    """Whether what met the goal may not meet it any more."""
    if before is None or before == after:
        return False
    return after is None or after.target > before.target or after.disposition is not before.disposition

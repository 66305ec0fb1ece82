"""SEAM that sets a campaign's rules anew: its windows, caps, budget, goal and end, with the reason in its history.

Given an open record and what is to be different, checks the whole by the rules and writes it; what is not said stays.
Never places or ends a call: the running service sees it at its next look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from opendeep_kit.campaigns import lifecycle
from opendeep_kit.campaigns.lifecycle import Goal, TaskFact, TaskState
from opendeep_kit.engine.campaign_service import existing
from opendeep_kit.engine.campaign_specs import to_campaign
from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.record import campaigns
from opendeep_kit.record.campaigns import Campaign, NewCampaign
from opendeep_kit.record.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
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
    database: Database, tenant_id: str, campaign_id: str, wish: Wish, *, reason: str = "", by: str, now: datetime
) -> Campaign:
    """Set it; returns the campaign as it is then. A goal that is raised makes a campaign that met it ready again.

    Args:
        reason: why, for its history; empty: what was set.

    Raises:
        BadInput: there is no such campaign, a rule is impossible, or nothing would be different.
        Refused: it is stopped or archived, or somebody moved it meanwhile.
    """
    row = existing(database, tenant_id, campaign_id)
    wanted = _wanted(row, wish)
    names = [name for name in NewCampaign.__dataclass_fields__ if getattr(wanted, name) != getattr(row, name)]
    if not names:
        raise BadInput("nothing of the campaign would be different", do="say what is to be set, such as --goal 200")
    before, after = to_campaign(row), to_campaign(wanted)  # what is impossible is told before it is kept
    fact = TaskFact.GOAL_RAISED if _is_raised(before.goal, after.goal) else TaskFact.CHANGED
    said = reason.strip() or f"set: {', '.join(_parts(row, wanted, names))}"
    step = lifecycle.move(TaskState(row.state), fact, reason=said, at=now)
    kept = campaigns.Move(before=step.before, after=step.after, fact=step.fact, reason=step.reason, at=step.at, by=by)
    new = NewCampaign(**{name: getattr(wanted, name) for name in NewCampaign.__dataclass_fields__})
    if not campaigns.change(database, new, in_states=[row.state], now=now, step=kept):
        raise Refused("the campaign was moved meanwhile", do="look at its state and say it again")
    return replace(wanted, state=step.after, changed_at=now)


def _wanted(row: Campaign, wish: Wish) -> Campaign:
    spec = {**row.spec, **wish.spec}
    if wish.goal is not None:
        kept = spec.get("goal")
        spec["goal"] = {**(kept if isinstance(kept, Mapping) else {}), "target": wish.goal}
    said = {
        name: value
        for name in ("name", "priority", "weight", "trunk_id", "starts_at", "ends_at")
        if (value := getattr(wish, name)) is not None
    }
    return replace(row, **said, spec={name: value for name, value in spec.items() if value is not None})


def _is_raised(before: Goal | None, after: Goal | None) -> bool:
    """Whether what met the goal may not meet it any more."""
    if before is None or before == after:
        return False
    return after is None or after.target > before.target or after.disposition is not before.disposition


def _parts(row: Campaign, wanted: Campaign, names: list[str]) -> list[str]:
    """What is different, by the names of the spec's own parts."""
    of_spec = [name for name in {**row.spec, **wanted.spec} if row.spec.get(name) != wanted.spec.get(name)]
    return [*(name for name in names if name != "spec"), *of_spec]

"""Says what holds up a campaign's due calls.

Given the campaign's row and the living control processes, returns what the planning process reported. Never queries the
record.
"""

from __future__ import annotations

from collections.abc import Sequence

from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.record import workers
from opendeep_kit.record.workers import ControlProcess
from opendeep_kit.settings import NO_TRUNK, SET_TRUNK

NOBODY_PLANS = "no control process is alive: run opendeep up"
UNREACHED = f"the line reaches made-up numbers only, real ones wait; {NO_TRUNK}: {SET_TRUNK}"
RESERVED = "the budget is reserved by the calls that live"


def held_by(row: Campaign, controls: Sequence[ControlProcess]) -> str:
    """What holds a running campaign's due calls, in a clause; empty: nothing does, or it does not run.

    Args:
        controls: those alive.
    """
    if row.state is not TaskState.RUNNING:
        return ""
    planner = workers.planner(controls)
    if planner is None:
        return NOBODY_PLANS
    return planner.bound_by or planner.held.get(row.key, "")

"""Why a campaign that runs is not called."""

from datetime import UTC, datetime

import pytest

from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.engine.blocked_by import NOBODY_PLANS, held_by
from opendeep_kit.record.workers import ControlProcess

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def control(name: str, hour: int = 12, bound_by: str = "", **held: str) -> ControlProcess:
    """A living control process that started then."""
    at = NOON.replace(hour=hour)
    told = {f"clinic/{name}": why for name, why in held.items()}
    return ControlProcess(
        control_id=name,
        host="here",
        reaches_people=True,
        started_at=at,
        seen_at=NOON,
        held=told,
        bound_by=bound_by,
    )


@pytest.mark.parametrize(
    ("state", "controls", "said"),
    [
        ("running", [], NOBODY_PLANS),
        ("running", [control("a")], ""),
        ("running", [control("a", spring="the rate")], "the rate"),
        ("running", [control("a", autumn="the rate")], ""),
        ("running", [control("a", bound_by="no line", spring="the rate")], "no line"),
        ("running", [control("a", 12, spring="the rate"), control("b", 11)], ""),
        ("paused", [], ""),
        ("paused", [control("a", bound_by="no line")], ""),
    ],
)
def test_held_by(state: str, controls: list[ControlProcess], said: str) -> None:
    """Of a running campaign alone, and as the one that plans told: the oldest."""
    row = Campaign(tenant_id="clinic", campaign_id="spring", state=TaskState(state))

    assert held_by(row, controls) == said

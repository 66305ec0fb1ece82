"""A campaign's rules set anew: what was paused for money goes on, what met its goal is ready again."""

from pathlib import Path
from typing import Any

import pytest

from opendeep_kit.campaigns import lifecycle
from opendeep_kit.campaigns.lifecycle import TaskFact, TaskState
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.campaigns.specs import spec_of
from opendeep_kit.engine.campaign_change import CampaignChange, change
from opendeep_kit.engine.campaign_moves import move, move_along
from opendeep_kit.errors import BadInput, OpenDeepError, Refused
from opendeep_kit.record import campaigns, counters
from opendeep_kit.record.database import Database, calling
from tests.engine.test_campaign_moves import running
from tests.service_rig import TENANT, now

SMALL, LARGE = ({"minor": minor, "currency": "USD"} for minor in (5, 500))


def changed(database: Database, reason: str = "", **wish: Any) -> Campaign:
    """The campaign, with this set."""
    return change(database, TENANT, "one", CampaignChange(**wish), reason=reason, by="Ann", now=now())


def moved(database: Database, fact: TaskFact) -> str:
    """Where it is after this step."""
    return move(database, TENANT, "one", fact, reason="for the test", by="test", now=now())


def test_more_budget_lets_it_go_on(tmp_path: Path) -> None:
    """Paused for want of money it trips again when resumed; with another budget it does not, and the rest stays."""
    with running(tmp_path, budget=SMALL, call_cost=SMALL | {"minor": 6}) as database:
        move_along(database, now=now())
        before = campaigns.campaign(database, TENANT, "one")
        row = changed(database, spec={"budget": LARGE}, reason="the client pays more")
        moved(database, TaskFact.RESUMED)

        assert move_along(database, now=now()) == []
        assert before is not None
        assert (row.state, spec_of(row)) == ("paused", {**spec_of(before), "budget": LARGE})
        step = campaigns.moves_of(database, TENANT, "one")[-2]
        assert (step.fact, step.reason, step.by) == ("changed", "the client pays more", "Ann")


def test_a_raised_goal_makes_a_met_campaign_ready(tmp_path: Path) -> None:
    """It is started again by a person; the outcome that counts stays."""
    with running(tmp_path, goal={"target": 1, "disposition": "partial"}) as database:
        with calling(database) as connection:
            counters.add(connection, TENANT, {("one", "outcome:partial"): 1})
        move_along(database, now=now())
        row = changed(database, goal=2)

        assert (row.state, spec_of(row)["goal"]) == ("ready", {"target": 2, "disposition": "partial"})
        step = campaigns.moves_of(database, TENANT, "one")[-1]
        assert (step.before, step.fact, step.reason) == ("met", "goal_raised", "set: goal")
        assert moved(database, TaskFact.STARTED) == "running"
        assert move_along(database, now=now()) == []


def test_a_running_campaign_is_changed_in_place(tmp_path: Path) -> None:
    """It goes on; a part that is null goes, and each column is set by its own name."""
    end = now()
    with running(tmp_path, goal={"target": 5}) as database:
        changed(database, spec={"goal": None, "flow": {"max_live": 2}}, ends_at=end, priority=3, name="Spring")
        row = campaigns.campaign(database, TENANT, "one")

        assert row is not None
        assert (row.state, row.name, row.priority, row.ends_at) == ("running", "Spring", 3, end)
        assert (row.goal, spec_of(row)["flow"]) == (None, {"max_live": 2})
        assert campaigns.moves_of(database, TENANT, "one")[-1].reason == "set: name, ends_at, priority, flow, goal"


@pytest.mark.parametrize(
    ("fact", "wish", "kind", "says"),
    [
        (None, {}, BadInput, "nothing would change"),
        (None, {"spec": {"colour": "red"}}, BadInput, "the spec has 'colour', which is unknown"),
        (None, {"goal": 0}, BadInput, "a goal of 0"),
        (TaskFact.STOPPED, {"goal": 9}, Refused, "a campaign that is stopped cannot be changed"),
    ],
)
def test_what_is_not_possible(
    tmp_path: Path, fact: TaskFact | None, wish: dict[str, Any], kind: type[OpenDeepError], says: str
) -> None:
    """It is told, and nothing is kept."""
    with running(tmp_path) as database:
        if fact is not None:
            moved(database, fact)
        before = campaigns.campaign(database, TENANT, "one")
        with pytest.raises(kind, match=says):
            changed(database, **wish)

        assert campaigns.campaign(database, TENANT, "one") == before


def test_of_two_changes_at_once_one_is_refused(tmp_path: Path) -> None:
    """What was read before somebody else's move is not written over it."""
    with running(tmp_path) as database:
        row = campaigns.campaign(database, TENANT, "one")
        assert row is not None
        step = lifecycle.move(TaskState.PAUSED, TaskFact.CHANGED, reason="late", at=now(), by="Ann")

        assert not campaigns.change(database, row, in_states=["running"], now=now(), step=step)
        assert campaigns.moves_of(database, TENANT, "one")[-1].reason != "late"

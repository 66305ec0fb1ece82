"""A campaign's states, as a table; and what its outcomes make of it."""

from datetime import UTC, datetime

import pytest

from opendeep_kit.campaigns.lifecycle import TRANSITIONS, Goal, TaskFact, TaskState, advance, due_fact, move
from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.outcomes import Disposition

NOW = datetime(2026, 3, 8, 15, tzinfo=UTC)
DONE = Disposition.COMPLETED


def fact(state: TaskState = TaskState.RUNNING, **given: object) -> TaskFact | None:
    """What is due of a campaign with this difference."""
    usual: dict[str, object] = {"goal": None, "outcomes": {}, "waiting": 5, "live": 0, "ends_at": None, "now": NOW}
    found = due_fact(state, **(usual | given))  # type: ignore[arg-type]
    return found[0] if found else None


def test_every_state_has_its_row() -> None:
    """The table names every state, and every state but the first can be reached."""
    assert set(TRANSITIONS) == set(TaskState)
    assert {after for row in TRANSITIONS.values() for after in row.values()} == set(TaskState)


def test_only_a_person_makes_it_run() -> None:
    """Running is entered by start and resume alone; no outcome, goal or new contact starts calls."""
    into = {
        (before, fact)
        for before, row in TRANSITIONS.items()
        for fact, after in row.items()
        if after is TaskState.RUNNING and before is not TaskState.RUNNING
    }

    assert into == {(TaskState.READY, TaskFact.STARTED), (TaskState.PAUSED, TaskFact.RESUMED)}


@pytest.mark.parametrize(
    ("facts", "end"),
    [
        ("completed started paused resumed ran_out archived", "archived"),
        ("completed started tripped resumed goal_met goal_raised started", "running"),
        ("completed started ran_out contacts_added started stopped archived", "archived"),
        ("completed reopened contacts_added completed started paused goal_met", "met"),
        ("completed started stopped goal_met", "stopped"),
        ("completed started expired", "stopped"),
        ("completed changed started changed tripped changed resumed ran_out changed", "exhausted"),
    ],
)
def test_life(facts: str, end: str) -> None:
    """Whole lives, fact by fact."""
    state = TaskState.DRAFT
    for name in facts.split():
        state = advance(state, TaskFact(name))

    assert state == end


@pytest.mark.parametrize(
    ("state", "name", "says"),
    [
        (
            "draft",
            "started",
            "a campaign that is draft cannot be started: possible is archived, changed, completed",
        ),
        ("archived", "started", "a campaign that is archived cannot be started: possible is nothing: copy it"),
        ("stopped", "changed", "a campaign that is stopped cannot be changed"),
        ("stopped", "resumed", "a campaign that is stopped cannot be resumed"),
        ("running", "archived", "a campaign that is running cannot be archived"),
    ],
)
def test_what_is_not_possible(state: str, name: str, says: str) -> None:
    """Refused, naming what is."""
    with pytest.raises(Refused, match=says):
        advance(TaskState(state), TaskFact(name))


def test_move_keeps_its_reason() -> None:
    """A move without a reason is refused."""
    step = move(TaskState.RUNNING, TaskFact.TRIPPED, reason=" 9 of 20 calls failed ", by="control", at=NOW)

    assert (step.before, step.after, step.reason, step.at) == ("running", "paused", "9 of 20 calls failed", NOW)
    with pytest.raises(BadInput, match="without a reason"):
        move(TaskState.RUNNING, TaskFact.PAUSED, reason=" ", by="Ann", at=NOW)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"goal": Goal(target=50), "outcomes": {DONE: 49}}, None),
        ({"goal": Goal(target=50), "outcomes": {DONE: 50}}, "goal_met"),
        ({"goal": Goal(target=50), "outcomes": {Disposition.PARTIAL: 80}}, None),
        ({"goal": Goal(target=50), "outcomes": {DONE: 50}, "waiting": 0}, "goal_met"),
        ({"waiting": 0, "live": 1}, None),
        ({"waiting": 0}, "ran_out"),
        ({"ends_at": NOW}, "expired"),
        ({"waiting": 0, "state": TaskState.PAUSED}, "ran_out"),
        ({"waiting": 0, "state": TaskState.READY}, None),
        ({"waiting": 0, "state": TaskState.STOPPED}, None),
    ],
)
def test_what_outcomes_make_of_it(given: dict[str, object], expected: str | None) -> None:
    """The goal first, then its last day, then that nobody is left; a live call is waited for."""
    assert fact(**given) == expected  # type: ignore[arg-type]


def test_goal_of_nothing() -> None:
    """A goal below one is refused."""
    with pytest.raises(BadInput, match="a goal of 0"):
        Goal(target=0)

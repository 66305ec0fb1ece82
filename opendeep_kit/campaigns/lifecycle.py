"""What becomes of a campaign: draft → ready → running → paused → exhausted, met or stopped → archived.

Given a state and a fact, tells the next state and keeps the reason; given the goal and the outcomes so far, tells
which fact is due. Law: only a running campaign calls, and nothing but a person makes it run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.outcomes import Disposition


class TaskState(StrEnum):
    """Where a task's campaign stands."""

    DRAFT = "draft"
    """Something is missing: script, contacts, windows."""
    READY = "ready"
    """Could be started."""
    RUNNING = "running"
    """Calls, inside its windows."""
    PAUSED = "paused"
    """Places no calls; live ones end by themselves. Goes on where it was."""
    EXHAUSTED = "exhausted"
    """Nobody is left to call."""
    MET = "met"
    """The goal is reached."""
    STOPPED = "stopped"
    """Ended by a person or by its last day."""
    ARCHIVED = "archived"
    """For reading only."""


class TaskFact(StrEnum):
    """What moves it."""

    MADE = "made"
    """The first of every campaign."""
    COMPLETED = "completed"
    """The draft has all it needs."""
    REOPENED = "reopened"
    """A person wants to work on it again."""
    CHANGED = "changed"
    """A person set its rules anew; it stays where it is."""
    STARTED = "started"
    PAUSED = "paused"
    """By a person."""
    TRIPPED = "tripped"
    """By the circuit breaker, or because the budget is spent."""
    RESUMED = "resumed"
    STOPPED = "stopped"
    """By a person."""
    EXPIRED = "expired"
    """Its last day is over."""
    GOAL_MET = "goal_met"
    RAN_OUT = "ran_out"
    """Every contact has a final outcome."""
    CONTACTS_ADDED = "contacts_added"
    GOAL_RAISED = "goal_raised"
    ARCHIVED = "archived"


_S, _F = TaskState, TaskFact
TRANSITIONS: dict[TaskState, dict[TaskFact, TaskState]] = {
    _S.DRAFT: {
        _F.CHANGED: _S.DRAFT,
        _F.COMPLETED: _S.READY,
        _F.CONTACTS_ADDED: _S.DRAFT,
        _F.GOAL_RAISED: _S.DRAFT,
        _F.ARCHIVED: _S.ARCHIVED,
    },
    _S.READY: {
        _F.CHANGED: _S.READY,
        _F.REOPENED: _S.DRAFT,
        _F.STARTED: _S.RUNNING,
        _F.STOPPED: _S.STOPPED,
        _F.EXPIRED: _S.STOPPED,
        _F.CONTACTS_ADDED: _S.READY,
        _F.GOAL_RAISED: _S.READY,
        _F.ARCHIVED: _S.ARCHIVED,
    },
    _S.RUNNING: {
        _F.CHANGED: _S.RUNNING,
        _F.PAUSED: _S.PAUSED,
        _F.TRIPPED: _S.PAUSED,
        _F.STOPPED: _S.STOPPED,
        _F.EXPIRED: _S.STOPPED,
        _F.GOAL_MET: _S.MET,
        _F.RAN_OUT: _S.EXHAUSTED,
        _F.CONTACTS_ADDED: _S.RUNNING,
        _F.GOAL_RAISED: _S.RUNNING,
    },
    _S.PAUSED: {
        _F.CHANGED: _S.PAUSED,
        _F.REOPENED: _S.DRAFT,
        _F.PAUSED: _S.PAUSED,
        _F.TRIPPED: _S.PAUSED,
        _F.RESUMED: _S.RUNNING,
        _F.STOPPED: _S.STOPPED,
        _F.EXPIRED: _S.STOPPED,
        _F.GOAL_MET: _S.MET,  # by a call that was live when it was paused
        _F.RAN_OUT: _S.EXHAUSTED,
        _F.CONTACTS_ADDED: _S.PAUSED,
        _F.GOAL_RAISED: _S.PAUSED,
    },
    _S.EXHAUSTED: {
        _F.CHANGED: _S.EXHAUSTED,
        _F.STOPPED: _S.STOPPED,
        _F.GOAL_MET: _S.MET,
        _F.CONTACTS_ADDED: _S.READY,
        _F.GOAL_RAISED: _S.EXHAUSTED,
        _F.ARCHIVED: _S.ARCHIVED,
    },
    _S.MET: {
        _F.CHANGED: _S.MET,
        _F.GOAL_MET: _S.MET,
        _F.STOPPED: _S.STOPPED,
        _F.CONTACTS_ADDED: _S.MET,
        _F.GOAL_RAISED: _S.READY,
        _F.ARCHIVED: _S.ARCHIVED,
    },
    _S.STOPPED: {
        _F.STOPPED: _S.STOPPED,
        _F.GOAL_MET: _S.STOPPED,
        _F.RAN_OUT: _S.STOPPED,
        _F.ARCHIVED: _S.ARCHIVED,
    },
    _S.ARCHIVED: {},
}
"""A pair that is not here is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """When a campaign has done enough."""

    disposition: Disposition = Disposition.COMPLETED
    """Which outcome counts."""
    target: int
    """How many of them."""

    def __post_init__(self) -> None:
        if self.target < 1:
            raise BadInput(f"a goal of {self.target}", do="set a target of 1 or more, or no goal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step, as the record keeps it."""

    before: TaskState | None
    """None: it was made."""
    after: TaskState
    fact: TaskFact
    reason: str
    """One clause for a person."""
    at: datetime
    by: str
    """A person's name, or `control`."""


def advance(state: TaskState, fact: TaskFact) -> TaskState:
    """The next state.

    Raises:
        Refused: the table has no such row; the text names what is possible.
    """
    try:
        return TRANSITIONS[state][fact]
    except KeyError:
        possible = ", ".join(sorted(TRANSITIONS[state])) or "nothing: copy it into a new one"
        raise Refused(f"a campaign that is {state} cannot be {_said(fact)}", do=f"possible is {possible}") from None


def move(state: TaskState, fact: TaskFact, *, reason: str, by: str, at: datetime) -> Move:
    """The step that this fact makes, with its reason.

    Raises:
        Refused: the table has no such row.
        BadInput: there is no reason.
    """
    if not reason.strip():
        raise BadInput("a campaign cannot change state without a reason", do="say why in a clause")
    return Move(before=state, after=advance(state, fact), fact=fact, reason=reason.strip(), by=by, at=at)


def due_fact(
    state: TaskState,
    *,
    goal: Goal | None,
    outcomes: Mapping[Disposition, int],
    waiting: int,
    live: int,
    ends_at: datetime | None,
    now: datetime,
) -> tuple[TaskFact, str] | None:
    """What the outcomes so far make of a campaign, with the reason; None: nothing yet.

    Args:
        waiting: contacts with a next attempt, whenever it is due.
        live: calls that have not ended.
    """
    if state not in (TaskState.RUNNING, TaskState.PAUSED):
        return None
    if goal is not None and outcomes.get(goal.disposition, 0) >= goal.target:
        got = outcomes[goal.disposition]
        return TaskFact.GOAL_MET, f"{got} calls are {_said(goal.disposition)}, the goal was {goal.target}"
    if ends_at is not None and now >= ends_at:
        return TaskFact.EXPIRED, f"its last moment was {ends_at.isoformat()}"
    if waiting == 0 and live == 0:
        return TaskFact.RAN_OUT, "every contact has a final outcome"
    return None


def _said(name: StrEnum) -> str:
    return name.value.replace("_", " ")

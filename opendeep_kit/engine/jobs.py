"""What is asked of the engine, and what it answers: a job, a permission, what belongs to a call by hand alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from opendeep_kit import events
from opendeep_kit.record.attempts import Attempt
from opendeep_kit.record.calls import ExpectedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A contact for whom permission is to be asked."""

    tenant_id: str
    campaign_id: str
    enrolment_id: int
    attempt_id: str
    """The call's id, made before anything else."""
    placed_by: str = ""
    """The only process that may place it, as a person waits there for it; empty: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Whether the contact may be called now."""

    is_allowed: bool
    """There is an attempt, and nobody else will place it."""
    words: str = ""
    """Why not, in a clause."""
    rule: str | None = None
    """That refused; None: none was asked."""
    try_again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCall:
    """What this process adds to a call that it places by hand; it dies with it."""

    expect: Callable[[Attempt], ExpectedCall]
    """What stands in the call's row: its script may be a draft."""
    required: tuple[str, ...] = ()
    """Ids of the questions that its script wants answered."""
    tell: Callable[[events.Event], None] = lambda _: None
    """Is told the call's events that are not its media worker's: the dial, the end, the judgement."""

"""Permits a call and claims its contact, in the one transaction that all caps rest on.

Given a contact, the attempt to make and a pure function that knows the rules, reads the facts, asks it, records its
ruling and acts on it. Of several processes asking at once, each sees what the one before did. Never dials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, and_, bindparam, insert, or_, update

from opendeep_kit.errors import BadInput
from opendeep_kit.record import counters, ledger
from opendeep_kit.record.attempts import Attempt, AttemptState
from opendeep_kit.record.campaign_tables import attempts, enrolments
from opendeep_kit.record.campaigns import IMPLICIT
from opendeep_kit.record.claim_facts import Facts, read_facts
from opendeep_kit.record.database import Database, calling
from opendeep_kit.record.enrolments import (
    WITH_HOUR_GROUP,
    Enrolment,
    EnrolmentState,
    NextStep,
    step_values,
    to_enrolment,
)
from opendeep_kit.record.ledger import Ruling


class ClaimOutcome(StrEnum):
    """What came of asking."""

    CLAIMED = "claimed"
    """The attempt is there; place the call."""
    REFUSED = "refused"
    """By the rules; the ledger says why."""
    GONE = "gone"
    """The contact does not wait, or is not due any more: nobody was asked, nothing is noted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """A call to be placed if it is permitted."""

    attempt_id: str
    """The call's id, a UUID's text."""
    control_id: str
    """Who asks, places and follows it."""
    trunk_id: str
    worker_id: str
    media_host: str
    """Where the line brings the sound."""
    media_port: int
    reserved_minor: int = 0
    """The most it can cost."""
    currency: str | None = None
    """ISO 4217; None: no cost is kept."""

    def __post_init__(self) -> None:
        if self.reserved_minor < 0 or (self.reserved_minor > 0 and self.currency is None):
            raise BadInput("an attempt reserves an impossible amount", do="give 0 or more, with its currency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The answer."""

    outcome: ClaimOutcome
    ruling: Ruling | None = None
    """None: nobody was asked."""
    attempt: Attempt | None = None
    """None: there is none."""


def claim(
    database: Database,
    tenant_id: str,
    enrolment_id: int,
    attempt: NewAttempt,
    *,
    check: Callable[[Facts], Ruling],
    now: datetime,
) -> Claim:
    """Ask whether this contact may be called now, and claim them if so.

    In an implicit campaign nobody waits for their time: whoever asks for a call of theirs wants it now, another one
    that lives or not, and a refusal puts nobody off.

    Args:
        check: pure and quick: all other calling waits for it.

    Raises:
        BadInput: the attempt's id was used before.
    """
    with calling(database) as connection:
        who = _waiting(connection, tenant_id, enrolment_id, now)
        if who is None:
            return Claim(outcome=ClaimOutcome.GONE)
        facts = read_facts(connection, who, trunk_id=attempt.trunk_id, worker_id=attempt.worker_id, now=now)
        ruling = check(facts)
        attempt_id = attempt.attempt_id if ruling.is_allowed else None
        ledger.write(connection, tenant_id, who.campaign_id, who.number, ruling, attempt_id=attempt_id, now=now)
        if not ruling.is_allowed:
            if ruling.next is not None and who.campaign_id not in IMPLICIT:
                _put_off(connection, who, ruling.next, now)
            return Claim(outcome=ClaimOutcome.REFUSED, ruling=ruling)
        return Claim(outcome=ClaimOutcome.CLAIMED, ruling=ruling, attempt=_take(connection, who, attempt, now))


# ---- inside -----------------------------------------------------------------------------------------

_WAITING = WITH_HOUR_GROUP.where(
    enrolments.c.enrolment_id == bindparam("who"),
    enrolments.c.tenant_id == bindparam("tenant"),
    or_(
        and_(enrolments.c.state == EnrolmentState.WAITING, enrolments.c.next_at <= bindparam("now")),
        enrolments.c.campaign_id.in_(IMPLICIT),
    ),
)


def _waiting(connection: Connection, tenant_id: str, enrolment_id: int, now: datetime) -> Enrolment | None:
    row = connection.execute(_WAITING, {"tenant": tenant_id, "who": enrolment_id, "now": now}).one_or_none()
    return None if row is None else to_enrolment(row)


def _put_off(connection: Connection, who: Enrolment, step: NextStep, now: datetime) -> None:
    # A callback that a cap put off stays what the callee asked for.
    next_step = NextStep(at=step.at, reason=step.reason, is_callback=step.is_callback or who.is_callback)
    values = step_values(next_step, now=now)
    connection.execute(update(enrolments).where(enrolments.c.enrolment_id == who.enrolment_id).values(values))
    if step.at is None:
        _count(connection, who, EnrolmentState.FINAL)


def _take(connection: Connection, who: Enrolment, wanted: NewAttempt, now: datetime) -> Attempt:
    made = Attempt(
        **{part.name: getattr(wanted, part.name) for part in fields(NewAttempt)},
        tenant_id=who.tenant_id,
        campaign_id=who.campaign_id,
        enrolment_id=who.enrolment_id,
        number=who.number,
        state=AttemptState.INTENDED,
        is_callback=who.is_callback,
        created_at=now,
        dialled_at=None,
        ended_at=None,
        may_have_rung=True,
        phone_result=None,
        disposition=None,
        detail=None,
        spent_minor=0,
    )
    row = {part.name: getattr(made, part.name) for part in fields(Attempt)}
    connection.execute(insert(attempts), row | {"changed_at": now})
    claimed = {
        "state": EnrolmentState.CLAIMED,
        "attempts": who.attempts + 1,
        "last_call_id": made.attempt_id,
        "final_reason": None,
        "changed_at": now,
    }
    connection.execute(update(enrolments).where(enrolments.c.enrolment_id == who.enrolment_id).values(claimed))
    if made.currency is not None:
        counters.add_money(connection, who.tenant_id, who.campaign_id, made.currency, reserved=made.reserved_minor)
    _count(connection, who, EnrolmentState.CLAIMED)
    return made


def _count(connection: Connection, who: Enrolment, now_in: EnrolmentState) -> None:
    if who.state is not now_in:
        counters.add(connection, who.tenant_id, {(who.campaign_id, who.state): -1, (who.campaign_id, now_in): 1})

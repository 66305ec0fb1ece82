"""Contacts in a campaign: waiting for a call, claimed by one, or done.

Given plain values and the time, reads and changes them; due contacts are found without looking at the others. Whom to
call, and when to retry, is decided elsewhere and passed in as a `NextStep`. Adds nobody: `enrolling` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, and_, cast, false, not_, or_, select, true, update

from opendeep_kit.campaigns.zones import Whereabouts
from opendeep_kit.record import counters
from opendeep_kit.record.campaign_tables import campaigns, enrolments, hour_groups
from opendeep_kit.record.database import Database, calling
from opendeep_kit.record.hour_groups import WAITING, to_whereabouts

FORGOTTEN_AT_ONCE = 2000
"""Contacts in one transaction."""


class EnrolmentState(StrEnum):
    """How far a contact has come in a campaign."""

    WAITING = WAITING
    """For `next_at`."""
    CLAIMED = "claimed"
    """By a call that has not ended."""
    FINAL = "final"
    """Not called again in this campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What follows for a contact."""

    at: datetime | None
    """Called again, not before this instant; None: never in this campaign."""
    reason: str
    """One clause for a person."""
    is_callback: bool = False
    """The callee asked for this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Somebody whose time has come."""

    enrolment_id: int
    number: str = field(repr=False)
    contact_id: str | None = field(repr=False)
    """Often the number: a list need not give ids."""
    hour_group_id: int
    next_at: datetime
    is_callback: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """One contact in one campaign."""

    enrolment_id: int
    tenant_id: str
    campaign_id: str
    number: str = field(repr=False)
    contact_id: str | None = field(repr=False)
    """Often the number: a list need not give ids."""
    hour_group_id: int
    whereabouts: Whereabouts
    priority: int
    state: EnrolmentState
    next_at: datetime | None
    is_callback: bool
    attempts: int
    """That may have rung, a live one included."""
    last_call_id: str | None
    outcome: str | None
    """Disposition of the last attempt that ended."""
    final_reason: str | None
    created_at: datetime
    changed_at: datetime


WITH_HOUR_GROUP: Select[Any] = select(
    *(column for column in enrolments.c if column.name != "facts"),
    *(hour_groups.c[name] for name in ("priority", "zones", "region", "subdivision", "is_stated")),
).join(hour_groups, hour_groups.c.hour_group_id == enrolments.c.hour_group_id)
"""Selects what `to_enrolment` needs."""


def due(
    database: Database,
    tenant_id: str,
    campaign_id: str,
    *,
    now: datetime,
    limit: int,
    hour_group_ids: Sequence[int] | None = None,
    numbers_like: str = "%",
    but_like: Sequence[str] = (),
) -> list[Due]:
    """Whom to call next: those who asked for the time, then hour group by hour group those who waited longest.

    Args:
        hour_group_ids: those that are open, in the order in which they go; None: all, the highest priority first.
        numbers_like: only numbers of this pattern, `_` standing for a digit and `%` for any rest.
        but_like: and of none of these.
    """
    groups = select(hour_groups.c.hour_group_id).where(
        hour_groups.c.tenant_id == tenant_id, hour_groups.c.campaign_id == campaign_id
    )
    numbers = alike(numbers_like, but_like)
    with database.read() as connection:
        own = connection.scalars(groups.order_by(hour_groups.c.priority.desc(), hour_groups.c.hour_group_id)).all()
        allowed = set(own)
        asked = (
            own
            if hour_group_ids is None
            else [hour_group_id for hour_group_id in hour_group_ids if hour_group_id in allowed]
        )
        promised = _due(now, limit, numbers).where(
            enrolments.c.hour_group_id.in_(asked), enrolments.c.is_callback == true()
        )
        due = list(connection.execute(promised))
        for hour_group_id in asked:
            if len(due) >= limit:
                break
            others = _due(now, limit - len(due), numbers).where(enrolments.c.hour_group_id == hour_group_id)
            due += connection.execute(others.where(enrolments.c.is_callback == false()))
    return [Due(**row._mapping) for row in due]


def waits_for_others(
    database: Database,
    tenant_id: str,
    campaign_id: str,
    *,
    numbers_like: str,
    but_like: Sequence[str] = (),
    now: datetime,
) -> bool:
    """Whether a number that `due` would leave out is due in the campaign."""
    own = select(hour_groups.c.hour_group_id).where(
        hour_groups.c.tenant_id == tenant_id, hour_groups.c.campaign_id == campaign_id
    )
    columns = select(enrolments.c.enrolment_id).where(not_(alike(numbers_like, but_like)))
    with database.read() as connection:
        for hour_group_id in connection.scalars(own).all():
            # By hour group and time, as the index has them: of those who are not due, however many, none is looked at.
            waiting = columns.where(
                enrolments.c.hour_group_id == hour_group_id,
                enrolments.c.state == EnrolmentState.WAITING,
                enrolments.c.is_callback.in_((False, True)),
                enrolments.c.next_at <= now,
            )
            if connection.execute(waiting.limit(1)).one_or_none() is not None:
                return True
    return False


def enrolment(database: Database, tenant_id: str, campaign_id: str, number: str) -> Enrolment | None:
    """The number in the tenant's campaign."""
    query = WITH_HOUR_GROUP.where(
        enrolments.c.tenant_id == tenant_id, enrolments.c.number == number, enrolments.c.campaign_id == campaign_id
    )
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else to_enrolment(row)


def number_of(database: Database, tenant_id: str, enrolment_id: int) -> str | None:
    """The number of the tenant's contact in a campaign."""
    this_contact = (enrolments.c.tenant_id == tenant_id, enrolments.c.enrolment_id == enrolment_id)
    with database.read() as connection:
        return connection.scalar(select(enrolments.c.number).where(*this_contact))


def facts_of(database: Database, enrolment_id: int) -> dict[str, str]:
    """What a script may say of this contact: the row of the campaign's list that brought them."""
    query = select(enrolments.c.facts).where(enrolments.c.enrolment_id == enrolment_id)
    with database.read() as connection:
        return dict(connection.scalar(query) or {})


def forget_facts(database: Database, tenant_id: str, before: datetime) -> int:
    """Empty the facts of contacts that are final, where they and their campaign last changed before. Returns how many.

    A few at a time: calls are permitted and ended meanwhile.
    """
    old = select(campaigns.c.campaign_id).where(campaigns.c.tenant_id == tenant_id, campaigns.c.changed_at < before)
    some = (
        select(enrolments.c.enrolment_id)
        .where(
            enrolments.c.tenant_id == tenant_id,
            enrolments.c.changed_at < before,
            enrolments.c.state == EnrolmentState.FINAL,
            cast(enrolments.c.facts, Text) != "{}",
            enrolments.c.campaign_id.in_(old),
        )
        .limit(FORGOTTEN_AT_ONCE)
    )
    gone = 0
    while True:
        with database.write() as connection:
            emptied = connection.execute(
                update(enrolments).where(enrolments.c.enrolment_id.in_(some)).values(facts={})
            ).rowcount
        gone += emptied
        if emptied < FORGOTTEN_AT_ONCE:
            return gone


def enrolments_of(
    database: Database, tenant_id: str, campaign_id: str, *, after_id: int = 0, limit: int = 1000
) -> list[Enrolment]:
    """The campaign's contacts in the order in which they came, a page at a time.

    Args:
        after_id: the last `enrolment_id` of the page before.
    """
    query = WITH_HOUR_GROUP.where(
        enrolments.c.tenant_id == tenant_id,
        enrolments.c.campaign_id == campaign_id,
        enrolments.c.enrolment_id > after_id,
    )
    with database.read() as connection:
        rows = connection.execute(query.order_by(enrolments.c.enrolment_id).limit(limit)).all()
    return [to_enrolment(row) for row in rows]


def cancel_number(database: Database, tenant_id: str, number: str, *, reason: str, now: datetime) -> int:
    """Never call this number again in any of the tenant's campaigns. Returns how many it waited in."""
    with calling(database) as connection:
        return cancel(connection, tenant_id, number, reason=reason, now=now)


# ---- in a transaction that `database.calling` began --------------------------------------------------


def cancel(connection: Connection, tenant_id: str, number: str, *, reason: str, now: datetime) -> int:
    """As `cancel_number`."""
    waiting = (
        enrolments.c.tenant_id == tenant_id,
        enrolments.c.number == number,
        enrolments.c.state == EnrolmentState.WAITING,
    )
    values = step_values(NextStep(at=None, reason=reason), now=now)
    cancelled = connection.scalars(
        update(enrolments).where(*waiting).values(values).returning(enrolments.c.campaign_id)
    )
    changes: Counter[tuple[str, str]] = Counter()
    for campaign_id in cancelled.all():
        changes[campaign_id, EnrolmentState.WAITING] -= 1
        changes[campaign_id, EnrolmentState.FINAL] += 1
    counters.add(connection, tenant_id, changes)
    return sum(change for change in changes.values() if change > 0)


def let_wait_again(
    connection: Connection,
    tenant_id: str,
    *which: ColumnElement[bool],
    reasons: Iterable[str],
    step: NextStep,
    now: datetime,
) -> Mapping[str, int]:
    """Let those of a tenant wait again that had come to their end.

    Args:
        which: conditions on `enrolments`.
        reasons: what their end's reason begins with; those that ended otherwise stay as they are.

    Returns:
        How many, by campaign.
    """
    ended = (
        enrolments.c.tenant_id == tenant_id,
        enrolments.c.state == EnrolmentState.FINAL,
        or_(*(enrolments.c.final_reason.startswith(words, autoescape=True) for words in reasons)),
    )
    again = update(enrolments).where(*ended, *which).values(step_values(step, now=now))
    reopened = Counter(connection.scalars(again.returning(enrolments.c.campaign_id)).all())
    changes: Counter[tuple[str, str]] = Counter()
    for campaign_id, count in reopened.items():
        changes[campaign_id, EnrolmentState.WAITING] += count
        changes[campaign_id, EnrolmentState.FINAL] -= count
    counters.add(connection, tenant_id, changes)
    return reopened


def step_values(step: NextStep, *, now: datetime) -> dict[str, Any]:
    """What a step writes into the contact's row."""
    is_final = step.at is None
    return {
        "state": EnrolmentState.FINAL if is_final else EnrolmentState.WAITING,
        "next_at": step.at,
        "is_callback": step.is_callback and not is_final,
        "final_reason": step.reason if is_final else None,
        "changed_at": now,
    }


def to_enrolment(row: Row[Any]) -> Enrolment:
    """The contact of a row that `WITH_LANE` selected."""
    columns = row._mapping
    values = {part.name: columns[part.name] for part in fields(Enrolment) if part.name != "whereabouts"}
    return Enrolment(**values | {"state": EnrolmentState(row.state)}, whereabouts=to_whereabouts(row))


# ---- inside -----------------------------------------------------------------------------------------


def alike(numbers_like: str, but_like: Sequence[str]) -> ColumnElement[bool]:
    """Numbers of the one pattern, and of none of the others."""
    if numbers_like == "%" and not but_like:
        return true()
    number = enrolments.c.number
    return and_(number.like(numbers_like), *(number.not_like(pattern) for pattern in but_like))


def _due(now: datetime, limit: int, numbers: ColumnElement[bool]) -> Select[Any]:
    columns = (enrolments.c[part.name] for part in fields(Due))
    ready = select(*columns).where(enrolments.c.state == EnrolmentState.WAITING, enrolments.c.next_at <= now, numbers)
    return ready.order_by(enrolments.c.next_at, enrolments.c.enrolment_id).limit(limit)

"""Groups a campaign's contacts by calling hours: a group opens and closes together.

Given where a callee may be, finds or creates their hour group. Due contacts are then queried group by group, and a
closed group costs nothing however many contacts wait in it. Never decides whether a group is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, false, insert, select, true

from opendeep_kit.campaigns.zones import Whereabouts
from opendeep_kit.record.campaign_tables import enrolments, hour_groups
from opendeep_kit.record.database import Database

WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class HourGroup:
    """Contacts of one campaign that open together."""

    hour_group_id: int
    whereabouts: Whereabouts
    priority: int
    """Within the campaign; the higher goes first."""
    next_at: datetime | None
    """When the first of those waiting is due; None: nobody waits."""
    next_callback_at: datetime | None
    """The same, of those who asked for the time."""


def hour_groups_of(database: Database, tenant_id: str, campaign_id: str) -> list[HourGroup]:
    """The campaign's hour groups, the highest priority first. Cost grows with the groups, not with the contacts."""
    with database.read() as connection:
        return read_hour_groups(connection, tenant_id, campaign_id)


def read_hour_groups(connection: Connection, tenant_id: str, campaign_id: str) -> list[HourGroup]:
    """As `hour_groups_of`, in a transaction."""
    rows = connection.execute(_GROUPS, {"tenant": tenant_id, "campaign": campaign_id})
    return [_hour_group(row) for row in rows]


def next_due_at(database: Database, tenant_id: str, campaign_id: str) -> datetime | None:
    """When the first of all that wait is due, open or not; None: nobody waits."""
    groups = hour_groups_of(database, tenant_id, campaign_id)
    return min(
        (at for hour_group in groups for at in (hour_group.next_at, hour_group.next_callback_at) if at is not None),
        default=None,
    )


def hour_group_id_for(
    connection: Connection, tenant_id: str, campaign_id: str, where: Whereabouts, priority: int
) -> int:
    """The hour group of such contacts, made when it is the first of them. Call it in one import at a time."""
    query = select(hour_groups.c.hour_group_id).where(
        hour_groups.c.tenant_id == tenant_id,
        hour_groups.c.campaign_id == campaign_id,
        hour_groups.c.clock == where.key,
        hour_groups.c.priority == priority,
    )
    group_id: int | None = connection.scalar(query)
    if group_id is None:
        row = {
            "tenant_id": tenant_id,
            "campaign_id": campaign_id,
            "clock": where.key,
            "priority": priority,
            "zones": list(where.zones),
            "region": where.region,
            "subdivision": where.subdivision,
            "is_stated": where.is_stated,
        }
        connection.execute(insert(hour_groups), row)
        group_id = connection.execute(query).scalar_one()
    return group_id


def to_whereabouts(row: Row[Any]) -> Whereabouts:
    """Where the callee may be, of a row that has an hour group's columns."""
    return Whereabouts(zones=tuple(row.zones), region=row.region, subdivision=row.subdivision, is_stated=row.is_stated)


def _first(*, is_callback: bool) -> Any:
    waiting: Select[Any] = (
        select(enrolments.c.next_at)
        .where(
            enrolments.c.hour_group_id == hour_groups.c.hour_group_id,
            enrolments.c.state == WAITING,
            enrolments.c.is_callback == (true() if is_callback else false()),
        )
        .order_by(enrolments.c.next_at)
        .limit(1)
    )
    return waiting.scalar_subquery().label("next_callback_at" if is_callback else "next_at")


# Built once: a planner asks it of every running campaign at every tick.
_GROUPS = (
    select(hour_groups, _first(is_callback=False), _first(is_callback=True))
    .where(hour_groups.c.tenant_id == bindparam("tenant"), hour_groups.c.campaign_id == bindparam("campaign"))
    .order_by(hour_groups.c.priority.desc(), hour_groups.c.hour_group_id)
)


def _hour_group(row: Row[Any]) -> HourGroup:
    return HourGroup(
        hour_group_id=row.hour_group_id,
        whereabouts=to_whereabouts(row),
        priority=row.priority,
        next_at=row.next_at,
        next_callback_at=row.next_callback_at,
    )

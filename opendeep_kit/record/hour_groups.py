"""Groups a campaign's contacts by the wall clocks that must be open for them, and by priority.

Given where a callee may be, finds or makes their lane: contacts of one lane open and close together, so that who is due
is asked lane by lane, and a closed lane costs nothing however many wait in it. Never asks whether it is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, false, insert, select, true

from opendeep_kit.record.campaign_tables import enrolments, lanes
from opendeep_kit.record.database import Database

WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where a callee may be, as far as the rules ask."""

    zones: tuple[str, ...] = ()
    """IANA names, all that are possible; none: unknown."""
    region: str | None = None
    """ISO 3166."""
    subdivision: str | None = None
    """ISO 3166-2 without the country."""
    is_stated: bool = False
    """By the tenant's own record, not by the number."""

    @property
    def clock(self) -> str:
        """The same text for the same whereabouts."""
        zones = "|".join(self.zones)
        return f"{zones};{self.region or ''};{self.subdivision or ''};{'stated' if self.is_stated else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Contacts of one campaign that open together."""

    lane_id: int
    whereabouts: Whereabouts
    priority: int
    """Within the campaign; the higher goes first."""
    next_at: datetime | None
    """When the first of those waiting is due; None: nobody waits."""
    next_callback_at: datetime | None
    """The same, of those who asked for the time."""


def lanes_of(database: Database, tenant_id: str, campaign_id: str) -> list[Lane]:
    """The campaign's lanes, the highest priority first. As dear as its lanes are many, not its contacts."""
    query = (
        select(lanes, _first(is_callback=False), _first(is_callback=True))
        .where(lanes.c.tenant_id == tenant_id, lanes.c.campaign_id == campaign_id)
        .order_by(lanes.c.priority.desc(), lanes.c.lane_id)
    )
    with database.read() as connection:
        return [_lane(row) for row in connection.execute(query)]


def next_due_at(database: Database, tenant_id: str, campaign_id: str) -> datetime | None:
    """When the first of all that wait is due, open or not; None: nobody waits."""
    found = lanes_of(database, tenant_id, campaign_id)
    return min((at for lane in found for at in (lane.next_at, lane.next_callback_at) if at is not None), default=None)


def lane_id_for(connection: Connection, tenant_id: str, campaign_id: str, where: Whereabouts, priority: int) -> int:
    """The lane of such contacts, made when it is the first of them. Call it in one import at a time."""
    query = select(lanes.c.lane_id).where(
        lanes.c.tenant_id == tenant_id,
        lanes.c.campaign_id == campaign_id,
        lanes.c.clock == where.clock,
        lanes.c.priority == priority,
    )
    found: int | None = connection.scalar(query)
    if found is None:
        row = {
            "tenant_id": tenant_id,
            "campaign_id": campaign_id,
            "clock": where.clock,
            "priority": priority,
            "zones": list(where.zones),
            "region": where.region,
            "subdivision": where.subdivision,
            "is_stated": where.is_stated,
        }
        connection.execute(insert(lanes), row)
        found = connection.execute(query).scalar_one()
    return found


def to_whereabouts(row: Row[Any]) -> Whereabouts:
    """Where the callee may be, of a row that has a lane's columns."""
    return Whereabouts(zones=tuple(row.zones), region=row.region, subdivision=row.subdivision, is_stated=row.is_stated)


def _first(*, is_callback: bool) -> Any:
    waiting: Select[Any] = (
        select(enrolments.c.next_at)
        .where(
            enrolments.c.lane_id == lanes.c.lane_id,
            enrolments.c.state == WAITING,
            enrolments.c.is_callback == (true() if is_callback else false()),
        )
        .order_by(enrolments.c.next_at)
        .limit(1)
    )
    return waiting.scalar_subquery().label("next_callback_at" if is_callback else "next_at")


def _lane(row: Row[Any]) -> Lane:
    return Lane(
        lane_id=row.lane_id,
        whereabouts=to_whereabouts(row),
        priority=row.priority,
        next_at=row.next_at,
        next_callback_at=row.next_callback_at,
    )

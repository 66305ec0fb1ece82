"""Reads when a tenant's callees were called, and whether they answered.

Given a tenant, takes its newest attempts with their callees' zones. Never counts or judges them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from opendeep_kit.store.attempts import AttemptState
from opendeep_kit.store.campaign_tables import attempts, enrolments, lanes
from opendeep_kit.store.database import Database

NEWEST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rang:
    """One attempt that was dialled and ended."""

    at: datetime
    zones: tuple[str, ...]
    """All that the callee may be in."""
    phone_result: str
    disposition: str


def rang(database: Database, tenant_id: str, *, limit: int = NEWEST) -> list[Rang]:
    """The tenant's newest attempts that came to something, the newest first; a few milliseconds."""
    query = (
        select(attempts.c.dialled_at, lanes.c.zones, attempts.c.phone_result, attempts.c.disposition)
        .join(enrolments, enrolments.c.enrolment_id == attempts.c.enrolment_id)
        .join(lanes, lanes.c.lane_id == enrolments.c.lane_id)
        .where(
            attempts.c.tenant_id == tenant_id,
            attempts.c.state == AttemptState.ENDED,
            attempts.c.dialled_at.is_not(None),
            attempts.c.phone_result.is_not(None),
            attempts.c.disposition.is_not(None),
        )
        .order_by(attempts.c.created_at.desc())
        .limit(limit)
    )
    with database.read() as connection:
        return [
            Rang(at=at, zones=tuple(zones), phone_result=result, disposition=disposition)
            for at, zones, result, disposition in connection.execute(query)
        ]

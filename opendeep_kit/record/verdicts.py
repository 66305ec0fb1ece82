"""What listeners think of calls: every verdict is kept, the last one on a call counts.

Given plain values and the time, writes and reads them; analysts join the warehouse's view `verdicts`. Never changes a
verdict, and knows nothing of how the rules judged the call.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import select

from opendeep_kit.errors import BadInput
from opendeep_kit.record.database import Database
from opendeep_kit.record.service_tables import verdicts
from opendeep_kit.record.upserts import add_new


class Verdict(StrEnum):
    """What a person who listened thinks of a call."""

    GOOD = "good"
    """As it should be."""
    POOR = "poor"
    """The agent should have done better."""
    WRONG_OUTCOME = "wrong_outcome"
    """The record says something else than what happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallVerdict:
    """One verdict of one person on one call."""

    call_id: str
    verdict: Verdict
    note: str = field(default="", repr=False)
    """Why, in a few words; it may name people."""
    judged_by: str = ""
    """Empty: nobody said who they are."""
    judged_at: datetime


def verdict_named(name: str) -> Verdict:
    """The verdict of this name.

    Raises:
        BadInput: there is none.
    """
    if name not in list(Verdict):
        raise BadInput(f"there is no verdict {name!r}", do=f"choose one of: {', '.join(Verdict)}")
    return Verdict(name)


def keep(database: Database, tenant_id: str, judged: Iterable[CallVerdict]) -> int:
    """Add verdicts. Returns how many were not there before: the very same one is kept once."""
    rows = [
        {"verdict_id": _id_of(tenant_id, judgement), "tenant_id": tenant_id}
        | {part.name: getattr(judgement, part.name) for part in fields(CallVerdict)}
        for judgement in judged
    ]
    if not rows:
        return 0
    with database.write() as connection:
        return connection.execute(add_new(connection, verdicts), rows).rowcount


def verdicts_of(database: Database, tenant_id: str, call_id: str) -> list[CallVerdict]:
    """Every verdict on this call, the last one first."""
    columns = [verdicts.c[part.name] for part in fields(CallVerdict)]
    query = (
        select(*columns)
        .where(verdicts.c.tenant_id == tenant_id, verdicts.c.call_id == call_id)
        .order_by(verdicts.c.judged_at.desc(), verdicts.c.verdict_id)
    )
    with database.read() as connection:
        return [
            CallVerdict(**(dict(row._mapping) | {"verdict": Verdict(row.verdict)})) for row in connection.execute(query)
        ]


def _id_of(tenant_id: str, judged: CallVerdict) -> str:
    """The same for the same verdict: said twice, it is kept once."""
    at = judged.judged_at.astimezone(UTC).isoformat()
    parts = [tenant_id, judged.call_id, judged.verdict, judged.note, judged.judged_by, at]
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\x1f".join(parts)))

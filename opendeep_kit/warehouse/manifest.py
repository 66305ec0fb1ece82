"""Which days of a tenant's calls are in Parquet files, and what is still live.

Given a connection, reads the manifest in the caller's snapshot, so that a call is seen either in the archive or in the
record, never in both or neither. Never reads a Parquet file.

A call belongs to the UTC day on which it was planned. Days are archived in order, without gaps. A call that was still
open when its day was archived stays live, and goes into a later archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import ColumnElement, Connection, or_, select

from opendeep_kit.errors import BadInput
from opendeep_kit.record.tables import archives, calls

LAYOUT = 1
"""Of the Parquet files: their kinds and columns. New columns need no new number: older files lack them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """One span of days in Parquet files."""

    tenant_id: str
    first_day: date
    before_day: date
    """The span ends before this day."""
    files: dict[str, str]
    """Path below the archive's folder, by kind; empty when there was no call."""
    calls: int
    events: int
    left_open: tuple[str, ...]
    """Calls of this span or earlier ones that were not over yet: still live."""
    row_ids: dict[str, int]
    """By ledger: the last row that is archived, in this span or an earlier one."""
    archived_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All archived spans of one tenant, oldest first."""

    spans: tuple[Archived, ...] = ()

    @property
    def cut(self) -> datetime | None:
        """Calls planned before are archived, but for `left_open`."""
        return midnight(self.spans[-1].before_day) if self.spans else None

    @property
    def left_open(self) -> tuple[str, ...]:
        """Calls before the cut that are live."""
        return self.spans[-1].left_open if self.spans else ()

    @property
    def row_ids(self) -> dict[str, int]:
        """By ledger: later rows are live."""
        return self.spans[-1].row_ids if self.spans else {}

    def files(self, kind: str) -> list[str]:
        """Paths below the archive's folder."""
        return [span.files[kind] for span in self.spans if kind in span.files]

    def is_live(self) -> ColumnElement[bool] | None:
        """Condition on `calls`: not archived; None: nothing is."""
        if self.cut is None:
            return None
        return or_(calls.c.created_at >= self.cut, calls.c.call_id.in_(self.left_open))


def read_manifest(connection: Connection, tenant_id: str) -> Manifest:
    """The tenant's manifest.

    Raises:
        BadInput: a newer package wrote the archive.
    """
    query = select(archives).where(archives.c.tenant_id == tenant_id).order_by(archives.c.first_day)
    rows = connection.execute(query).all()
    if any(row.layout > LAYOUT for row in rows):
        raise BadInput("the archive was written by a newer opendeep_kit", do="upgrade opendeep_kit")
    return Manifest(
        spans=tuple(
            Archived(
                tenant_id=row.tenant_id,
                first_day=row.first_day,
                before_day=row.before_day,
                files=row.files,
                calls=row.calls,
                events=row.events,
                left_open=tuple(row.left_open),
                row_ids=row.row_ids,
                archived_at=row.archived_at,
            )
            for row in rows
        )
    )


def midnight(day: date) -> datetime:
    """Where a day begins, UTC."""
    return datetime.combine(day, time(), UTC)

"""Brings one tenant's new rows out of the record, in one short snapshot, as Arrow tables.

Given a connection in a reading transaction and where the last pull ended, returns what is new. Another tenant's rows
are never selected; values are not turned into Python objects where the driver can give text. Never writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Double,
    FromClause,
    Integer,
    Text,
    cast,
    func,
    select,
    true,
    type_coerce,
    union_all,
)

from opendeep_kit.errors import OurMistake
from opendeep_kit.record.campaign_tables import campaigns, counters, permissions, spending
from opendeep_kit.record.service_tables import verdicts
from opendeep_kit.record.tables import UtcTime, call_events, calls, contacts, scripts, tasks
from opendeep_kit.warehouse.manifest import Manifest

OVERLAP = timedelta(seconds=10)
"""`changed_at` is noted before its transaction commits, by hosts whose clocks differ: this much is read again."""
WHOLE_EVERY = timedelta(seconds=30)
"""A small table is read again no sooner: counting the people of a long list takes a tenth of a second."""
ROWS_AT_ONCE = 50_000


class How(StrEnum):
    """How a table is followed."""

    APPEND = "append"
    """Rows never change; `row_id` grows in the order of commits."""
    UPSERT = "upsert"
    """Rows change and note it in `changed_at`."""
    WHOLE = "whole"
    """Small: read again as a whole, now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One thing that is pulled into `pulled.<name>`."""

    name: str
    source: FromClause
    """A table of the record, or a query over it; it has `tenant_id`."""
    how: How
    key: str = ""
    """UPSERT only: the column that tells rows apart."""
    without: tuple[str, ...] = ()
    """Columns that stay in the record."""
    day_of: str = ""
    """A ledger, which is APPEND: the column by whose day its rows are archived."""

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """What is selected."""
        return [column for column in self.source.c if column.name not in ("tenant_id", *self.without)]


_LISTS = union_all(
    select(contacts.c.tenant_id, contacts.c.campaign, func.count().label("contacts")).group_by(
        contacts.c.tenant_id, contacts.c.campaign
    ),
    # Who is enrolled in a campaign is counted already.
    select(counters.c.tenant_id, counters.c.campaign_id, cast(func.sum(counters.c.amount), BigInteger))
    .where(counters.c.what.in_(["waiting", "claimed", "final"]))
    .group_by(counters.c.tenant_id, counters.c.campaign_id),
).subquery("contact_lists")
PULLS = (
    Pull(name="calls", source=calls, how=How.UPSERT, key="call_id", without=("expected_until", "barge_in_stops_ms")),
    Pull(name="call_events", source=call_events, how=How.APPEND),
    Pull(name="scripts", source=scripts, how=How.WHOLE, without=("text",)),
    Pull(name="tasks", source=tasks, how=How.WHOLE),
    Pull(name="campaigns", source=campaigns, how=How.WHOLE, without=("task_id", "weight", "trunk_id")),
    Pull(
        name="permissions",
        source=permissions,
        how=How.APPEND,
        without=("facts_sha256", "dnc_snapshot", "consent"),
        day_of="at",
    ),
    Pull(name="spending", source=spending, how=How.WHOLE),
    Pull(name="contact_lists", source=_LISTS, how=How.WHOLE),
    Pull(name="verdicts", source=verdicts, how=How.UPSERT, key="verdict_id"),
)
"""Everything the warehouse knows of the record. A new table: a line here, and a view that reads `pulled.<name>`; for a
ledger, `history.<name>`."""
LEDGERS = {what.name: what for what in PULLS if what.day_of}
"""Append-only tables that grow for ever: archived with the calls, by row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """Where a pull ended."""

    row_id: dict[str, int] = field(default_factory=dict)
    """By APPEND table: the last number seen."""
    changed_at: dict[str, datetime] = field(default_factory=dict)
    """By UPSERT table: the last change seen."""
    whole_at: datetime | None = None
    """When the WHOLE tables were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """One snapshot's new rows."""

    tables: dict[str, pa.Table]
    mark: Watermark


def pull(connection: Connection, tenant_id: str, mark: Watermark, manifest: Manifest, *, now: datetime) -> Pulled:
    """What is new since `mark`; all that is live when `mark` is a fresh one.

    Args:
        now: a row's change is never taken to be later, whatever the clock of its writer said.
    """
    tables: dict[str, pa.Table] = {}
    row_id, changed_at = dict(mark.row_id), dict(mark.changed_at)
    is_whole_due = mark.whole_at is None or now - mark.whole_at >= WHOLE_EVERY
    for what in PULLS:
        if what.how is How.WHOLE and not is_whole_due:
            continue
        conditions = [what.source.c.tenant_id == tenant_id]
        if what.how is How.APPEND:
            since = mark.row_id.get(what.name, manifest.row_ids.get(what.name, 0))
            conditions += _appended(connection, what, since, row_id)
            if what.source is call_events and not mark.row_id:
                conditions += _of_live_calls(manifest, tenant_id)
        elif what.how is How.UPSERT:
            if what.source is calls and (is_live := manifest.is_live()) is not None:
                conditions.append(is_live)
            conditions += _changed(connection, what, mark, changed_at, tenant_id, now)
        tables[what.name] = read_arrow(connection, what, conditions)
    return Pulled(
        tables=tables,
        mark=Watermark(row_id=row_id, changed_at=changed_at, whole_at=now if is_whole_due else mark.whole_at),
    )


def _appended(connection: Connection, what: Pull, since: int, row_id: dict[str, int]) -> list[ColumnElement[bool]]:
    number = what.source.c.row_id
    row_id[what.name] = newest = connection.scalar(select(func.max(number))) or 0
    return [number > since, number <= newest]


def _changed(
    connection: Connection, what: Pull, mark: Watermark, changed_at: dict[str, datetime], tenant_id: str, now: datetime
) -> list[ColumnElement[bool]]:
    instant = what.source.c.changed_at
    newest = connection.scalar(select(func.max(instant)).where(what.source.c.tenant_id == tenant_id))
    if newest is not None:
        changed_at[what.name] = min(newest, now)
    seen = mark.changed_at.get(what.name)
    return [true()] if seen is None else [instant > seen - OVERLAP]


def _of_live_calls(manifest: Manifest, tenant_id: str) -> list[ColumnElement[bool]]:
    is_live = manifest.is_live()
    if is_live is None:
        return []
    return [call_events.c.call_id.in_(select(calls.c.call_id).where(calls.c.tenant_id == tenant_id, is_live))]


# ---- rows to Arrow ----------------------------------------------------------------------------------


def read_arrow(connection: Connection, what: Pull, where: Sequence[ColumnElement[bool]]) -> pa.Table:
    """The rows of `what` that meet all conditions."""
    is_text = connection.dialect.name == "sqlite"
    schema = pa.schema([(column.name, _arrow_type(column, is_text=is_text)) for column in what.columns])
    query = select(*(_as_is(column, is_text=is_text) for column in what.columns)).where(*where)
    result = connection.execute(query, execution_options={"stream_results": True})
    return pa.Table.from_batches(_batches(result.partitions(ROWS_AT_ONCE), schema), schema=schema)


def _batches(parts: Iterator[Sequence[Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for rows in parts:
        columns = zip(*rows, strict=True)
        arrays = [pa.array(values, column.type) for values, column in zip(columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as_is(column: ColumnElement[Any], *, is_text: bool) -> ColumnElement[Any]:
    """The column as the driver gives it: DuckDB parses times and JSON faster than Python."""
    if isinstance(column.type, JSON):
        selected: ColumnElement[Any] = type_coerce(column, Text) if is_text else cast(column, Text)
    elif isinstance(column.type, UtcTime | Date):
        selected = type_coerce(column, Text) if is_text else type_coerce(column, _plain(column))
    else:
        selected = column
    return selected.label(column.name)


def _plain(column: ColumnElement[Any]) -> Any:
    return Date() if isinstance(column.type, Date) else DateTime(timezone=True)


def _arrow_type(column: ColumnElement[Any], *, is_text: bool) -> pa.DataType:
    match column.type:
        case UtcTime():
            return pa.string() if is_text else pa.timestamp("us", tz="UTC")
        case Date():
            return pa.string() if is_text else pa.date32()
    for kind, arrow, _ in _TYPES:
        if isinstance(column.type, kind):
            return arrow
    raise OurMistake(f"column {column.name} has a type that cannot be pulled", do="add it to pull._TYPES")


def duckdb_type(column: ColumnElement[Any]) -> str:
    """The column's type in the warehouse: instants are UTC without a zone."""
    for kind, _, name in _TYPES:
        if isinstance(column.type, kind):
            return name
    raise OurMistake(f"column {column.name} has a type that cannot be pulled", do="add it to pull._TYPES")


_TYPES: tuple[tuple[Any, pa.DataType, str], ...] = (
    (UtcTime, pa.timestamp("us", tz="UTC"), "TIMESTAMP"),
    (Date, pa.date32(), "DATE"),
    (Boolean, pa.bool_(), "BOOLEAN"),
    (Integer, pa.int64(), "BIGINT"),
    (Double, pa.float64(), "DOUBLE"),
    (JSON, pa.string(), "VARCHAR"),
    (Text, pa.string(), "VARCHAR"),
)
"""By SQLAlchemy's type, the first that fits: what a column is in Arrow and in DuckDB."""

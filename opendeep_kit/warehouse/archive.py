"""Moves closed days into Parquet files, so that a long history opens at once.

Given the record and a folder, folds the days' calls, writes files under their final names, and only then updates the
manifest, in one transaction: a reader sees a call in the archive or in the record, never in both or neither. Never
changes a file that the manifest names.

Events recorded more than `SETTLED_AFTER` after the end of their call stay in the record only.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path

import duckdb
from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select

from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.record.calls import CallState
from opendeep_kit.record.database import Database
from opendeep_kit.record.tables import archives, call_events, calls, tenants
from opendeep_kit.warehouse.folding import KINDS, make_tables, take_in
from opendeep_kit.warehouse.manifest import LAYOUT, Archived, Manifest, midnight, read_manifest
from opendeep_kit.warehouse.pull import LEDGERS, PULLS, Pull, Pulled, Watermark, read_arrow

SETTLED_AFTER = timedelta(hours=1)
"""A call's last events may be recorded this long after its end: a full disk, a model's judgement."""
ORDER = {"events": "call_id, seq", **dict.fromkeys(LEDGERS, "row_id")}
"""By kind: how its rows lie; the others by the time of their call."""


def archive_days(
    database: Database,
    before: date,
    folder: Path,
    *,
    now: datetime,
    tenant_id: str | None = None,
    delete_rows: bool = False,
    daily_from: date = date.max,
) -> list[Archived]:
    """Archive every day before `before`, UTC, that is not archived yet: one set of files per month or part of one.

    Args:
        folder: the archive's; each tenant's files lie in a folder of its own.
        tenant_id: None: every tenant.
        delete_rows: take what was archived out of the record; its recordings and other rows stay.
        daily_from: from this day on each day has files of its own, so that its words can be deleted on time.

    Raises:
        BadInput: `before` is not over yet.
        Unavailable: the record or the folder cannot be written.
    """
    if before > now.date():
        raise BadInput(f"days up to {before} are not over yet", do=f"archive days before {now.date()}")
    done = []
    for tenant in _tenants(database) if tenant_id is None else [tenant_id]:
        for first, end in _spans(database, tenant, before, daily_from):
            done.append(_archive_span(database, tenant, first, end, folder, now=now, delete_rows=delete_rows))
    return done


def _tenants(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(tenants.c.tenant_id).order_by(tenants.c.tenant_id)))


def _spans(database: Database, tenant_id: str, before: date, daily_from: date) -> list[tuple[date, date]]:
    """What is to be archived, cut at the turns of months, and later of days."""
    with database.read() as connection:
        since = read_manifest(connection, tenant_id).cut or _beginning(connection, tenant_id)
    spans = []
    day = before if since is None else since.date()
    while day < before:
        end = min(_next_month(day), before, daily_from if day < daily_from else day + timedelta(days=1))
        spans.append((day, end))
        day = end
    return spans


def _beginning(connection: Connection, tenant_id: str) -> datetime | None:
    """When the tenant's first row was written."""
    firsts = [select(func.min(calls.c.created_at)).where(calls.c.tenant_id == tenant_id)]
    for ledger in LEDGERS.values():
        columns = ledger.source.c
        firsts.append(select(func.min(columns[ledger.day_of])).where(columns.tenant_id == tenant_id))
    days = [first for query in firsts if (first := connection.scalar(query)) is not None]
    return min(days, default=None)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _archive_span(
    database: Database, tenant_id: str, first: date, before: date, folder: Path, *, now: datetime, delete_rows: bool
) -> Archived:
    with database.read() as connection:
        known = read_manifest(connection, tenant_id)
        closed = _closed(known, tenant_id, first, before)
        settled = [*closed, calls.c.state == CallState.ENDED, calls.c.ended_at <= now - SETTLED_AFTER]
        left_open = _left_open(connection, closed, settled)
        row_ids = {name: _last_row(connection, ledger, known, tenant_id, before) for name, ledger in LEDGERS.items()}
        pulled = _read(connection, tenant_id, settled, known.row_ids, row_ids)
        last_row_id = connection.scalar(select(func.max(call_events.c.row_id))) or 0
    span = Archived(
        tenant_id=tenant_id,
        first_day=first,
        before_day=before,
        files=_write(pulled, folder, tenant_id, f"{first}_{before}"),
        calls=pulled.tables["calls"].num_rows,
        events=pulled.tables["call_events"].num_rows,
        left_open=left_open,
        row_ids=row_ids,
        archived_at=now,
    )
    with undone_on_failure(folder, span.files.values()), database.write() as connection:
        note_span(connection, span)
        if delete_rows:
            _delete(connection, settled, last_row_id)
    return span


def _write(pulled: Pulled, folder: Path, tenant_id: str, span: str) -> dict[str, str]:
    """The files of what was pulled: none for days on which nothing happened, for which no DuckDB is opened either."""
    if not any(rows.num_rows for rows in pulled.tables.values()):
        return {}
    with own_duckdb() as facts:
        make_tables(facts)
        take_in(facts, pulled)
        return write_files(facts, folder, tenant_id, span)


def _closed(known: Manifest, tenant_id: str, first: date, before: date) -> list[ColumnElement[bool]]:
    """The calls that come into this span: its days', and earlier ones that were still open."""
    since = or_(calls.c.created_at >= midnight(first), calls.c.call_id.in_(known.left_open))
    return [calls.c.tenant_id == tenant_id, calls.c.created_at < midnight(before), since]


def _left_open(
    connection: Connection, closed: list[ColumnElement[bool]], settled: list[ColumnElement[bool]]
) -> tuple[str, ...]:
    goes = select(calls.c.call_id).where(*settled)
    return tuple(connection.scalars(select(calls.c.call_id).where(*closed, calls.c.call_id.not_in(goes))))


def _last_row(connection: Connection, ledger: Pull, known: Manifest, tenant_id: str, before: date) -> int:
    columns = ledger.source.c
    query = select(func.max(columns.row_id)).where(
        columns.tenant_id == tenant_id, columns[ledger.day_of] < midnight(before)
    )
    return connection.scalar(query) or known.row_ids.get(ledger.name, 0)


def _read(
    connection: Connection,
    tenant_id: str,
    settled: list[ColumnElement[bool]],
    after: dict[str, int],
    up_to: dict[str, int],
) -> Pulled:
    of_these: list[ColumnElement[bool]] = [call_events.c.call_id.in_(select(calls.c.call_id).where(*settled))]
    wanted = {"calls": settled, "call_events": of_these}
    for name, ledger in LEDGERS.items():
        columns = ledger.source.c
        of_tenant = columns.tenant_id == tenant_id
        wanted[name] = [of_tenant, columns.row_id > after.get(name, 0), columns.row_id <= up_to[name]]
    tables = {what.name: read_arrow(connection, what, wanted[what.name]) for what in PULLS if what.name in wanted}
    return Pulled(tables=tables, mark=Watermark())


def _delete(connection: Connection, settled: list[ColumnElement[bool]], last_row_id: int) -> None:
    gone = select(calls.c.call_id).where(*settled)
    connection.execute(delete(call_events).where(call_events.c.call_id.in_(gone), call_events.c.row_id <= last_row_id))
    connection.execute(delete(calls).where(*settled))


def note_span(connection: Connection, span: Archived) -> None:
    """Tell the manifest, in the caller's transaction."""
    row = {part.name: getattr(span, part.name) for part in fields(span)}
    connection.execute(insert(archives), row | {"left_open": list(span.left_open), "layout": LAYOUT})


# ---- files ------------------------------------------------------------------------------------------


@contextmanager
def own_duckdb() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory, for one step.

    Raises:
        Unavailable: it cannot do it: a file of the archive is damaged, or there is no memory.
    """
    try:
        with duckdb.connect() as connection:
            yield connection
    except duckdb.Error as error:  # its text may quote a row
        raise Unavailable(
            f"the archive cannot be read or written ({type(error).__name__})",
            do="check whether a file is damaged or memory is short",
        ) from None


def write_files(facts: duckdb.DuckDBPyConnection, folder: Path, tenant_id: str, span: str) -> dict[str, str]:
    """Write `live.*` of this DuckDB as Parquet, and return the files by kind; no file for a kind without rows.

    Raises:
        Unavailable: the folder cannot be written.
    """
    token = uuid.uuid4().hex[:8]
    names = {}
    for kind in KINDS:
        if facts.execute(f"SELECT 1 FROM live.{kind} LIMIT 1").fetchall():
            names[kind] = f"{tenant_id}/{kind}/{span}-{token}.parquet"
            write_file(facts, f"live.{kind}", kind, folder / names[kind])
    return names


def write_file(facts: duckdb.DuckDBPyConnection, rows: str, kind: str, path: Path) -> None:
    """Write rows of one kind under their final name, or not at all."""
    query = f"FROM {rows} ORDER BY {ORDER.get(kind, 'created_at, call_id')}"
    unfinished = path.with_suffix(".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        facts.execute(f"COPY ({query}) TO '{quoted(unfinished)}' (FORMAT parquet, COMPRESSION zstd)")
        unfinished.replace(path)
    except (OSError, duckdb.IOException) as error:
        # What is left of the file is `sweep`'s.
        raise Unavailable(
            f"the archive {path.parent} cannot be written", do="free disk space, or name a folder that can be written"
        ) from error


def quoted(path: Path | str) -> str:
    """As it stands between quotes in SQL."""
    return str(path).replace("'", "''")


@contextmanager
def undone_on_failure(folder: Path, names: Iterable[str]) -> Iterator[None]:
    """Take these new files away again when the manifest does not come to name them."""
    try:
        yield
    except BaseException:
        for name in names:
            (folder / name).unlink(missing_ok=True)
        raise


# ---- few files: the parts of a month become one -------------------------------------------------------

KEEP_REPLACED_S = 86_400.0
"""A reader that was opened before a merge reads the old files until it refreshes."""


def merge_months(
    database: Database, folder: Path, tenant_id: str, *, now: datetime, before: date | None = None
) -> list[Archived]:
    """Merge the parts of every month that is over. Returns the merged spans.

    Args:
        before: only months that end before this day, UTC; None: all.

    Raises:
        Unavailable: the record or the folder cannot be written.
        BadInput: another process merged the same month meanwhile.
    """
    with database.read() as connection:
        spans = read_manifest(connection, tenant_id).spans
    months = [list(parts) for _, parts in groupby(spans, key=lambda span: (span.first_day.year, span.first_day.month))]
    this_month = now.date().replace(day=1)
    return [
        _merge(database, folder, parts)
        for parts in months
        if len(parts) > 1 and parts[-1].before_day > parts[0].first_day and parts[-1].first_day < this_month
        if before is None or parts[-1].before_day <= before
    ]


def _merge(database: Database, folder: Path, parts: Sequence[Archived]) -> Archived:
    first, last = parts[0], parts[-1]
    merged = replace(
        last,
        first_day=first.first_day,
        calls=sum(part.calls for part in parts),
        events=sum(part.events for part in parts),
        files=_merge_files(folder, parts),
    )
    with undone_on_failure(folder, merged.files.values()), database.write() as connection:
        merged_parts = (archives.c.tenant_id == last.tenant_id, archives.c.first_day.in_([p.first_day for p in parts]))
        if connection.execute(delete(archives).where(*merged_parts)).rowcount != len(parts):
            raise BadInput("another process merges the same archive", do="let one process archive at a time")
        note_span(connection, merged)
    for part in parts:
        for name in part.files.values():
            os.utime(folder / name)  # `sweep` counts from here
    return merged


def _merge_files(folder: Path, parts: Sequence[Archived]) -> dict[str, str]:
    token = uuid.uuid4().hex[:8]
    merged = {}
    with own_duckdb() as connection:
        for kind in KINDS:
            old = [f"'{quoted(folder / part.files[kind])}'" for part in parts if kind in part.files]
            if old:
                span = f"{parts[0].first_day}_{parts[-1].before_day}-{token}"
                merged[kind] = f"{parts[0].tenant_id}/{kind}/{span}.parquet"
                rows = f"read_parquet([{', '.join(old)}], union_by_name = true)"
                write_file(connection, rows, kind, folder / merged[kind])
    return merged


def sweep(database: Database, folder: Path, *, older_than_s: float = KEEP_REPLACED_S) -> int:
    """Remove files that no manifest names: replaced by a merge, or left by a process that died. Returns how many.

    Args:
        older_than_s: younger ones stay: a reader may have them open, or a writer be about to name them.
    """
    with database.read() as connection:
        named = {name for files in connection.scalars(select(archives.c.files)) for name in files.values()}
    removed = 0
    for path in folder.glob("*/*/*"):
        is_ours = path.suffix in (".parquet", ".unfinished") and path.parent.name in KINDS
        is_old = time.time() - path.stat().st_mtime > older_than_s
        if is_ours and is_old and path.relative_to(folder).as_posix() not in named:
            path.unlink(missing_ok=True)
            removed += 1
    return removed

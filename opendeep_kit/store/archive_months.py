"""Keeps the archive in few files: the parts of a month become one, and what nobody reads any more is removed.

Given the record and the folder, merges what `archive_days` wrote day by day; a question over a year then opens twelve
files instead of 365. Never touches the rows of the record.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

from sqlalchemy import delete, select

from opendeep_kit.errors import BadInput
from opendeep_kit.store.archive import note_span, own_duckdb, quoted, undone_on_failure, write_file
from opendeep_kit.store.database import Database
from opendeep_kit.store.folding import KINDS
from opendeep_kit.store.manifest import Archived, read_manifest
from opendeep_kit.store.tables import archives

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
        mine = (archives.c.tenant_id == last.tenant_id, archives.c.first_day.in_([p.first_day for p in parts]))
        if connection.execute(delete(archives).where(*mine)).rowcount != len(parts):
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

"""Deletes what is past a tenant's retention: recordings, and the words that were said.

Given the first day to keep, removes words from the record and the archive, and recordings and reports from the disk.
Never touches a call that the archive does not hold: its figures and results would be lost with it.
"""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, delete, select, update

from opendeep_kit.errors import Unavailable
from opendeep_kit.record.calls import CallState
from opendeep_kit.record.database import Database
from opendeep_kit.record.service_tables import call_commands, verdicts
from opendeep_kit.record.tables import archives, call_events, calls
from opendeep_kit.warehouse.archive import own_duckdb, quoted, undone_on_failure, write_file
from opendeep_kit.warehouse.manifest import Archived, Manifest, midnight, read_manifest

WORDS = ("turns", "events", "tool_calls")
"""Kinds of the archive that hold what was said; results and figures stay."""
LAST_WORDS = ("last_agent_words", "last_callee_words")
"""Columns of the kind `calls` that hold what was said."""
_BEGUN = re.compile(r"_(\d{8})T\d{6}Z_")
"""The day on which a run began, in its report's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was deleted of one tenant."""

    rows: int = 0
    """Calls that left the record, with their events; the archive holds them."""
    spans: int = 0
    """Parts of the archive that lost their words."""
    recordings: int = 0


def forget(database: Database, tenant_id: str, before: date, *, recordings: Path, archive: Path) -> Forgotten:
    """Delete the words and the sound of calls before this day, UTC, as far as the archive reaches.

    The archive's files that held words stay for a day, as a reader may have them open: `sweep` removes them.

    Args:
        recordings: the folder of all tenants' recordings.
        archive: the folder of all tenants' archives.

    Raises:
        Unavailable: the record or the archive cannot be written, a file of the archive is damaged, or a recording
            cannot be deleted.
    """
    with database.read() as connection:
        manifest = read_manifest(connection, tenant_id)
    if manifest.cut is None:
        return Forgotten()
    before = min(before, manifest.cut.date())
    # Before the transaction: a month's file takes seconds, and nobody else can write meanwhile.
    wordless = _wordless(manifest, before, archive)
    made = [files["calls"] for span, files in wordless if files.get("calls") != span.files.get("calls")]
    with undone_on_failure(archive, made), database.write() as connection:
        manifest = read_manifest(connection, tenant_id)
        rows = _drop_rows(connection, tenant_id, before, manifest)
        renamed = [(span, files) for span, files in wordless if _renamed(connection, span, files)]
    for span, files in renamed:
        for name in set(span.files.values()) - set(files.values()):
            with contextlib.suppress(FileNotFoundError):  # on another host
                os.utime(archive / name)  # `sweep` counts from here
    # Last: whatever breaks off before leaves a sound that the record still names, never the other way round.
    gone = _drop_recordings(recordings / tenant_id, before, named=frozenset(manifest.left_open))
    return Forgotten(rows=rows, spans=len(renamed), recordings=gone)


def _drop_rows(connection: Connection, tenant_id: str, before: date, manifest: Manifest) -> int:
    archived: list[ColumnElement[bool]] = [
        calls.c.tenant_id == tenant_id,
        calls.c.created_at < midnight(before),
        calls.c.state == CallState.ENDED,
        calls.c.call_id.not_in(manifest.left_open),
    ]
    gone = select(calls.c.call_id).where(*archived)
    connection.execute(delete(call_events).where(call_events.c.call_id.in_(gone)))
    # A reviewer's note may name the callee or quote them; the verdict itself stays.
    connection.execute(update(verdicts).where(verdicts.c.call_id.in_(gone)).values(note=""))
    # What a supervisor had the agent say goes with it; that it was commanded, by whom and when, stays.
    said = (call_commands.c.tenant_id == tenant_id, call_commands.c.created_at < midnight(before))
    is_open = call_commands.c.call_id.in_(manifest.left_open)
    connection.execute(update(call_commands).where(*said, ~is_open, call_commands.c.argument != "").values(argument=""))
    return connection.execute(delete(calls).where(*archived)).rowcount


def _wordless(manifest: Manifest, before: date, archive: Path) -> list[tuple[Archived, dict[str, str]]]:
    """Each span that has words of days before this one, and its files without them, written where need be."""
    spans = [span for span in manifest.spans if span.before_day <= before]
    renamed = [
        (span, {kind: name for kind, name in span.files.items() if kind not in WORDS} | _wordless_calls(span, archive))
        for span in spans
    ]
    return [(span, files) for span, files in renamed if files != span.files]


def _renamed(connection: Connection, span: Archived, files: dict[str, str]) -> bool:
    """Name other files for a span; not when somebody did meanwhile."""
    this_span = (archives.c.tenant_id == span.tenant_id, archives.c.first_day == span.first_day)
    if connection.scalar(select(archives.c.files).where(*this_span).with_for_update()) != span.files:
        return False
    connection.execute(update(archives).where(*this_span).values(files=files))
    return True


def _wordless_calls(span: Archived, archive: Path) -> dict[str, str]:
    """A new file of the span's calls, without their last words; empty when there are none, or none on this host."""
    name = span.files.get("calls")
    if name is None or not (archive / name).is_file():
        return {}
    rows = f"read_parquet('{quoted(archive / name)}')"
    with own_duckdb() as facts:
        if facts.execute(
            f"SELECT 1 FROM {rows} WHERE coalesce({', '.join(LAST_WORDS)}) IS NOT NULL LIMIT 1"
        ).fetchone():
            wordless = f"{span.tenant_id}/calls/{span.first_day}_{span.before_day}-{uuid.uuid4().hex[:8]}.parquet"
            nothing = ", ".join(f"NULL::VARCHAR AS {column}" for column in LAST_WORDS)
            write_file(facts, f"(SELECT * REPLACE ({nothing}) FROM {rows})", "calls", archive / wordless)
            return {"calls": wordless}
    return {}


def _drop_recordings(folder: Path, before: date, *, named: frozenset[str]) -> int:
    """Files by their day's folder; those that no call names, of a process that died, are among them."""
    gone = 0
    try:
        for day in sorted(folder.iterdir()) if folder.is_dir() else ():
            if not _is_before(day, before):
                continue
            for file in day.iterdir():
                if file.stem not in named:
                    file.unlink(missing_ok=True)
                    gone += 1
            if not any(day.iterdir()):
                day.rmdir()
    except OSError as error:
        raise Unavailable(
            f"recordings in {folder} cannot be deleted ({error.strerror})", do="let this user write that folder"
        ) from None
    return gone


def forget_reports(reports: Path, tenant_id: str, before: date) -> int:
    """Delete the tenant's reports of runs that began before this day, UTC: they tell calls word for word.

    Args:
        reports: the folder of all tenants' reports; whatever in it is no report of a run stays.

    Raises:
        Unavailable: one cannot be deleted.
    """
    folder = reports / tenant_id
    begun = ((file, _BEGUN.search(file.name)) for file in (folder.iterdir() if folder.is_dir() else ()))
    return _unlink(file for file, day in begun if day is not None and day[1] < f"{before:%Y%m%d}")


def forget_files(files: Iterable[Path], before: date) -> int:
    """Delete those of these files that were last written before this day, UTC.

    Raises:
        Unavailable: one cannot be deleted.
    """
    days = ((file, datetime.fromtimestamp(file.stat().st_mtime, UTC).date()) for file in files if file.is_file())
    return _unlink(file for file, day in days if day < before)


def _unlink(files: Iterable[Path]) -> int:
    gone = [*files]
    for file in gone:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(
                f"{file} cannot be deleted ({error.strerror})", do="let this user write that folder"
            ) from None
    return len(gone)


def _is_before(folder: Path, day: date) -> bool:
    try:
        return folder.is_dir() and date.fromisoformat(folder.name) < day
    except ValueError:  # not one of ours
        return False

"""Deletes what a tenant may keep no longer: recordings, and the words that were said.

Given the day before which nothing is kept, takes words out of the record and the archive, and sound off the disk.
Never touches a call that the archive does not hold: its figures and results would be lost with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, delete, select, update

from opendeep_kit.errors import Unavailable
from opendeep_kit.store.calls import CallState
from opendeep_kit.store.database import Database
from opendeep_kit.store.manifest import Manifest, midnight, read_manifest
from opendeep_kit.store.service_tables import verdicts
from opendeep_kit.store.tables import archives, call_events, calls

WORDS = ("turns", "events", "tool_calls")
"""Kinds of the archive that hold what was said; results and figures stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was deleted of one tenant."""

    rows: int = 0
    """Calls that left the record, with their events; the archive holds them."""
    spans: int = 0
    """Parts of the archive that lost their words."""
    recordings: int = 0


def forget(database: Database, tenant_id: str, before: date, *, recordings: Path) -> Forgotten:
    """Delete the words and the sound of calls before this day, UTC, as far as the archive reaches.

    Args:
        recordings: the folder of all tenants' recordings.

    Raises:
        Unavailable: the record cannot be written, or a recording not be deleted.
    """
    with database.write() as connection:
        manifest = read_manifest(connection, tenant_id)
        if manifest.cut is None:
            return Forgotten()
        before = min(before, manifest.cut.date())
        rows = _drop_rows(connection, tenant_id, before, manifest)
        spans = _drop_words(connection, manifest, before)
    # Last: whatever breaks off before leaves a sound that the record still names, never the other way round.
    gone = _drop_recordings(recordings / tenant_id, before, kept=frozenset(manifest.left_open))
    return Forgotten(rows=rows, spans=spans, recordings=gone)


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
    return connection.execute(delete(calls).where(*archived)).rowcount


def _drop_words(connection: Connection, manifest: Manifest, before: date) -> int:
    """The files go with the next sweep, when no reader has them open any more."""
    dropped = 0
    for span in manifest.spans:
        files = {kind: name for kind, name in span.files.items() if kind not in WORDS}
        if span.before_day <= before and files != span.files:
            mine = (archives.c.tenant_id == span.tenant_id, archives.c.first_day == span.first_day)
            connection.execute(update(archives).where(*mine).values(files=files))
            dropped += 1
    return dropped


def _drop_recordings(folder: Path, before: date, *, kept: frozenset[str]) -> int:
    """Files by their day's folder; those that no call names, of a process that died, are among them."""
    gone = 0
    try:
        for day in sorted(folder.iterdir()) if folder.is_dir() else ():
            if not _is_before(day, before):
                continue
            for file in day.iterdir():
                if file.stem not in kept:
                    file.unlink(missing_ok=True)
                    gone += 1
            if not any(day.iterdir()):
                day.rmdir()
    except OSError as error:
        raise Unavailable(
            f"recordings in {folder} cannot be deleted ({error.strerror})", do="let this user write that folder"
        ) from None
    return gone


def _is_before(folder: Path, day: date) -> bool:
    try:
        return folder.is_dir() and date.fromisoformat(folder.name) < day
    except ValueError:  # not one of ours
        return False

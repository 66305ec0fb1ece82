"""What may be kept no longer is deleted, and nothing that the archive does not hold."""

import os
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import insert

from opendeep_kit import events
from opendeep_kit.errors import Unavailable
from opendeep_kit.record.call_commands import CommandKind, commands_of
from opendeep_kit.record.database import Database
from opendeep_kit.record.service_tables import call_commands
from opendeep_kit.record.verdicts import CallVerdict, Verdict, keep, verdicts_of
from opendeep_kit.warehouse.archive import archive_days, merge_months, sweep, write_file
from opendeep_kit.warehouse.connection import open_warehouse
from opendeep_kit.warehouse.manifest import midnight
from opendeep_kit.warehouse.retention import LAST_WORDS, WORDS, Forgotten, forget, forget_files, forget_reports
from tests.record.conftest import NOON
from tests.record.recorded import COMPLETED, expect, place, recorded, renamed

DAY = timedelta(days=1)
TODAY = NOON.date()
OLD, NEW, OPEN = (f"{n}b2c1a52-0e11-4a53-9c9c-6f3f0a6f1d11" for n in (1, 2, 3))


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Recordings: of three calls, of one that no call names, and of another tenant."""
    folder = tmp_path / "recordings"
    old = f"clinic/{TODAY - 40 * DAY}"
    for name in (f"{old}/{OLD}", f"{old}/{OPEN}", f"{old}/lost", f"clinic/{TODAY - DAY}/{NEW}", f"garage/{old[7:]}/x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.wav").write_bytes(b"RIFF")
    return folder


@pytest.fixture
def history(database: Database) -> None:
    """A call 40 days ago, another one that never ended, and one of yesterday."""
    talk = recorded()[COMPLETED]
    place(database, renamed(talk, OLD), at=NOON - 40 * DAY)
    expect(database, OPEN, at=NOON - 40 * DAY)
    place(database, renamed(talk, NEW), at=NOON - DAY)


def command(database: Database, call_id: str) -> None:
    """A supervisor had the agent say something, on the day of the call."""
    at = NOON - (40 if call_id == OLD else 1) * DAY
    row = {"command_id": call_id, "tenant_id": "clinic", "call_id": call_id, "kind": CommandKind.SAY, "by": "Ana"}
    with database.write() as connection:
        connection.execute(insert(call_commands), row | {"argument": "Hello", "created_at": at, "changed_at": at})


def left(folder: Path) -> set[str]:
    """Recordings by name."""
    return {path.stem for path in folder.rglob("*.wav")}


def texts(path: Path) -> str:
    """All that a Parquet file says."""
    return str(duckdb.sql(f"FROM read_parquet('{path}')").fetchall())


def told(url: str, archive: Path, query: str) -> list[str]:
    """The first column of a question to the warehouse."""
    with open_warehouse(url, tenant_id="clinic", archive=archive) as opened:
        return [row[0] for row in opened.connection.execute(query).fetchall()]


def test_nothing_goes_that_is_not_archived(history: None, database: Database, sounds: Path, tmp_path: Path) -> None:
    """However old, without an archive every row and every recording stays."""
    assert forget(database, "clinic", TODAY - 30 * DAY, recordings=sounds, archive=tmp_path / "archive") == Forgotten()
    assert left(sounds) == {OLD, OPEN, "lost", NEW, "x"}


def test_the_archive_bounds_what_goes(history: None, database: Database, sounds: Path, tmp_path: Path) -> None:
    """Days after the archive's end stay, although they are past their time."""
    archive_days(database, TODAY - 41 * DAY, tmp_path / "archive", now=NOON, tenant_id="clinic")
    gone = forget(database, "clinic", TODAY - 30 * DAY, recordings=sounds, archive=tmp_path / "archive")

    assert (gone, left(sounds)) == (Forgotten(), {OLD, OPEN, "lost", NEW, "x"})


def test_words_go_and_figures_stay(history: None, database: Database, url: str, sounds: Path, tmp_path: Path) -> None:
    """Past its time a call loses its sound and its words in record and archive; its result is told as before."""
    archive, before = tmp_path / "archive", TODAY - 30 * DAY
    for call_id in (OLD, NEW):
        command(database, call_id)
    archive_days(database, TODAY, archive, now=NOON, tenant_id="clinic", daily_from=before)
    figures = "SELECT (call_id, disposition, voice_to_voice_p50_ms)::VARCHAR FROM calls ORDER BY ALL"
    known = told(url, archive, figures)
    gone = forget(database, "clinic", before, recordings=sounds, archive=tmp_path / "archive")

    assert gone == Forgotten(rows=1, spans=1, recordings=2)
    assert left(sounds) == {OPEN, NEW, "x"}
    assert told(url, archive, figures) == known
    assert set(told(url, archive, "SELECT DISTINCT call_id FROM turns")) == {NEW}
    assert told(url, archive, f"SELECT call_id FROM calls WHERE coalesce({', '.join(LAST_WORDS)}) IS NOT NULL") == [NEW]
    assert [one.argument for call_id in (OLD, NEW) for one in commands_of(database, "clinic", call_id)] == ["", "Hello"]
    assert forget(database, "clinic", before, recordings=sounds, archive=tmp_path / "archive") == Forgotten()


def test_each_later_day_has_files_of_its_own(history: None, database: Database, tmp_path: Path) -> None:
    """So that its words can go on its own day."""
    spans = archive_days(
        database, TODAY, tmp_path / "archive", now=NOON, tenant_id="clinic", daily_from=date(2026, 11, 22)
    )

    assert [f"{span.first_day:%m-%d} {span.before_day:%m-%d}" for span in spans] == [
        "10-15 11-01",
        "11-01 11-22",
        "11-22 11-23",
        "11-23 11-24",
    ]


def test_notes_on_a_call_go_with_its_words(history: None, database: Database, sounds: Path, tmp_path: Path) -> None:
    """A reviewer's note may name the callee; the verdict stays."""
    for call_id in (OLD, NEW):
        poor = CallVerdict(
            call_id=call_id, verdict=Verdict.POOR, note="Maria was hurried", judged_by="Ana", judged_at=NOON
        )
        keep(database, "clinic", [poor])
    archive_days(database, TODAY, tmp_path / "archive", now=NOON, tenant_id="clinic", daily_from=TODAY - 30 * DAY)
    forget(database, "clinic", TODAY - 30 * DAY, recordings=sounds, archive=tmp_path / "archive")

    (old,), (new,) = verdicts_of(database, "clinic", OLD), verdicts_of(database, "clinic", NEW)
    assert [(one.verdict, one.note) for one in (old, new)] == [("poor", ""), ("poor", "Maria was hurried")]


def test_no_word_is_left_in_the_archive(history: None, database: Database, tmp_path: Path) -> None:
    """The files that the manifest names for days past their time hold nothing that was said; the others do."""
    archive, before = tmp_path / "archive", TODAY - 30 * DAY
    archive_days(database, TODAY, archive, now=NOON, tenant_id="clinic", daily_from=before)
    forget(database, "clinic", before, recordings=tmp_path, archive=archive)
    sweep(database, archive, older_than_s=-1)

    said = {event.text for event in recorded()[COMPLETED] if isinstance(event, events.CalleeSaid) and event.text}
    tells = {path for path in archive.glob("clinic/*/*.parquet") if any(words in texts(path) for words in said)}
    assert {path.parent.name for path in tells} == {"calls", "turns", "events"}
    assert {path.name[:10] for path in tells} == {"2026-11-23"}


def test_a_reader_keeps_what_it_has_open(history: None, database: Database, url: str, tmp_path: Path) -> None:
    """Files whose words are dropped stay for a day, however old they are."""
    archive, before = tmp_path / "archive", TODAY - 30 * DAY
    archive_days(database, TODAY, archive, now=NOON, tenant_id="clinic", daily_from=before)
    for path in archive.glob("clinic/*/*.parquet"):
        os.utime(path, (0, 0))
    with open_warehouse(url, tenant_id="clinic", archive=archive) as opened:
        forget(database, "clinic", before, recordings=tmp_path, archive=archive)

        assert sweep(database, archive) == 0
        assert len(opened.connection.execute("FROM calls JOIN turns USING (call_id)").fetchall()) > 0
    assert sweep(database, archive, older_than_s=-1) == len(WORDS) + 1


def test_others_write_while_files_are_written(
    history: None, database: Database, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction is held meanwhile; a span that another process merges meanwhile keeps the merged files."""
    archive, before = tmp_path / "archive", TODAY - 30 * DAY
    for day in (before, TODAY):
        archive_days(database, day, archive, now=NOON, tenant_id="clinic", daily_from=date.max)

    def write_and_merge(facts: duckdb.DuckDBPyConnection, rows: str, kind: str, path: Path) -> None:
        write_file(facts, rows, kind, path)
        monkeypatch.undo()
        merge_months(database, archive, "clinic", now=NOON)

    monkeypatch.setattr("opendeep_kit.warehouse.retention.write_file", write_and_merge)
    gone = forget(database, "clinic", before, recordings=tmp_path, archive=archive)

    assert gone == Forgotten(rows=1)
    assert sorted(told(url, archive, "SELECT call_id FROM turns GROUP BY call_id")) == [OLD, NEW]


def test_a_damaged_file_is_told(history: None, database: Database, tmp_path: Path) -> None:
    """The step fails as any other that cannot read the archive: the next tenant's is still done."""
    archive, before = tmp_path / "archive", TODAY - 30 * DAY
    archive_days(database, TODAY, archive, now=NOON, tenant_id="clinic", daily_from=before)
    for path in archive.glob("clinic/calls/*.parquet"):
        path.write_bytes(b"no Parquet" * 100)

    with pytest.raises(Unavailable, match="damaged"):
        forget(database, "clinic", before, recordings=tmp_path, archive=archive)


def test_reports_go_by_the_time_of_their_run(tmp_path: Path) -> None:
    """A tenant's old reports go, both files; newer ones, another tenant's, and what is no run's stay."""
    names = ["clinic_daily_20261024T235959Z_0a1b2c", "clinic_daily_20261025T000000Z_0a1b2c", "notes"]
    for name in names:
        for tenant in ("clinic", "garage"):
            for suffix in ("ipynb", "html"):
                (tmp_path / tenant).mkdir(exist_ok=True)
                (tmp_path / tenant / f"{name}.{suffix}").write_text("Maria")

    assert [forget_reports(tmp_path, "clinic", date(2026, 10, 25)) for _ in range(2)] == [2, 0]
    assert {path.stem for path in (tmp_path / "clinic").iterdir()} == set(names[1:])
    assert len([*(tmp_path / "garage").iterdir()]) == 6
    assert forget_reports(tmp_path, "nobody", date(2026, 10, 25)) == 0


def test_other_files_go_by_the_day_they_were_written(tmp_path: Path) -> None:
    """That day itself is kept."""
    old, new = (tmp_path / name for name in ("old.events.jsonl", "new.events.jsonl"))
    for path, days in ((old, 1), (new, 0)):
        path.write_text("{}")
        at = (midnight(TODAY) - days * DAY).timestamp()
        os.utime(path, (at, at))

    assert forget_files([old, new, tmp_path / "none"], TODAY) == 1
    assert [*tmp_path.iterdir()] == [new]

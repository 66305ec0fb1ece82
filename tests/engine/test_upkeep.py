"""The nightly upkeep: each tenant by its own limits, once, and none held up by another."""

import json
import os
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from opendeep_kit.commands.service import run_upkeep
from opendeep_kit.config import Settings
from opendeep_kit.engine import campaign_service
from opendeep_kit.engine.upkeep import closed_before, keep_up
from opendeep_kit.record import directory, enrolments
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.tenants import Tenant
from opendeep_kit.warehouse.retention import Forgotten
from tests.record.conftest import NOON
from tests.record.recorded import COMPLETED, place, recorded, renamed

DAY = timedelta(days=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a record and its folders."""
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def database(settings: Settings) -> Database:
    """Two tenants; each had a call 20 days ago and one yesterday. One of them keeps words for ten days."""
    opened = open_database(settings.store_url)
    for number, name in enumerate(("clinic", "garage")):
        directory.save_tenant(opened, Tenant(tenant_id=name, display_name=name), now=NOON)
        for back in (20, 1):
            call_id = f"{number}{back:02}c1a52-0e11-4a53-9c9c-6f3f0a6f1d11"
            place(opened, renamed(recorded()[COMPLETED], call_id), at=NOON - back * DAY, tenant_id=name)
            path = settings.recordings_dir / name / f"{(NOON - back * DAY).date()}" / f"{call_id}.wav"
            path.parent.mkdir(parents=True)
            path.write_bytes(b"RIFF")
    campaign_service.set_limits(opened, "clinic", {"retention_days": 10})
    return opened


def sounds(settings: Settings) -> list[str]:
    """Tenants and days of the recordings that are left."""
    found = settings.recordings_dir.rglob("*.wav")
    return sorted(f"{path.parts[-3]} {path.parts[-2]}" for path in found)


def test_each_tenant_by_its_own_limits(database: Database, settings: Settings) -> None:
    """All closed days are archived; only the tenant that keeps ten days loses its old call's words and sound."""
    clinic, garage = keep_up(database, settings, now=NOON)

    assert (clinic.tenant_id, clinic.days, clinic.calls, clinic.keeps_from) == ("clinic", 20, 2, date(2026, 11, 14))
    assert (clinic.forgotten, garage.forgotten) == (Forgotten(rows=1, spans=1, recordings=1), Forgotten())
    assert sounds(settings) == ["clinic 2026-11-23", "garage 2026-11-04", "garage 2026-11-23"]


def test_a_second_look_does_nothing(database: Database, settings: Settings) -> None:
    """What is done is not done again."""
    keep_up(database, settings, now=NOON)
    again = keep_up(database, settings, now=NOON + timedelta(hours=3))

    assert [(one.days, one.calls, one.forgotten, one.failure) for one in again] == [(0, 0, Forgotten(), "")] * 2


def test_a_day_later(database: Database, settings: Settings) -> None:
    """Each day goes when its own time is over, and a month is merged when all of it has gone."""
    keep_up(database, settings, now=NOON)
    much_later = keep_up(database, settings, now=NOON + 10 * DAY)

    assert [one.forgotten.rows for one in much_later] == [1, 0]
    assert [path.name for path in (settings.data_dir / "archive" / "clinic" / "calls").glob("*-11-01_*")] == []
    assert "clinic 2026-11-23" not in sounds(settings)


def test_reports_go_with_the_words(database: Database, settings: Settings) -> None:
    """A tenant's reports go by its own limits; what `rehearse`, `dial` and `demo` left, by the default tenant's."""
    directory.save_tenant(database, Tenant(tenant_id="default", display_name="Default"), now=NOON)
    campaign_service.set_limits(database, "default", {"retention_days": 10})
    kept = ["report.pdf", "rehearsals/new.events.jsonl", "reports/clinic/x_20261120T000000Z_1.html"]
    gone = ["rehearsals/old.events.jsonl", "report.html", "report.ipynb", "reports/clinic/x_20261104T000000Z_1.html"]
    for name in (*kept, *gone):
        path = settings.data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Maria")
        at = (NOON - (1 if "new" in name or "1120" in name else 20) * DAY).timestamp()
        os.utime(path, (at, at))
    done = {one.tenant_id: one.reports for one in keep_up(database, settings, now=NOON)}

    assert done == {"clinic": 1, "default": 3, "garage": 0}
    assert [(settings.data_dir / name).exists() for name in (*kept, *gone)] == [True] * len(kept) + [False] * len(gone)


def test_facts_of_contacts_go_as_well(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tenant's by its own limits."""
    asked: dict[str, date] = {}

    def forget(_: Database, tenant_id: str, before: datetime) -> int:
        asked[tenant_id] = before.date()
        return 3

    monkeypatch.setattr(enrolments, "forget_facts", forget)
    done = keep_up(database, settings, now=NOON)

    assert [one.contacts for one in done] == [3, 3]
    assert asked == {"clinic": date(2026, 11, 14), "garage": date(2026, 8, 26)}


def test_one_tenants_fault_leaves_the_others_alone(database: Database, settings: Settings) -> None:
    """Limits that cannot be read delete nothing of that tenant, and are told; the other's upkeep is done."""
    with database.write() as connection:
        connection.exec_driver_sql("""UPDATE tenants SET limits = '{"retention_days": 0}' WHERE tenant_id = 'clinic'""")
    clinic, garage = keep_up(database, settings, now=NOON)

    assert "retention of 0 days" in clinic.failure
    assert (clinic.calls, garage.calls, garage.failure) == (0, 2, "")
    assert len(sounds(settings)) == 4


@pytest.mark.slow
def test_a_damaged_file_is_told(database: Database, settings: Settings) -> None:
    """A part of the archive that cannot be read stops its own tenant's merge alone, with what to look for."""
    keep_up(database, settings, now=NOON)
    for path in (settings.data_dir / "archive" / "clinic").rglob("*.parquet"):
        path.write_bytes(b"PAR1 and nothing")
    clinic, garage = keep_up(database, settings, now=NOON + 40 * DAY)

    assert "damaged" in clinic.failure
    assert garage.failure == ""


@pytest.mark.parametrize(("at", "day"), [("2026-11-24T01:59", "2026-11-23"), ("2026-11-24T02:00", "2026-11-24")])
def test_a_day_closes_two_hours_after_midnight(at: str, day: str) -> None:
    """Its last calls have ended by then."""
    assert closed_before(datetime.fromisoformat(f"{at}+00:00")) == date.fromisoformat(day)


def test_the_command(database: Database, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """It tells per tenant what was done, by the real clock: all of it is over."""
    assert run_upkeep(as_json=True, data=settings.data_dir) == 0

    told = {row["tenant"]: row["calls_archived"] for row in json.loads(capsys.readouterr().out)}
    assert told == {"clinic": 2, "default": 0, "garage": 2}

"""`opendeep demo`: what it leaves in the record. Its voices and its table are looked at by `make demo`."""

import contextlib
from pathlib import Path

import pytest

from opendeep_kit.commands import demo
from opendeep_kit.config import load_settings
from opendeep_kit.lab.past_calls import PastCalls
from opendeep_kit.line_choice import LineName
from opendeep_kit.record import campaigns
from opendeep_kit.record.database import open_database
from opendeep_kit.tenants import DEFAULT_TENANT

SCRIPT = Path(__file__).parents[2] / "notebooks" / "scripts" / "confirm_appointment.md"


async def test_it_says_whom_it_called_and_what_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call of it names its contact, whom the record holds, and the script's task."""
    contacts = tmp_path / "contacts.csv"
    contacts.write_text("id,number,name,appointment\n7,+12125550120,Ann,Monday\n")
    monkeypatch.setattr(demo, "_leave_report", lambda *_: None)
    settings = load_settings(data_dir=tmp_path / "data", rehearsal={"engine": "tones"})
    done = await demo.run_demo(settings, contacts, SCRIPT, line=LineName.SIMULATOR, parallel=1, json_path=None)

    with PastCalls.open(tmp_path / "data") as past:
        called = past.warehouse.sql(
            "SELECT contact_id, task_id, spec ->> 'organisation' FROM calls JOIN staging.tasks USING (task_id)"
        ).fetchall()
        listed = past.warehouse.sql("FROM staging.contact_lists").fetchall()
    assert (done, listed) == (0, [("demo", 1)])
    assert called == [("7", "confirm-appointment", "Riverside Dental")]
    with contextlib.closing(open_database(settings.store_url)) as database:
        campaign = campaigns.campaign(database, DEFAULT_TENANT, "demo")
    assert campaign is not None
    assert (campaign.state, campaign.retries.rules, campaign.retries.max_callbacks) == ("exhausted", {}, 0)

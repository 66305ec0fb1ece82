"""A notebook follows its campaign: called by the service that runs, or waiting for one, and never twice."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from opendeep_kit.config import Settings
from opendeep_kit.engine.control import Control
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.lab.campaign_run import run_campaign
from opendeep_kit.lab.own_thread import Work
from opendeep_kit.record.campaign_tables import enrolments
from opendeep_kit.record.database import open_database
from opendeep_kit.tasks.script import parse_script
from tests.service_rig import AGREES, ALWAYS, BUSY, SCRIPT, TENANT, new_tenant, now, rig, settings_for

REAL = "+442071838750"


def following(folder: Path, settings: Settings, *numbers: str, **more: Any) -> Work[Any]:
    """A campaign with these contacts, followed."""
    (folder / "list.csv").write_text("number,name\n" + "".join(f"{number},Maria\n" for number in numbers))
    script = parse_script(SCRIPT)
    return run_campaign(folder / "list.csv", script, campaign="one", settings=settings, **more)


@pytest.mark.slow
async def test_the_service_that_runs_is_used(tmp_path: Path) -> None:
    """Both contacts are called by it, once; a second run finds them done and calls nobody."""
    async with rig(tmp_path) as service:
        control = Control(service.settings, database=service.database, line=service.line)
        async with control:
            first = await following(tmp_path, service.settings, AGREES, BUSY, "none", tenant=TENANT)
            again = await following(tmp_path, service.settings, AGREES, BUSY, tenant=TENANT)

        assert (first.is_over, first.added, first.counts.final, len(service.line.dialled)) == (True, 2, 2, 2)
        assert first.told == "Campaign one is exhausted: every contact has a final outcome."
        assert "is not called because" in first._repr_html_()
        assert (again.added, again.counts.attempts, len(service.line.dialled)) == (0, 2, 2)


def test_without_a_service_it_waits_so_long(tmp_path: Path) -> None:
    """Told to start none, it comes back when its time is over, and says that the campaign goes on."""
    found = following(tmp_path, settings_for(tmp_path), AGREES, own_service=False, minutes=0.02).result()

    assert (found.is_over, found.counts.waiting, found.counts.attempts) == (False, 1, 0)
    assert found.told.startswith("Campaign one goes on: 1 waiting, the first is due at ")


def test_whom_nobody_calls_in_its_time_is_not_waited_for(tmp_path: Path) -> None:
    """With the first call due later than it follows, it comes back at once, and starts no service for it."""
    settings = settings_for(tmp_path)
    following(tmp_path, settings, AGREES, own_service=False, minutes=0).result()
    database = open_database(settings.store_url)
    with database.write() as connection:
        connection.execute(update(enrolments).values(next_at=now() + timedelta(days=1)))
    database.close()

    found = following(tmp_path, settings, AGREES).result()

    assert (found.is_over, found.counts.waiting) == (False, 1)


def test_a_service_that_does_not_come_up_is_told(tmp_path: Path) -> None:
    """What the notebook's own service said last is the reason."""
    settings = settings_for(tmp_path, media_workers=2)
    settings = settings.model_copy(update={"phone": settings.phone.model_copy(update={"port": 9092})})

    with pytest.raises(Unavailable, match=r"has ended \(several media workers cannot share phone.port: set it to 0\)"):
        following(tmp_path, settings, AGREES).result()


@pytest.mark.slow
async def test_a_line_that_reaches_nobody_is_told(tmp_path: Path) -> None:
    """The made-up number of a list is called, a real one is not; for want of a trunk nobody waits out the minutes."""
    async with rig(tmp_path) as service:
        new_tenant(service.database)
        control = Control(service.settings, database=service.database, line=service.line)
        async with control, asyncio.timeout(60):
            found = await following(tmp_path, service.settings, AGREES, REAL, tenant=TENANT, rules=ALWAYS)

        assert (found.is_over, found.counts.final, found.counts.waiting) == (False, 1, 1)
        assert len(service.line.dialled) == 1
        assert found.told.startswith(
            "Campaign one waits, 1 to go: the line reaches made-up numbers only, real ones wait"
        )


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"line": "fax"}, "there is no line 'fax'"),
        ({"rules": "gone.json"}, "the rules in gone.json cannot be read"),
        ({"tenant": "nobody"}, "there is no tenant 'nobody'"),
        ({"rules": {"window": {}}}, "the spec has 'window', which is unknown"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    """What is wrong is told before anybody is called."""
    with pytest.raises(BadInput, match=told):
        following(tmp_path, settings_for(tmp_path), AGREES, **more).result()

"""The two kinds of process: one whose periodic task fails for good drains and ends with an error, to be started again."""

from pathlib import Path

import pytest

from opendeep_kit import periodic
from opendeep_kit.engine.planning import Planning
from opendeep_kit.errors import Unavailable
from opendeep_kit.line_choice import LineName
from opendeep_kit.record import workers
from opendeep_kit.record.database import open_database
from opendeep_kit.service.processes import serve_control, serve_media
from tests.service_rig import now, settings_for, world


def breaks(*args: object, **named: object) -> None:
    """Fails, however often it is tried."""
    raise KeyError("broken")


async def test_a_control_process_that_cannot_plan_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why and signs off, so that another plans until it is back."""
    monkeypatch.setattr(periodic, "MOST_FAILURES", 2)
    monkeypatch.setattr(Planning, "tick", breaks)
    async with world(settings_for(tmp_path)) as (settings, _):
        with pytest.raises(Unavailable, match="a control process failed 2 times in a row at its periodic task `plan`"):
            await serve_control(settings, LineName.SIMULATOR, is_child=False)
    database = open_database(settings.store_url)

    assert workers.controls_alive(database, now=now(), within_s=60) == []
    database.close()


async def test_a_media_worker_that_cannot_be_seen_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without heartbeats no call comes to it, and it cannot mend itself."""
    monkeypatch.setattr(periodic, "MOST_FAILURES", 2)
    monkeypatch.setattr(workers, "beat", breaks)
    async with world(settings_for(tmp_path)) as (settings, _):
        with pytest.raises(
            Unavailable, match="a media worker failed 2 times in a row at its periodic task `heartbeat`"
        ):
            await serve_media(settings, is_child=False)

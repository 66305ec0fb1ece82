"""The quality desk over a real record: figures, filters, and the player; never another tenant's call."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from opendeep_kit.boards.quality import figures
from opendeep_kit.boards.quality.desk import QualityDesk
from opendeep_kit.config import load_settings
from tests.dashboards.played import Played
from tests.record import recorded
from tests.widgets.overheard import act, browser_says, overheard


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    """A clinic with a call of today and one of last month; a garage with one of its own."""
    made = Played(tmp_path)
    made.tenant("clinic", "Riverside Dental")
    made.tenant("garage", "Garage Nord")
    made.past_call(recorded.COMPLETED, tenant_id="clinic", ago=timedelta(hours=1))
    made.past_call(recorded.OPTED_OUT, tenant_id="clinic", ago=timedelta(days=20), campaign="autumn")
    yield made
    made.close()


@pytest.fixture
def desk(played: Played, tmp_path: Path) -> Iterator[QualityDesk]:
    """The clinic's quality desk."""
    made = QualityDesk(load_settings(data_dir=tmp_path), "clinic")
    yield made
    made.close()


def told(desk: QualityDesk, what: str, **fields: str) -> str:
    """What the browser is told of an action."""
    sent = overheard(desk.board)
    browser_says(desk.board, act(what, **fields))
    words: str = sent[-1]["words"]
    return words


def counted(desk: QualityDesk) -> str:
    """The figure of calls."""
    value: str = desk.board.view["figures"][0]["value"]
    return value


def test_it_knows_the_prices(played: Played, tmp_path: Path) -> None:
    """Its warehouse tells costs by the prices of the settings."""
    price = {"input_minor_per_million": 400, "output_minor_per_million": 1600}
    desk = QualityDesk(load_settings(data_dir=tmp_path, prices={"gpt-realtime-2.1": price}), "clinic")
    costs = desk._opened().sql("SELECT DISTINCT currency, cost_minor > 0 FROM costs").fetchall()
    desk.close()

    assert costs == [("USD", True)]


def test_period_and_campaign(desk: QualityDesk) -> None:
    """A week is shown first; a longer period and a campaign narrow or widen it."""
    desk.refresh()
    assert (desk.board.view["period"], counted(desk)) == ("week", "1")
    told(desk, "period", on="month")
    assert counted(desk) == "2"
    told(desk, "campaign", on="autumn")
    assert (counted(desk), desk.board.view["campaigns"]) == ("1", ["autumn", "spring"])
    assert [one["disposition"] for one in desk.board.view["worst"]] == ["do_not_call"]


def test_new_calls_come_by_themselves(played: Played, desk: QualityDesk) -> None:
    """A call that ended meanwhile is counted at the next look."""
    desk.refresh()
    played.past_call(recorded.VOICEMAIL, tenant_id="clinic", ago=timedelta(minutes=5))
    desk.refresh()

    assert counted(desk) == "2"


def test_chosen_call_is_in_the_player(desk: QualityDesk) -> None:
    """A click fills the player with the call's talk; a recording that is not the tenant's is not opened."""
    told(desk, "period", on="all")
    call_id = desk.board.view["worst"][0]["call_id"]
    told(desk, "choose", on=call_id)

    assert desk.board.view["chosen"] == call_id
    assert desk.player.title.startswith("do not call")
    assert len(desk.player.picture["lines"]) > 2
    assert desk.player.note == "There is no recording of this call."


def test_other_tenants_call_is_none(played: Played, desk: QualityDesk) -> None:
    """Another tenant's call is not counted, and cannot be opened by its id."""
    theirs = played.past_call(recorded.OPTED_OUT, tenant_id="garage", ago=timedelta(hours=1))
    desk.refresh()
    assert counted(desk) == "1"

    assert "no such call" in told(desk, "choose", on=theirs)
    assert desk.player.picture["lines"] == []


@pytest.mark.parametrize("name", ["../opendeep.db", "garage/2026-11-24/a.wav", "/etc/passwd", ""])
def test_recording_of_another_folder_is_none(desk: QualityDesk, name: str) -> None:
    """Whatever path the record holds, no file outside the tenant's own recordings is opened."""
    assert desk._recording(name) is None


def test_recording_of_the_tenant(desk: QualityDesk, tmp_path: Path) -> None:
    """A file in the tenant's own folder is opened."""
    assert desk._recording("clinic/2026-11-24/a.wav") == tmp_path / "recordings/clinic/2026-11-24/a.wav"


def test_unknown_action(desk: QualityDesk) -> None:
    """What the board does not know is refused in words."""
    assert "no such action" in told(desk, "period", on="century")


def test_broken_query_is_said(played: Played, desk: QualityDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of DuckDB is told to whoever looks or clicks, without its words; the next good look shows all."""

    def breaks(*_: object) -> None:
        raise duckdb.ConversionException("Maria said")

    desk.refresh()
    played.past_call(recorded.VOICEMAIL, tenant_id="clinic", ago=timedelta(minutes=5))
    with monkeypatch.context() as broken:
        broken.setattr(figures, "totals", breaks)
        assert desk.refresh() is False
        assert desk.board.trouble.startswith("That failed unexpectedly (ConversionException)")
        assert told(desk, "period", on="all").startswith("That failed unexpectedly (ConversionException)")
        assert counted(desk) == "1"
    desk.refresh()

    assert desk.board.trouble == ""
    assert counted(desk) == "3"

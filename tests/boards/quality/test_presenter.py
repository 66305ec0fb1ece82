"""The quality presenter over a real record: figures, filters, and the player; never another tenant's call."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from opendeep_kit.boards.quality import figures
from opendeep_kit.boards.quality.presenter import QualityPresenter
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
def presenter(played: Played) -> Iterator[QualityPresenter]:
    """The clinic's quality presenter."""
    made = QualityPresenter(played.record("clinic"))
    yield made
    made.close()


def told(presenter: QualityPresenter, what: str, **fields: str) -> str:
    """What the browser is told of an action."""
    sent = overheard(presenter.board)
    browser_says(presenter.board, act(what, **fields))
    words: str = sent[-1]["words"]
    return words


def counted(presenter: QualityPresenter) -> str:
    """The figure of calls."""
    value: str = presenter.board.view["figures"][0]["value"]
    return value


def test_it_knows_the_prices(played: Played, tmp_path: Path) -> None:
    """Its warehouse tells costs by the prices of the settings."""
    price = {"input_minor_per_million": 400, "output_minor_per_million": 1600}
    settings = load_settings(data_dir=tmp_path, prices={"gpt-realtime-2.1": price})
    presenter = QualityPresenter(replace(played.record("clinic"), settings=settings))
    costs = presenter._opened().sql("SELECT DISTINCT currency, cost_minor > 0 FROM costs").fetchall()
    presenter.close()

    assert costs == [("USD", True)]


def test_period_and_campaign(presenter: QualityPresenter) -> None:
    """A week is shown first; a longer period and a campaign narrow or widen it."""
    presenter.refresh()
    assert (presenter.board.view["period"], counted(presenter)) == ("week", "1")
    told(presenter, "period", on="month")
    assert counted(presenter) == "2"
    told(presenter, "campaign", on="autumn")
    assert (counted(presenter), presenter.board.view["campaigns"]) == ("1", ["autumn", "spring"])
    assert [one["disposition"] for one in presenter.board.view["worst"]] == ["do_not_call"]


def test_new_calls_come_by_themselves(played: Played, presenter: QualityPresenter) -> None:
    """A call that ended meanwhile is counted at the next look."""
    presenter.refresh()
    played.past_call(recorded.VOICEMAIL, tenant_id="clinic", ago=timedelta(minutes=5))
    presenter.refresh()

    assert counted(presenter) == "2"


def test_chosen_call_is_in_the_player(presenter: QualityPresenter) -> None:
    """A click fills the player with the call's talk; a recording that is not the tenant's is not opened."""
    told(presenter, "period", on="all")
    call_id = presenter.board.view["worst"][0]["call_id"]
    told(presenter, "choose", on=call_id)

    assert presenter.board.view["chosen"] == call_id
    assert presenter.player.title.startswith("do not call")
    assert len(presenter.player.picture["lines"]) > 2
    assert presenter.player.note == "There is no recording of this call."


def test_other_tenants_call_is_none(played: Played, presenter: QualityPresenter) -> None:
    """Another tenant's call is not counted, and cannot be opened by its id."""
    theirs = played.past_call(recorded.OPTED_OUT, tenant_id="garage", ago=timedelta(hours=1))
    presenter.refresh()
    assert counted(presenter) == "1"

    assert "no such call" in told(presenter, "choose", on=theirs)
    assert presenter.player.picture["lines"] == []


@pytest.mark.parametrize("name", ["../opendeep.db", "garage/2026-11-24/a.wav", "/etc/passwd", ""])
def test_recording_of_another_folder_is_none(presenter: QualityPresenter, name: str) -> None:
    """Whatever path the record holds, no file outside the tenant's own recordings is opened."""
    assert presenter._recording(name) is None


def test_recording_of_the_tenant(presenter: QualityPresenter, tmp_path: Path) -> None:
    """A file in the tenant's own folder is opened."""
    assert presenter._recording("clinic/2026-11-24/a.wav") == tmp_path / "recordings/clinic/2026-11-24/a.wav"


def test_unknown_action(presenter: QualityPresenter) -> None:
    """What the board does not know is refused in words."""
    assert "does not have that action" in told(presenter, "period", on="century")


def test_broken_query_is_said(played: Played, presenter: QualityPresenter, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of DuckDB is told to whoever looks or clicks, without its words; the next good look shows all."""

    def breaks(*_: object) -> None:
        raise duckdb.ConversionException("Maria said")

    presenter.refresh()
    played.past_call(recorded.VOICEMAIL, tenant_id="clinic", ago=timedelta(minutes=5))
    with monkeypatch.context() as broken:
        broken.setattr(figures, "totals", breaks)
        assert presenter.refresh() is False
        assert presenter.board.trouble.startswith("That failed unexpectedly (ConversionException)")
        assert told(presenter, "period", on="all").startswith("That failed unexpectedly (ConversionException)")
        assert counted(presenter) == "1"
    presenter.refresh()

    assert presenter.board.trouble == ""
    assert counted(presenter) == "3"

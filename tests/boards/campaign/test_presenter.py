"""The campaign presenter over a real record: progress, breaker, rules, and a manager's moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from opendeep_kit.boards.campaign.presenter import CampaignPresenter
from opendeep_kit.campaigns import lifecycle
from opendeep_kit.campaigns.lifecycle import TaskFact, TaskState
from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import campaigns, workers
from tests.dashboards.played import Played, utc_now
from tests.widgets.overheard import act, browser_says, overheard

COMPLETED = (PhoneResult.ANSWERED, Disposition.COMPLETED)
BUSY = (PhoneResult.BUSY, Disposition.NOT_REACHED)
FAILED = (PhoneResult.FAILED, Disposition.FAILED)
VOICEMAIL = (PhoneResult.ANSWERED, Disposition.VOICEMAIL)


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    """A record with a clinic and a garage."""
    made = Played(tmp_path)
    made.tenant("clinic", "Riverside Dental")
    made.tenant("garage", "Garage Nord")
    yield made
    made.close()


@pytest.fixture
def presenter(played: Played) -> CampaignPresenter:
    """The clinic's campaign presenter."""
    return CampaignPresenter(played.record("clinic"))


def told(presenter: CampaignPresenter, what: str, **fields: str) -> str:
    """What the browser is told of an action."""
    sent = overheard(presenter.board)
    browser_says(presenter.board, act(what, **fields))
    words: str = sent[-1]["words"]
    return words


def test_nothing(presenter: CampaignPresenter) -> None:
    """Without a campaign the board is empty, not broken."""
    presenter.refresh()
    assert (presenter.board.campaigns, presenter.board.chosen, presenter.board.trouble) == ([], {}, "")


def test_progress_and_funnel(played: Played, presenter: CampaignPresenter) -> None:
    """Contacts by state, attempts by how far they came, and money spent of the budget."""
    played.campaign("clinic", "spring", "Spring", contacts=10)
    played.attempts("clinic", "spring", [COMPLETED, BUSY, FAILED, VOICEMAIL])
    presenter.refresh()
    seen = presenter.board.chosen

    assert (seen["final"], seen["claimed"], seen["waiting"]) == (3, 0, 7)
    assert [(one["name"], one["amount"]) for one in seen["funnel"]] == [
        ("attempts", 4),
        ("answered", 2),
        ("talked", 1),
        ("completed", 1),
    ]
    assert seen["money"] == "0.80 USD of 500.00 USD spent"
    assert seen["due"] == "6 due now"
    assert [(one["name"], one["amount"]) for one in seen["refusals"]] == [("consent", 1)]


def test_breaker(played: Played, presenter: CampaignPresenter) -> None:
    """Each side of the breaker tells the share of recent calls, its limit, and from how many it judges."""
    played.campaign("clinic", "spring", "Spring", contacts=40)
    played.attempts("clinic", "spring", [FAILED, COMPLETED] * 15)
    presenter.refresh()
    line, numbers = presenter.board.chosen["fuses"]

    assert (line["limit"], line["min_calls"], numbers["share"]) == (0.3, 20, 0.0)
    assert line["share"] == pytest.approx(0.5, abs=0.1)
    assert 8 <= line["calls"] <= 12


def test_what_holds_due_calls(played: Played, presenter: CampaignPresenter) -> None:
    """A campaign that runs and is not called says why: nobody plans, or what the one who plans tells."""
    played.campaign("clinic", "spring", "Spring", contacts=4)
    presenter.refresh()
    assert presenter.board.chosen["held"] == "no control process is alive: run opendeep up"
    workers.beat_control(played.database, "control-1", host="here", now=utc_now())
    why = "the trunk has as many calls as it may"
    for bound_by, held, said in (
        ("", {"clinic/spring": why, "garage/tyres": "the rate"}, why),
        ("no media worker is alive", {}, "no media worker is alive"),
        ("", {}, ""),
    ):
        workers.tell_held(played.database, "control-1", held=held, bound_by=bound_by)
        presenter.refresh()
        assert presenter.board.chosen["held"] == said


def test_tripped_campaign_says_why(played: Played, presenter: CampaignPresenter) -> None:
    """What the breaker paused is marked, with its reason."""
    played.campaign("clinic", "spring", "Spring")
    why = "8 of 24 calls failed through us"
    step = lifecycle.move(TaskState.RUNNING, TaskFact.TRIPPED, reason=why, at=utc_now(), by="control")
    campaigns.move(played.database, "clinic", "spring", step)
    presenter.refresh()

    assert presenter.board.chosen["is_tripped"] is True
    assert presenter.board.chosen["why"] == f"paused: {why}, by control"


def test_moves(played: Played, presenter: CampaignPresenter) -> None:
    """Only what leads somewhere else is offered; a move is kept with reason and name."""
    played.campaign("clinic", "spring", "Spring", state="ready")
    presenter.refresh()
    assert presenter.board.chosen["moves"] == ["start", "stop"]
    assert told(presenter, "start", on="spring", text="it is nine", by="Ann") == "The campaign is running now."
    assert presenter.board.chosen["moves"] == ["pause", "stop"]
    told(presenter, "pause", on="spring", by="Ann")
    assert presenter.board.chosen["moves"] == ["resume", "stop"]
    history = campaigns.moves_of(played.database, "clinic", "spring")

    assert [(one.after, one.reason, one.by) for one in history[1:]] == [
        ("running", "it is nine", "Ann"),
        ("paused", "on the dashboard", "Ann"),
    ]


@pytest.mark.parametrize(
    ("what", "by", "said"),
    [
        ("resume", "Ann", "cannot be resumed"),
        ("pause", "", "write your name"),
        ("delete", "Ann", "does not have that action"),
    ],
)
def test_impossible_moves_are_said(played: Played, presenter: CampaignPresenter, what: str, by: str, said: str) -> None:
    """Nothing moves, and the manager reads why."""
    played.campaign("clinic", "spring", "Spring")

    assert said in told(presenter, what, on="spring", by=by)
    assert len(campaigns.moves_of(played.database, "clinic", "spring")) == 2


def test_other_tenants_campaign(played: Played, presenter: CampaignPresenter) -> None:
    """Another tenant's campaign is neither shown nor moved."""
    played.campaign("garage", "tyres", "Tyres", contacts=3)
    told(presenter, "choose", on="tyres")
    assert (presenter.board.campaigns, presenter.board.chosen) == ([], {})

    assert "no campaign" in told(presenter, "stop", on="tyres", by="Ann")
    found = campaigns.campaign(played.database, "garage", "tyres")
    assert found is not None
    assert found.state == "running"

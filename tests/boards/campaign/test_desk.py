"""The campaign desk over a real record: progress, breaker, rules, and a manager's moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from opendeep_kit.boards.campaign.desk import CampaignDesk
from opendeep_kit.campaigns import lifecycle
from opendeep_kit.campaigns.lifecycle import TaskFact, TaskState
from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import campaigns, directory, workers
from opendeep_kit.settings import ServiceSettings
from opendeep_kit.tenants import Tenant
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
def desk(played: Played) -> CampaignDesk:
    """The clinic's campaign desk."""
    found = directory.tenant(played.database, "clinic")
    assert isinstance(found, Tenant)
    return CampaignDesk(played.database, found, ServiceSettings())


def told(desk: CampaignDesk, what: str, **fields: str) -> str:
    """What the browser is told of an action."""
    sent = overheard(desk.board)
    browser_says(desk.board, act(what, **fields))
    words: str = sent[-1]["words"]
    return words


def test_nothing(desk: CampaignDesk) -> None:
    """Without a campaign the board is empty, not broken."""
    desk.refresh()
    assert (desk.board.campaigns, desk.board.chosen, desk.board.trouble) == ([], {}, "")


def test_progress_and_funnel(played: Played, desk: CampaignDesk) -> None:
    """Contacts by state, attempts by how far they came, and money spent of the budget."""
    played.campaign("clinic", "spring", "Spring", contacts=10)
    played.attempts("clinic", "spring", [COMPLETED, BUSY, FAILED, VOICEMAIL])
    desk.refresh()
    seen = desk.board.chosen

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


def test_breaker(played: Played, desk: CampaignDesk) -> None:
    """Each side of the breaker tells the share of recent calls, its limit, and from how many it judges."""
    played.campaign("clinic", "spring", "Spring", contacts=40)
    played.attempts("clinic", "spring", [FAILED, COMPLETED] * 15)
    desk.refresh()
    line, numbers = desk.board.chosen["fuses"]

    assert (line["limit"], line["min_calls"], numbers["share"]) == (0.3, 20, 0.0)
    assert line["share"] == pytest.approx(0.5, abs=0.1)
    assert 8 <= line["calls"] <= 12


def test_what_holds_due_calls(played: Played, desk: CampaignDesk) -> None:
    """A campaign that runs and is not called says why: nobody plans, or what the one who plans tells."""
    played.campaign("clinic", "spring", "Spring", contacts=4)
    desk.refresh()
    assert desk.board.chosen["held"] == "no control process is alive: run opendeep up"
    workers.beat_control(played.database, "control-1", host="here", now=utc_now())
    why = "the trunk has as many calls as it may"
    for bound_by, held, said in (
        ("", {"clinic/spring": why, "garage/tyres": "the rate"}, why),
        ("no media worker is alive", {}, "no media worker is alive"),
        ("", {}, ""),
    ):
        workers.tell_held(played.database, "control-1", held=held, bound_by=bound_by)
        desk.refresh()
        assert desk.board.chosen["held"] == said


def test_tripped_campaign_says_why(played: Played, desk: CampaignDesk) -> None:
    """What the breaker paused is marked, with its reason."""
    played.campaign("clinic", "spring", "Spring")
    why = "8 of 24 calls failed through us"
    step = lifecycle.move(TaskState.RUNNING, TaskFact.TRIPPED, reason=why, at=utc_now(), by="control")
    campaigns.move(played.database, "clinic", "spring", step)
    desk.refresh()

    assert desk.board.chosen["is_tripped"] is True
    assert desk.board.chosen["why"] == f"paused: {why}, by control"


def test_moves(played: Played, desk: CampaignDesk) -> None:
    """Only what leads somewhere else is offered; a move is kept with reason and name."""
    played.campaign("clinic", "spring", "Spring", state="ready")
    desk.refresh()
    assert desk.board.chosen["moves"] == ["start", "stop"]
    assert told(desk, "start", on="spring", text="it is nine", by="Ann") == "The campaign is running now."
    assert desk.board.chosen["moves"] == ["pause", "stop"]
    told(desk, "pause", on="spring", by="Ann")
    assert desk.board.chosen["moves"] == ["resume", "stop"]
    history = campaigns.moves_of(played.database, "clinic", "spring")

    assert [(one.after, one.reason, one.by) for one in history[1:]] == [
        ("running", "it is nine", "Ann"),
        ("paused", "on the dashboard", "Ann"),
    ]


@pytest.mark.parametrize(
    ("what", "by", "said"),
    [("resume", "Ann", "cannot be resumed"), ("pause", "", "write your name"), ("delete", "Ann", "no such action")],
)
def test_impossible_moves_are_said(played: Played, desk: CampaignDesk, what: str, by: str, said: str) -> None:
    """Nothing moves, and the manager reads why."""
    played.campaign("clinic", "spring", "Spring")

    assert said in told(desk, what, on="spring", by=by)
    assert len(campaigns.moves_of(played.database, "clinic", "spring")) == 2


def test_other_tenants_campaign(played: Played, desk: CampaignDesk) -> None:
    """Another tenant's campaign is neither shown nor moved."""
    played.campaign("garage", "tyres", "Tyres", contacts=3)
    told(desk, "choose", on="tyres")
    assert (desk.board.campaigns, desk.board.chosen) == ([], {})

    assert "no campaign" in told(desk, "stop", on="tyres", by="Ann")
    found = campaigns.campaign(played.database, "garage", "tyres")
    assert found is not None
    assert found.state == "running"

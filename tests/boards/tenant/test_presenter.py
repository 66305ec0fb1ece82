"""The tenant presenter over a real record: limits, money, do-not-call, schedules and runs."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from opendeep_kit.boards.presenter import epoch_ms
from opendeep_kit.boards.tenant.presenter import TenantPresenter
from opendeep_kit.campaigns.specs import parse_limits
from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import campaigns, dnc, enrolments, runs
from opendeep_kit.record.dnc import EVERYONE, DncEntry
from tests.dashboards.played import Played, utc_now
from tests.widgets.overheard import act, browser_says, overheard


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    """A record with a clinic and a garage."""
    made = Played(tmp_path)
    made.tenant("clinic", "Riverside Dental")
    made.tenant("garage", "Garage Nord")
    yield made
    made.close()


@pytest.fixture
def presenter(played: Played, tmp_path: Path) -> TenantPresenter:
    """The clinic's own presenter."""
    return TenantPresenter(played.record("clinic"))


def told(presenter: TenantPresenter, what: str, **fields: str) -> str:
    """What the browser is told of an action."""
    sent = overheard(presenter.board)
    browser_says(presenter.board, act(what, **fields))
    words: str = sent[-1]["words"]
    return words


def forbid(played: Played, tenant_id: str, entry: str) -> None:
    """An entry of a list."""
    kept = DncEntry(entry=entry, reason="asked", source="letter", added_by="Ann", added_at=utc_now())
    dnc.add(played.database, tenant_id, [kept])


def test_limits_and_money(played: Played, presenter: TenantPresenter) -> None:
    """Limits are said in words; money is told over all campaigns, with its share of the budget."""
    limits = {"flow": {"max_live": 20, "calls_per_s": 0.5}, "budget": {"minor": 100, "currency": "USD"}}
    campaigns.save_limits(played.database, parse_limits("clinic", limits))
    played.campaign("clinic", "spring", "Spring")
    played.attempts("clinic", "spring", [(PhoneResult.ANSWERED, Disposition.COMPLETED)] * 3)
    presenter.refresh()
    said = {one["name"]: one["value"] for one in presenter.board.view["limits"]}

    assert (said["Calls at a time"], said["Calls placed"]) == ("20", "30 a minute")
    assert said["One number"] == "3 a day, 3 in 24 hours, 8 ever"
    (money,) = presenter.board.view["budgets"]
    assert (money["used"], money["budget"], money["share"]) == ("0.60 USD", "1.00 USD", 0.6)


def test_dnc_add_and_remove(played: Played, presenter: TenantPresenter) -> None:
    """An entry is added with its reason however it is written, and removed with one; both keep the name."""
    assert (
        told(presenter, "add", on="+1 (212) 555-0177", text="a letter", by="Ann")
        == "+12125550177 is not called any more."
    )
    assert told(presenter, "add", on="+12125550177", text="again", by="Bo") == "+12125550177 was on the list already."
    assert [(one["entry"], one["reason"], one["by"]) for one in presenter.board.view["entries"]] == [
        ("+12125550177", "a letter", "Ann")
    ]
    told(presenter, "remove", on="+12125550177", text="a mistake", by="Bo")
    assert presenter.board.view["entries"] == []
    (gone,) = dnc.removals_of(played.database, "clinic", "+12125550177")
    assert (gone.reason, gone.removed_by) == ("a mistake", "Bo")


def test_dnc_add_cancels_what_waits(played: Played, presenter: TenantPresenter) -> None:
    """Calls that wait for the number are cancelled in the tenant's campaigns, as by `opendeep dnc add`."""
    for campaign_id in ("spring", "autumn"):
        played.campaign("clinic", campaign_id, campaign_id)
    (who, *_) = enrolments.due(played.database, "clinic", "spring", now=utc_now(), limit=1)

    said = told(presenter, "add", on=who.number, text="a letter", by="Ann")
    assert said == f"{who.number} is not called any more; waiting calls cancelled: 2."
    found = enrolments.enrolment(played.database, "clinic", "spring", who.number)
    assert found is not None
    assert (found.state, found.final_reason) == ("final", "a letter")


@pytest.mark.parametrize(
    ("what", "on", "text", "by", "said"),
    [
        ("add", "+12125550177", "", "Ann", "write a reason"),
        ("add", "555", "a letter", "Ann", "neither a number nor a prefix"),
        ("add", "+12125550177", "a letter", "", "write your name"),
        ("remove", "+12125550188", "", "Ann", "why the number may be called again"),
        ("remove", "+12125550199", "a mistake", "Ann", "not on your list"),
        ("empty", "", "", "Ann", "does not have that action"),
    ],
)
def test_impossible_changes_are_said(
    played: Played, presenter: TenantPresenter, what: str, on: str, text: str, by: str, said: str
) -> None:
    """Nothing changes, and the person reads why; another tenant's entries cannot be touched."""
    forbid(played, "clinic", "+12125550188")
    forbid(played, "garage", "+12125550199")

    assert said in told(presenter, what, on=on, text=text, by=by)
    assert len(dnc.entries_of(played.database, "clinic")) == 1
    assert len(dnc.entries_of(played.database, "garage")) == 1


def test_search(played: Played, presenter: TenantPresenter) -> None:
    """A number is looked up in both lists; of the installation's only the answer is told."""
    forbid(played, EVERYONE, "+1900*")
    forbid(played, "clinic", "+19005550100")
    forbid(played, "garage", "+12125550199")
    told(presenter, "search", on="+1 900 555-0100")
    view = presenter.board.view
    assert (
        view["answer"]
        == "+19005550100: your list forbids it (+19005550100) and the installation’s list forbids it (+1900*)"
    )
    assert (view["is_listed"], [one["entry"] for one in view["entries"]]) == (True, ["+19005550100"])

    told(presenter, "search", on="+12125550199")
    view = presenter.board.view
    assert (view["answer"], view["is_listed"]) == ("+12125550199: on no do-not-call list", False)
    told(presenter, "search", on="")
    assert (presenter.board.view["answer"], len(presenter.board.view["entries"])) == ("", 1)


def test_schedules_and_runs(played: Played, presenter: TenantPresenter, tmp_path: Path) -> None:
    """What runs by itself, and what ran: by whom, how long, what went wrong, and where its report lies."""
    page = tmp_path / "reports" / "clinic" / "r1.html"
    page.parent.mkdir(parents=True)
    page.touch()
    now = utc_now()
    schedule = runs.Schedule(
        tenant_id="clinic", schedule_id="mornings", cron="0 8 * * *", time_zone="Europe/Berlin", notebook="a.ipynb"
    )
    runs.save_schedule(played.database, schedule, now=now)
    run = runs.NewRun(
        run_id="r1", tenant_id="clinic", notebook="a.ipynb", output_html="clinic/r1.html", schedule_id="mornings"
    )
    runs.start(played.database, run, now=now - timedelta(seconds=90))
    runs.finish(played.database, "clinic", "r1", runs.RunState.FAILED, error="no such column", now=now)
    runs.start(played.database, runs.NewRun(run_id="r2", tenant_id="garage", notebook="b.ipynb"), now=now)
    presenter.refresh()

    assert [(one["name"], one["when"], one["next_ms"]) for one in presenter.board.view["schedules"]] == [
        ("mornings", "0 8 * * * Europe/Berlin", None)
    ]
    (ran,) = presenter.board.view["runs"]
    assert ran.pop("started_ms") == epoch_ms(now - timedelta(seconds=90))
    said = {"notebook": "a.ipynb", "state": "failed", "seconds": 90.0, "note": "no such column", "page": str(page)}
    assert ran == said

"""A notebook's campaign is made once, goes on where it was, and changes no rule."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.campaigns.lifecycle import TaskFact
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.campaigns.specs import spec_of
from opendeep_kit.engine import campaign_change, campaign_service
from opendeep_kit.engine.campaign_moves import move
from opendeep_kit.errors import BadInput
from opendeep_kit.lab.campaign_opening import Wanted, open_campaign
from opendeep_kit.record import campaigns, consents, directory, enrolling, enrolments
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.tasks.script import parse_script
from opendeep_kit.tenants import DEFAULT_TENANT
from tests.service_rig import AGREES, BUSY, SCRIPT, now

REAL = "+442071838750"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An open record."""
    opened = open_database(f"sqlite:///{tmp_path / 'opendeep.db'}")
    directory.ensure_default_tenant(opened, now=now())
    yield opened
    opened.close()


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    """A campaign of two made-up numbers."""
    write(tmp_path, AGREES, BUSY)
    return Wanted(
        campaign_id="one", tenant_id=DEFAULT_TENANT, contacts=tmp_path / "list.csv", script=parse_script(SCRIPT)
    )


def write(folder: Path, *numbers: str) -> None:
    """The list of contacts."""
    (folder / "list.csv").write_text("number,name\n" + "".join(f"{number},Maria\n" for number in numbers))


def kept(database: Database) -> Campaign:
    """The campaign's row."""
    return campaign_service.existing(database, DEFAULT_TENANT, "one")


def opens(database: Database) -> list[str]:
    """Monday's windows."""
    return [str(window) for window in kept(database).windows.days[0]]


def test_everybody_once_by_the_rules(database: Database, wanted: Wanted) -> None:
    """It runs in the daytime only, whoever is in it, and nobody is said to have agreed: call by call the rules judge."""
    came = open_campaign(database, wanted, now=now())

    assert came is not None
    assert (came.added, kept(database).state, opens(database)) == (2, "running", ["09:00–20:00"])
    assert kept(database).retries.rules == {}
    assert consents.consents_of(database, DEFAULT_TENANT, AGREES) == []
    assert not set(spec_of(kept(database))) & {"windows", "holidays"}


def test_run_again_it_goes_on(database: Database, wanted: Wanted, tmp_path: Path) -> None:
    """The same id is the same campaign: who is in it is merged, who is new is added, what is said now holds."""
    open_campaign(database, wanted, now=now())
    write(tmp_path, AGREES, BUSY, "+13125550101")
    came = open_campaign(database, replace(wanted, parallel=5, once=False), now=now())

    assert came is not None
    assert (came.added, came.merged) == (1, 2)
    assert kept(database).flow.max_live == 5
    assert len(kept(database).retries.rules) == 9
    assert [row.campaign_id for row in campaigns.campaigns_of(database, DEFAULT_TENANT)] == ["one"]


def test_what_a_person_set_stays(database: Database, wanted: Wanted, tmp_path: Path) -> None:
    """A budget that the notebook does not say is kept when it runs again, what it says is set, with its history."""
    open_campaign(database, wanted, now=now())
    budget = {"budget": {"minor": 500, "currency": "EUR"}, "call_cost": {"minor": 10, "currency": "EUR"}}
    wanted_now = campaign_change.CampaignChange(spec={**budget, "windows": {"daily": "08:00-22:00"}})
    campaign_change.change(database, DEFAULT_TENANT, "one", wanted_now, by="Ana", now=now())
    write(tmp_path, REAL)
    for _ in range(2):
        open_campaign(database, replace(wanted, parallel=5), now=now())

    assert {part: spec_of(kept(database)).get(part) for part in budget} == budget
    assert (opens(database), kept(database).flow.max_live) == (["09:00–20:00"], 5)
    moves = campaigns.moves_of(database, DEFAULT_TENANT, "one")
    assert [move.by for move in moves if move.fact == TaskFact.CHANGED] == ["Ana", "notebook"]


def test_a_table(database: Database, wanted: Wanted) -> None:
    """A DataFrame is a list of contacts like a file."""
    table = pd.DataFrame({"number": [AGREES, BUSY, "none"], "name": "Maria"})
    came = open_campaign(database, replace(wanted, contacts=table), now=now())

    assert came is not None
    assert (came.added, came.report.refused) == (2, 1)
    assert campaigns.moves_of(database, DEFAULT_TENANT, "one")[1].reason == "2 contacts of a table"
    with pytest.raises(BadInput, match="the DataFrame contains nobody who can be called: add some rows"):
        open_campaign(database, replace(wanted, contacts=table[:0]), now=now())


def test_what_broke_off_is_made_good(database: Database, wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the contacts and the start, the campaign is started by the next run."""
    with monkeypatch.context() as patched:
        patched.setattr(campaign_service, "move", _die)
        with pytest.raises(KeyboardInterrupt):
            open_campaign(database, wanted, now=now())
    assert (kept(database).state, campaign_service.status(database, DEFAULT_TENANT, "one")[1].waiting) == ("draft", 2)
    came = open_campaign(database, wanted, now=now())

    assert came is not None
    assert (came.added, came.merged, kept(database).state) == (0, 2, "running")


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("fact", "state"), [(TaskFact.PAUSED, "paused"), (TaskFact.STOPPED, "stopped")])
def test_what_a_person_ended_is_not_begun_again(database: Database, wanted: Wanted, fact: TaskFact, state: str) -> None:
    """A campaign that was paused or stopped stays so, and nobody is added."""
    open_campaign(database, wanted, now=now())
    move(database, DEFAULT_TENANT, "one", fact, reason="enough", by="a person", now=now())

    assert open_campaign(database, wanted, now=now()) is None
    assert kept(database).state == state


def test_only_so_many(database: Database, wanted: Wanted) -> None:
    """A limit takes the first of the list."""
    came = open_campaign(database, replace(wanted, limit=1), now=now())

    assert came is not None
    assert came.added == 1


def test_what_is_wrong_is_told_before_anything_is_written(database: Database, wanted: Wanted, tmp_path: Path) -> None:
    """An impossible rule, an empty list or an unknown tenant leaves no campaign."""
    for bad in (replace(wanted, rules={"windows": {"mon": "25:00-26:00"}}), replace(wanted, tenant_id="nobody")):
        with pytest.raises(BadInput):
            open_campaign(database, bad, now=now())
    write(tmp_path, "none")
    with pytest.raises(BadInput, match="contains nobody who can be called: line 2: "):
        open_campaign(database, wanted, now=now())

    assert campaigns.campaigns_of(database, DEFAULT_TENANT) == []


def test_another_script_wants_another_campaign(database: Database, wanted: Wanted) -> None:
    """Half a list called with one wording and half with another would be nobody's result."""
    open_campaign(database, wanted, now=now())

    with pytest.raises(BadInput, match="calls with another wording of its script: give a new campaign id"):
        open_campaign(database, replace(wanted, script=parse_script(SCRIPT.replace("Goodbye", "Bye"))), now=now())


def test_an_interrupted_import_of_an_exhausted_campaign(database: Database, wanted: Wanted, tmp_path: Path) -> None:
    """Contacts that came without a word into a campaign that had run out set it going again."""
    open_campaign(database, wanted, now=now())
    for number in (AGREES, BUSY):
        enrolments.cancel_number(database, DEFAULT_TENANT, number, reason="done", now=now())
    move(database, DEFAULT_TENANT, "one", TaskFact.RAN_OUT, reason="done", by="control", now=now())
    late = Contact(contact_id="late", number="+13125550101")
    enrolling.enrol(database, DEFAULT_TENANT, "one", [late], now=now())
    open_campaign(database, wanted, now=now())

    assert kept(database).state == "running"

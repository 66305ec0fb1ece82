"""The commands of consents, and what the want of one does to a campaign."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opendeep_kit.campaigns.lifecycle import TaskFact
from opendeep_kit.campaigns.rules import NO_CONSENT
from opendeep_kit.cli import app
from opendeep_kit.config import load_settings
from opendeep_kit.engine.campaign_moves import move
from opendeep_kit.record import enrolments
from opendeep_kit.record.database import open_database
from opendeep_kit.tenants import DEFAULT_TENANT
from tests.commands.test_campaign import project, said, wrong
from tests.service_rig import AGREES, now

__all__ = ["project"]
PAUL = "+13125550101"


def refused_for_want_of_it(*, is_exhausted: bool = False) -> None:
    """The campaign asked for both, and nobody had agreed."""
    said("campaign", "create", "one", "--script", "short.md", "--spec", "spec.json")
    said("campaign", "import", "one", "contacts.csv")
    said("campaign", "start", "one")
    database = open_database(load_settings().store_url)
    for number, reason in ((AGREES, NO_CONSENT), (PAUL, "forbidden")):
        enrolments.cancel_number(database, DEFAULT_TENANT, number, reason=reason, now=now())
    if is_exhausted:
        move(database, DEFAULT_TENANT, "one", TaskFact.RAN_OUT, reason="done", by="control", now=now())
    database.close()


def states() -> dict[str, str]:
    """Of the campaign's contacts."""
    return {row["number"]: row["state"] for row in said("campaign", "outcomes", "one")}


def test_the_want_of_it_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the import and at the start, in words, as long as the tenant requires what nobody gave."""
    monkeypatch.setenv("OPENDEEP_ASTERISK__TRUNK_HOST", "sip.example.com")
    said("campaign", "create", "one", "--script", "short.md", "--spec", "spec.json")
    imported = said("campaign", "import", "one", "contacts.csv")["warning"]
    started = CliRunner().invoke(app, ["campaign", "start", "one"]).output

    assert imported.startswith("2 of 2 waiting contacts have no consent on file, which the tenant default requires")
    assert f"! {imported}" in started
    said("consent", "add", AGREES, "--reference", "form 7")
    assert said("campaign", "import", "one", "contacts.csv")["warning"].startswith("1 of 2 waiting")
    assert said("campaign", "import", "one", "contacts.csv", "--consent", "form 7")["warning"] is None
    said("consent", "withdraw", AGREES)
    said("tenant", "set", "default", "--no-consent")
    assert said("campaign", "import", "one", "contacts.csv")["warning"] is None


def test_an_import_with_it_brings_them_back(project: Path) -> None:
    """Those that ended for want of it wait again, and the campaign goes on; others stay where they are."""
    refused_for_want_of_it(is_exhausted=True)
    came = said("campaign", "import", "one", "contacts.csv", "--consent", "form 7")

    assert (came["added"], came["merged"], came["brought_back"]) == (0, 2, 1)
    assert states() == {AGREES: "waiting", PAUL: "final"}
    assert said("campaign", "status", "one")["state"] == "ready"


@pytest.mark.parametrize(("is_exhausted", "state"), [(True, "ready"), (False, "running")])
def test_one_person_agrees(project: Path, is_exhausted: bool, state: str) -> None:
    """Their consent brings them back wherever the want of it had ended them, and nobody else."""
    refused_for_want_of_it(is_exhausted=is_exhausted)

    assert said("consent", "add", "(312) 555-0101", "--reference", "form 8")["brought_back"] == {}
    assert said("consent", "add", AGREES, "--reference", "form 7")["brought_back"] == {"one": 1}
    assert states() == {AGREES: "waiting", PAUL: "final"}
    assert said("campaign", "status", "one")["state"] == state


@pytest.mark.parametrize(("is_exhausted", "state"), [(True, "ready: start it"), (False, "running")])
def test_a_later_consent_brings_back_for_its_beginning(project: Path, is_exhausted: bool, state: str) -> None:
    """They wait from then on; what is told promises no more than the campaign's state allows."""
    refused_for_want_of_it(is_exhausted=is_exhausted)
    begins = "2099-01-01T09:00+00:00"
    told = CliRunner().invoke(app, ["consent", "add", AGREES, "--reference", "form 7", "--given", begins]).output

    assert told == f"recorded; waiting again in: one ({state})\n"
    database = open_database(load_settings().store_url)
    waiting = enrolments.enrolment(database, DEFAULT_TENANT, "one", AGREES)
    database.close()
    assert waiting is not None
    assert (waiting.state, waiting.next_at) == ("waiting", datetime.fromisoformat(begins))


def test_a_withdrawn_one_does_not_come_back_with_its_list(project: Path) -> None:
    """The list that was imported with it says nothing new."""
    said("consent", "add", AGREES, "--reference", "form 7")
    said("consent", "withdraw", AGREES)
    refused_for_want_of_it()
    came = said("campaign", "import", "one", "contacts.csv", "--consent", "form 7")

    assert (came["brought_back"], states()[AGREES]) == (0, "final")


def test_list(project: Path) -> None:
    """By number, with where and how long; a page at a time."""
    said("consent", "add", AGREES, "--reference", "form 7")
    said("consent", "add", AGREES, "--reference", "form 9", "--expires", "2099-01-01T00:00+00:00")
    said("consent", "add", PAUL, "--reference", "form 8")
    assert said("consent", "withdraw", PAUL) == {"number": PAUL, "withdrawn": 1}

    rows = said("consent", "list")
    assert [(row["number"], row["reference"], row["is_in_force"]) for row in rows] == [
        *((AGREES, "form 9", True), (AGREES, "form 7", True), (PAUL, "form 8", False)),
    ]
    assert [row["reference"] for row in said("consent", "list", "--limit", "1")] == ["form 9", "form 7"]
    assert [row["reference"] for row in said("consent", "list", "--after", AGREES)] == ["form 8"]
    assert [row["reference"] for row in said("consent", "list", "--number", PAUL)] == ["form 8"]
    assert json.loads(CliRunner().invoke(app, ["consent", "list", "--tenant", "default", "--json"]).output) == rows


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["add", "nonsense", "--reference", "a"], "opendeep: 'nonsense' contains letters"),
        (["add", AGREES, "--reference", " "], "opendeep: a consent does not say where it is on file"),
        (
            ["add", AGREES, "--reference", "a", "--expires", "2001-01-01T00:00+00:00"],
            "opendeep: the consent ends before",
        ),
        (["add", AGREES, "--reference", "a", "--tenant", "no"], "opendeep: there is no tenant 'no'"),
        (["withdraw", AGREES], "opendeep: this number has no valid consent: run `opendeep consent list`"),
    ],
)
def test_what_is_wrong_is_told(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    """One sentence, exit code 2."""
    code, told = wrong(capsys, monkeypatch, "consent", *words)

    assert (code, told.startswith(sentence)) == (2, True)

"""The commands of campaigns, tenants, do-not-call lists and the service, as a person or a machine types them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from opendeep_kit.campaigns.lifecycle import TaskFact
from opendeep_kit.cli import app, main
from opendeep_kit.commands import call as call_command
from opendeep_kit.config import load_settings
from opendeep_kit.engine.campaign_moves import move
from opendeep_kit.errors import BadInput
from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import call_commands, calls, campaigns, directory, enrolments, workers
from opendeep_kit.record.attempts import AttemptResult, finish_attempt
from opendeep_kit.record.database import open_database
from opendeep_kit.record.enrolments import NextStep
from opendeep_kit.tasks.prompt import render
from opendeep_kit.tasks.script import parse_script
from opendeep_kit.tasks.spec import TaskSpec
from opendeep_kit.tenants import DEFAULT_TENANT
from tests.record.campaigning import claimed
from tests.service_rig import AGREES, SCRIPT, now

CONTACTS = (
    f"number,name,time_zone\n{AGREES},Maria,\n+13125550101,Paul,America/Chicago\nnone,Eve,\n+14155550101,X,Moon/Base\n"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a script, contacts and rules."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENDEEP_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "short.md").write_text(SCRIPT)
    (tmp_path / "contacts.csv").write_text(CONTACTS)
    (tmp_path / "spec.json").write_text('{"windows": {"daily": "00:00-24:00"}, "holidays": "calls"}')
    return tmp_path


def said(*words: str) -> Any:
    """What the command prints as JSON."""
    done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def wrong(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    """Exit code and sentence of a command that is refused."""
    monkeypatch.setattr("sys.argv", ["opendeep", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(str(ended.value.code)), capsys.readouterr().err.strip()


def test_from_creation_to_stop(project: Path) -> None:
    """A campaign is created, filled, started, paused, resumed and stopped, and tells how it came there."""
    assert said("campaign", "create", "one", "--script", "short.md", "--spec", "spec.json")["state"] == "draft"
    imported = said("campaign", "import", "one", "contacts.csv", "--consent", "form 7")
    assert (imported["rows"], imported["added"], imported["refused"]) == (4, 2, 2)
    assert [row["line"] for row in imported["refusals"]] == [4, 5]
    for word, state in (("start", "running"), ("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        assert said("campaign", word, "one")["state"] == state

    shown = said("campaign", "status", "one")
    assert [step["after"] for step in shown["moves"]] == [
        *("draft", "draft", "ready", "running", "paused", "running", "stopped"),
    ]
    assert [row["number"] for row in said("campaign", "outcomes", "one")] == [AGREES, "+13125550101"]
    assert [row["campaign"] for row in said("campaign", "list")] == ["one"]


def test_a_campaigns_task_is_kept(project: Path) -> None:
    """What is asked, by the script's name, so that calls can be counted by it."""
    said("campaign", "create", "one", "--script", "short.md", "--spec", "spec.json")
    database = open_database(f"sqlite:///{project / 'data' / 'opendeep.db'}")
    row = campaigns.campaign(database, "default", "one")
    task = directory.task(database, "default", str(row and row.task_id))
    database.close()

    assert task is not None
    assert (task.task_id, TaskSpec.model_validate(task.spec)) == (row.script_name, parse_script(SCRIPT).task)


def test_changed_reopened_and_archived(project: Path) -> None:
    """Rules are set while it runs, a paused one is reopened and started again, a stopped one is archived."""
    said("campaign", "create", "one", "--script", "short.md", "--spec", "spec.json")
    said("campaign", "import", "one", "contacts.csv")
    said("campaign", "start", "one")
    (project / "more.json").write_text('{"flow": {"max_live": 3}}')
    ends = "2031-12-01T09:00:00+01:00"
    words = ("--rules", "more.json", "--goal", "7", "--ends", ends, "--reason", "the client asked")
    row = said("campaign", "set", "one", *words)

    assert row["state"] == "running"
    assert (row["spec"]["flow"], row["spec"]["goal"], row["ends_at"][:10]) == (
        {"max_live": 3},
        {"target": 7},
        ends[:10],
    )
    assert said("campaign", "status", "one")["moves"][-1]["reason"] == "the client asked"
    for word, state in (
        *(("pause", "paused"), ("reopen", "draft"), ("start", "running"), ("stop", "stopped")),
        ("archive", "archived"),
    ):
        assert said("campaign", word, "one")["state"] == state


def test_why(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer names the first rule that says no, and every other, by the line that there is."""
    said("campaign", "create", "one", "--script", "short.md", "--spec", "spec.json")
    imported = said("campaign", "import", "one", "contacts.csv")
    played = said("why", AGREES, "--campaign", "one")["lines"]
    monkeypatch.setenv("OPENDEEP_ASTERISK__TRUNK_HOST", "sip.example.com")
    again = said("campaign", "import", "one", "contacts.csv")
    found = said("why", AGREES, "--campaign", "one")["lines"]

    assert "May not be called" in found[0]
    assert "  NO   consent: no consent is on file, and the tenant requires one" in found
    assert found[-1].startswith("In the campaign it is waiting")
    assert "  yes  consent: the tenant requires no consent on file" in played
    assert imported["warning"] is None
    assert again["warning"].startswith("2 of 2 waiting contacts have no consent on file")


def test_tenants(project: Path) -> None:
    """A tenant is added and limited; what is not said stays."""
    said("tenant", "add", "clinic", "--name", "The Clinic", "--time-zone", "Europe/Paris")
    said("tenant", "set", "clinic", "--max-live", "3", "--no-consent")
    found = said("tenant", "set", "clinic", "--calls-per-s", "0.5")

    assert found["limits"] == {"needs_consent": False, "flow": {"max_live": 3, "calls_per_s": 0.5}}
    assert [row["tenant"] for row in said("tenant", "list")] == ["clinic", "default"]
    assert said("tenant", "show", "clinic")["name"] == "The Clinic"


def test_a_tenant_that_is_changed_keeps_the_rest(project: Path) -> None:
    """Adding one that is there changes what is said, and nothing else."""
    said("tenant", "add", "clinic", "--name", "The Clinic", "--time-zone", "Europe/Paris", "--region", "fr")
    said("tenant", "add", "clinic", "--name", "The New Clinic")
    found = said("tenant", "add", "clinic")

    assert (found["name"], found["time_zone"], found["region"]) == ("The New Clinic", "Europe/Paris", "FR")


def test_a_campaign_that_is_over_takes_nobody(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import into a stopped campaign is refused before anybody is enrolled."""
    said("campaign", "create", "one", "--script", "short.md")
    said("campaign", "import", "one", "contacts.csv", "--consent", "form 7")
    said("campaign", "stop", "one")
    (project / "more.csv").write_text("number,name\n+12125550109,Zoe\n")

    assert (
        "a campaign that is stopped takes no contacts"
        in wrong(capsys, monkeypatch, "campaign", "import", "one", "more.csv")[1]
    )
    assert len(said("campaign", "outcomes", "one")) == 2


def test_who_lacked_a_fact_comes_back_with_it(project: Path) -> None:
    """The list that is imported again says what the script says of them: they wait, and the campaign can be started."""
    said("campaign", "create", "one", "--script", "short.md", "--spec", "spec.json")
    said("campaign", "import", "one", "contacts.csv")
    said("campaign", "start", "one")
    with pytest.raises(BadInput) as lacking:
        render(parse_script(SCRIPT), {})
    database = open_database(load_settings().store_url)
    for number, reason in ((AGREES, lacking.value.what), ("+13125550101", "completed")):
        enrolments.cancel_number(database, DEFAULT_TENANT, number, reason=reason, now=now())
    move(database, DEFAULT_TENANT, "one", TaskFact.RAN_OUT, reason="done", by="control", now=now())
    database.close()

    came = said("campaign", "import", "one", "contacts.csv")
    assert (came["added"], came["merged"], came["brought_back"]) == (0, 2, 1)
    assert said("campaign", "status", "one")["state"] == "ready"


def test_every_refused_row_is_in_the_file(project: Path) -> None:
    """Also when they are few, and a zone's fault like any other."""
    said("campaign", "create", "one", "--script", "short.md")
    told = said("campaign", "import", "one", "contacts.csv", "--refused", "refused.csv")["refusals"]

    lines = (project / "refused.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == [str(row["line"]) for row in told] == ["4", "5"]


def test_outcomes_know_each_last_call(project: Path) -> None:
    """However many attempts there were, each contact's last is theirs; that a list is cut is told."""
    said("tenant", "set", "default", "--no-consent")
    said("campaign", "create", "one", "--script", "short.md", "--spec", "spec.json")
    said("campaign", "import", "one", "contacts.csv")
    database = open_database(load_settings().store_url)
    ended = AttemptResult(phone_result=PhoneResult.BUSY, disposition=Disposition.NOT_REACHED)
    for who in enrolments.due(database, DEFAULT_TENANT, "one", now=now(), limit=9):
        made = claimed(database, who, tenant_id=DEFAULT_TENANT, at=now())
        finish_attempt(database, DEFAULT_TENANT, made.attempt_id, ended, NextStep(at=None, reason="x"), now=now())
    database.close()
    cut = CliRunner().invoke(app, ["campaign", "outcomes", "one", "--limit", "1", "--json"])

    assert [row["phone"] for row in json.loads(cut.stdout)] == ["busy"]
    assert cut.stderr == "the first 1 of 2 contacts; see more with --limit\n"


def test_dnc(project: Path) -> None:
    """A forbidden number is cancelled in the campaigns it waits in, and its removal needs a reason."""
    said("campaign", "create", "one", "--script", "short.md")
    said("campaign", "import", "one", "contacts.csv")
    (project / "list.txt").write_text("+1900*\n# a comment\n(212) 555-0102\n")

    assert said("dnc", "add", AGREES)["cancelled"] == 1
    assert said("dnc", "import", "list.txt") == {"added": 2}
    assert [row["entry"] for row in said("dnc", "list")] == ["+12125550101", "+12125550102", "+1900*"]
    assert said("dnc", "remove", AGREES, "--reason", "asked again")["removed"] is True


def test_status_of_a_service_that_is_down(project: Path) -> None:
    """It says that nothing is served, by its exit code too."""
    done = CliRunner().invoke(app, ["status", "--json"])

    assert done.exit_code == 1
    assert json.loads(done.output)["is_serving"] is False


def test_what_holds_a_campaign_is_shown(project: Path) -> None:
    """A campaign that runs and is not called says why, by itself and in the service's status."""
    said("campaign", "create", "one", "--script", "short.md", "--spec", "spec.json")
    said("campaign", "import", "one", "contacts.csv")
    assert said("campaign", "status", "one")["held_by"] == ""
    said("campaign", "start", "one")
    down = "no control process is alive: run opendeep up"
    assert said("campaign", "status", "one")["held_by"] == down
    assert f"held      {down}" in CliRunner().invoke(app, ["campaign", "status", "one"]).output

    database = open_database(load_settings().store_url)
    workers.beat_control(database, "control-1", host="here", now=datetime.now(UTC))
    workers.tell_held(database, "control-1", held={"default/one": "the rate"}, bound_by="")
    assert "0 done; held: the rate" in CliRunner().invoke(app, ["status"]).output
    workers.tell_held(database, "control-1", held={}, bound_by="no media worker is alive")
    shown = json.loads(CliRunner().invoke(app, ["status", "--json"]).output)
    database.close()

    assert (shown["bound_by"], shown["campaigns"][0]["held_by"]) == ("no media worker is alive",) * 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["campaign", "start", "none"], "opendeep: there is no campaign 'none': run `opendeep campaign list`."),
        (["campaign", "create", "x", "--script", "gone.md"], "opendeep: cannot read the script gone.md"),
        (
            ["campaign", "create", "x", "--script", "short.md", "--ends", "soon"],
            "opendeep: --ends 'soon' is not a time",
        ),
        (["campaign", "create", "x", "--script", "short.md", "--tenant", "no"], "opendeep: there is no tenant 'no'"),
        (["tenant", "set", "no", "--max-live", "-1"], "opendeep: there is no tenant 'no'"),
        (
            ["campaign", "create", "x", "--script", "short.md", "--trunk", "no"],
            "opendeep: there is no trunk 'no': name on",
        ),
        (["campaign", "set", "x", "--trunk", "no"], "opendeep: there is no trunk 'no': name one of service.trunks"),
        (["tenant", "add", "a", "--time-zone", "Moon/Base"], "opendeep: 'Moon/Base' is no time zone"),
        (["tenant", "add", "a", "--region", "XX"], "opendeep: 'XX' is not a region"),
        (["dnc", "import", "contacts.csv"], "opendeep: contacts.csv, line 1: "),
        (["why", "nonsense", "--campaign", "one"], "opendeep: 'nonsense' contains letters"),
        (["up", "--media-only"], "opendeep: several hosts cannot share a SQLite file"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    """Exit code 2, one sentence, what to do."""
    said("tenant", "add", "default")
    code, told = wrong(capsys, monkeypatch, *words)

    assert (code, told.startswith(sentence), told.count("\n")) == (2, True, 0)


def test_a_humans_number_is_read_in_the_tenants_region(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor in Berlin hands over to a number as it is written there."""
    said("tenant", "add", "praxis", "--region", "DE")
    database = open_database(f"sqlite:///{project / 'data' / 'opendeep.db'}")
    monkeypatch.setattr(call_command, "ANSWER_WITHIN_S", 0.0)
    call_id = str(uuid4())
    at = datetime.now(UTC)
    row = calls.ExpectedCall(
        call_id=call_id, tenant_id="praxis", number=AGREES, line="simulator", expected_until=at + timedelta(minutes=1)
    )
    calls.expect(database, row, now=at)
    assert calls.admit_at(database, call_id, "media-1", now=at)
    for word in ("transfer", "take-over"):
        CliRunner().invoke(app, ["call", word, call_id, "030 9018200", "--tenant", "praxis", "--json"])

    given = call_commands.commands_of(database, "praxis", call_id)
    assert [one.argument for one in given] == ["+49309018200"] * 2
    database.close()

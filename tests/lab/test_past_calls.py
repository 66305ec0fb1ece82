"""Reading what a data folder holds."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.lab.past_calls import PastCalls
from opendeep_kit.record import directory
from opendeep_kit.record.database import open_database, utc_now
from opendeep_kit.record.verdicts import Verdict
from opendeep_kit.tenants import DEFAULT_TENANT, Tenant
from tests import past as sample
from tests.record import recorded


@pytest.fixture
def ids(tmp_path: Path) -> list[str]:
    """The calls in the folder."""
    return sample.fill(tmp_path)


@pytest.fixture
def past(tmp_path: Path, ids: list[str]) -> Iterator[PastCalls]:
    """The folder, open."""
    with PastCalls.open(tmp_path) as opened:
        yield opened


def test_outcomes(past: PastCalls, ids: list[str]) -> None:
    """Every ended call is a row, the newest first; another campaign has none."""
    found = past.outcomes()

    assert found["call_id"].to_list() == ids[::-1]
    assert found["disposition"].to_list()[0] == "not_reached"
    assert len(past.outcomes(campaign="autumn")) == 0


def test_numbers_are_read_in_the_tenants_region(past: PastCalls, tmp_path: Path) -> None:
    """As the record says it now; US where it does not know the tenant."""
    database = open_database(f"sqlite:///{tmp_path / 'opendeep.db'}")
    mexico = Tenant(tenant_id=DEFAULT_TENANT, display_name="Clínica", default_region="MX")
    directory.save_tenant(database, mexico, now=utc_now())
    database.close()

    assert past.region == "MX"
    with PastCalls.open(tmp_path, tenant_id="nobody") as others:
        assert others.region == "US"


def test_costs_are_by_the_settings_prices(tmp_path: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens become money where the settings tell the model's price."""
    price = {"input_minor_per_million": 400, "output_minor_per_million": 1600}
    monkeypatch.setenv("OPENDEEP_PRICES", json.dumps({"gpt-realtime-2.1": price}))
    with PastCalls.open(tmp_path) as priced:
        assert priced.df("SELECT sum(voice_minor) AS money FROM spending")["money"].to_list() == [
            pytest.approx(15.1544)
        ]


def test_a_call_is_what_was_recorded(past: PastCalls, ids: list[str]) -> None:
    """A call read back has the very events that were written."""
    call = past.call(ids[recorded.COMPLETED])

    assert call.events == recorded.recorded()[recorded.COMPLETED]
    assert (call.callee, call.script_name, call.script_version) == ("agrees", "confirm", 1)
    assert call.summary.answers == {"attending": "yes", "pain": "4", "arrival": "bus"}


def test_a_call_shows_itself_without_its_recording(past: PastCalls, ids: list[str]) -> None:
    """A recording that is gone leaves outcome, waits and words."""
    shown = past.call(ids[recorded.INTERRUPTED])._repr_html_()

    assert "interrupts, confirm v1" in shown
    assert "<svg" in shown
    assert "Am I speaking with" in shown


def test_a_call_that_is_not_there(past: PastCalls) -> None:
    """An unknown id is told."""
    with pytest.raises(BadInput, match="there is no ended call 'nobody': take an id from outcomes"):
        past.call("nobody")


def test_worth_hearing(past: PastCalls, ids: list[str]) -> None:
    """Calls that went wrong come first, with the reasons in words; the one that nobody answered is not among them."""
    found = past.worth_hearing().set_index("call_id")

    assert found.loc[ids[recorded.OPTED_OUT], "reasons"].startswith("asked never to be called again")
    assert "interrupted 2 times" in found.loc[ids[recorded.INTERRUPTED], "reasons"]
    assert ids[recorded.BUSY] not in found.index
    assert found["score"].is_monotonic_decreasing


def test_interesting(past: PastCalls, ids: list[str]) -> None:
    """A report shows as many calls as asked for, only talks, those worth hearing first."""
    assert set(past.interesting(2)) == {ids[recorded.INTERRUPTED], ids[recorded.OPTED_OUT]}
    assert past.interesting(2) == past.interesting(10)[:2]
    assert ids[recorded.BUSY] not in past.interesting(10)
    assert past.interesting(3, campaign="autumn") == []


def test_a_query_takes_values(past: PastCalls) -> None:
    """A value is a value, whatever marks it holds."""
    assert past.df("SELECT count(*) AS n FROM calls WHERE campaign = $label", label="it's ours")["n"].to_list() == [0]
    assert past.df("SELECT count(*) AS n FROM calls WHERE campaign = $label", label="spring")["n"].to_list() == [6]


def test_verdicts(past: PastCalls, ids: list[str]) -> None:
    """The last verdict on a call counts, whatever stands in its note."""
    assert past.verdicts().empty

    past.judge(ids[0], Verdict.POOR, 'too fast, "really"\nand loud', by="Ana")
    past.judge(ids[0], "good", "heard it again")
    past.judge(ids[1], Verdict.WRONG_OUTCOME)

    assert past.verdicts()[["call_id", "verdict", "note"]].to_numpy().tolist() == [
        [ids[0], "good", "heard it again"],
        [ids[1], "wrong_outcome", ""],
    ]


def test_a_verdict_of_another_kind(past: PastCalls, ids: list[str]) -> None:
    """Only the known verdicts are taken."""
    with pytest.raises(BadInput, match="there is no verdict 'nice': choose one of: good, poor, wrong_outcome"):
        past.judge(ids[0], "nice")


def test_a_call_is_found_by_the_beginning_of_its_id(past: PastCalls, ids: list[str]) -> None:
    """The eight characters that tables show are enough; fewer are not."""
    assert past.call(ids[0][:8]).call_id == ids[0]
    with pytest.raises(BadInput, match="no ended call"):
        past.call(ids[0][:7])


def test_review_writes_down_what_is_chosen(past: PastCalls, ids: list[str]) -> None:
    """A click on a verdict is in the record at once, and seen when the call is reviewed again."""
    past.review(ids[2], by="Ana").judge("poor", "cut her off")

    told = past.df("SELECT call_id, verdict, note, judged_by, disposition, is_last FROM verdicts").to_numpy().tolist()
    assert told == [[ids[2], "poor", "cut her off", "Ana", past.call(ids[2]).summary.disposition, True]]
    again = past.review(ids[2])
    assert (again._choices.value, again._note.value) == ("poor", "cut her off")


def test_the_table_tells_no_number(past: PastCalls) -> None:
    """A report calls callees by persona or last digits."""
    shown = past.table().data

    assert "interrupts" in shown
    assert "…0120" in shown
    assert "+1212" not in shown


def test_an_empty_folder(tmp_path: Path) -> None:
    """A folder without calls is no error."""
    with PastCalls.open(tmp_path / "new") as past:
        assert len(past.outcomes()) == 0
        assert past.worth_hearing().empty
        assert past.interesting() == []
        assert "No calls yet" in past.table().data

"""The warehouse's views: each says what it is, and counts what `insight` counts."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from opendeep_kit import events
from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.errors import BadInput
from opendeep_kit.events import NOT_UNDERSTOOD
from opendeep_kit.insight import latency, transcript
from opendeep_kit.insight.analysis import summarise
from opendeep_kit.record import campaigns, counters, directory, verdicts
from opendeep_kit.record.database import Database
from opendeep_kit.record.directory import Task
from opendeep_kit.record.verdicts import CallVerdict, Verdict
from opendeep_kit.settings import Price
from opendeep_kit.warehouse.catalogue import View, documented_views, read_view
from opendeep_kit.warehouse.connection import Warehouse, open_warehouse
from opendeep_kit.warehouse.folding import FACTS
from tests.record.conftest import NOON
from tests.record.recorded import (
    BUSY,
    COMPLETED,
    QUESTIONS,
    expect,
    hung_up_after,
    permit,
    place,
    recorded,
    renamed,
    write,
)

PRICES = {"gpt-realtime-2.1": Price(input_minor_per_million=400, output_minor_per_million=1600)}
HOUR = timedelta(hours=1)


def again(which: int) -> list[Any]:
    """A recorded call that happens once more."""
    return renamed(recorded()[which], str(uuid.uuid4()))


@pytest.fixture
def sample(database: Database, url: str) -> Iterator[Warehouse]:
    """Eight calls to six people of one list of seven, with a script's second version."""
    people = [Contact(contact_id=str(n), number=f"+1212555010{n}") for n in range(7)]
    directory.save_contacts(database, "clinic", people, campaign="spring", now=NOON)
    for text in ("Hello.", "Good day."):
        directory.save_script(database, "clinic", name="confirm", text=text, now=NOON)
    directory.save_task(database, "clinic", Task(task_id="confirm", name="Confirm", spec={}), now=NOON)
    spring = Campaign(tenant_id="clinic", campaign_id="spring", name="Spring", state=TaskState.RUNNING)
    campaigns.create(database, spring, by="test", now=NOON)
    with database.write() as connection:
        counters.add_money(connection, "clinic", "spring", "USD", reserved=30, spent=120)
        counters.add_money(connection, "clinic", "spring", "EUR", spent=7)
    for number, rule in (("+12125550101", None), ("+12125550102", "window"), ("+12125550102", "window")):
        permit(database, number, at=NOON, rule=rule)
    version = {"script_name": "confirm", "script_version": 2, "campaign": "spring"}
    for n, happened in enumerate(recorded()):
        place(database, happened, at=NOON, contact_id=str(n), number=people[n].number, **version)
    place(database, again(BUSY), at=NOON - HOUR, contact_id="0", number=people[0].number, **version)
    judged = CallVerdict(call_id=recorded()[0][0].call_id, verdict=Verdict.POOR, judged_at=NOON + HOUR)
    verdicts.keep(database, "clinic", [judged, replace(judged, note="too fast")])
    left = hung_up_after(again(COMPLETED), 12_000)
    place(database, left, at=NOON + HOUR, contact_id="5", number=people[5].number, **version)
    with open_warehouse(url, tenant_id="clinic", prices=PRICES) as opened:
        yield opened


@pytest.fixture
def only_events(database: Database, url: str) -> Iterator[Warehouse]:
    """The recorded calls, whose rows are not ended: every figure comes from the events, by SQL."""
    for happened in recorded():
        expect(database, happened[0].call_id, at=NOON)
        write(database, happened)
    with open_warehouse(url, tenant_id="clinic") as opened:
        yield opened


def rows(opened: Warehouse, query: str) -> list[tuple[Any, ...]]:
    """What a query says."""
    return opened.sql(query).fetchall()


def of_call(call_id: str) -> str:
    """A condition."""
    return f"call_id = '{call_id}'"


# ---- each view --------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", documented_views(), ids=lambda view: view.name)
def test_every_column_has_a_meaning(view: View, sqlite_url: str) -> None:
    """A view runs on an empty record, and its header tells of each column, in order."""
    with open_warehouse(sqlite_url) as empty:
        relation = empty.sql(f"FROM {view.name}")

        assert relation.columns == list(view.columns)
        assert relation.fetchall() == []
    assert view.meaning.endswith(".")
    assert view.grain.startswith("one row per ")


def test_every_key_is_unique(sample: Warehouse) -> None:
    """On real calls no two rows of a view share its key."""
    counted = {
        view.name: rows(sample, f"SELECT count(*), count(DISTINCT ({', '.join(view.key)},)) FROM {view.name}")[0]
        for view in documented_views()
    }

    assert [name for name, (all_rows, keys) in counted.items() if all_rows != keys] == []
    assert [name for name, (all_rows, _) in counted.items() if not all_rows] == []


@pytest.mark.parametrize("fact", FACTS)
def test_every_fold_keeps_its_key(fact: str, sample: Warehouse) -> None:
    """What is archived has the grain its file states."""
    key = ", ".join(read_view("folds", fact).key)

    assert rows(sample, f"SELECT count(*) - count(DISTINCT ({key},)) FROM live.{fact}") == [(0,)]


def test_views_are_listed_and_described(sample: Warehouse) -> None:
    """What there is, and what a column means, is asked in the notebook."""
    listed = sample.views().set_index("view")
    described = sample.describe("latencies").set_index("column")

    assert listed.loc["turns", "grain"] == "one row per utterance that has words"
    assert described.loc["model_ms"].to_list() == ["DOUBLE", "until the first sound of it arrived, ms"]
    with pytest.raises(BadInput, match=r"no view 'turn': choose one of"):
        sample.describe("turn")


def test_it_shows_itself(sample: Warehouse) -> None:
    """In a notebook the warehouse tells its tenant, its span and its views."""
    shown = sample._repr_html_()

    assert "<b>Warehouse of clinic</b>: 8 calls, 24 Nov 2026;" in shown
    assert "<code>hangups</code>" in shown


# ---- the folds of `insight` are the truth -----------------------------------------------------------


@pytest.mark.parametrize("happened", recorded(), ids=lambda happened: happened[0].call_id[:8])
def test_sql_counts_as_insight_does(happened: tuple[Any, ...], only_events: Warehouse) -> None:
    """Utterances, waits, interruptions and answers of a real call are the same in SQL and in Python."""
    mine = of_call(happened[0].call_id)
    stages = "detect_ms, begin_ms, model_ms, ours_ms, lead_in_ms"

    told = rows(only_events, f"SELECT began_ms, speaker, text, meant, item_id FROM turns WHERE {mine} ORDER BY turn")
    waits = rows(
        only_events, f"SELECT voice_to_voice_ms, has_tool, {stages} FROM latencies WHERE {mine} ORDER BY reply"
    )
    cuts = rows(only_events, f"SELECT callee_began_ms, detected_ms, stop_ms FROM barge_ins WHERE {mine} ORDER BY seq")
    answers = rows(only_events, f"SELECT question, value FROM answers WHERE {mine}")

    lines = transcript.transcript(happened)
    assert told == [(line.at_ms, line.speaker, line.text, line.meant, line.item_id) for line in lines]
    replies = latency.turns(happened)
    assert waits == [(reply.voice_to_voice_ms, reply.has_tool, *reply.stages.values()) for reply in replies]
    interruptions = latency.barge_ins(happened)
    assert cuts == [(cut.callee_began_ms, cut.detected_ms, cut.stop_ms) for cut in interruptions]
    assert dict(answers) == summarise(happened, QUESTIONS).answers


@pytest.mark.parametrize("happened", recorded(), ids=lambda happened: happened[0].call_id[:8])
def test_a_calls_figures_are_the_summarys(happened: tuple[Any, ...], only_events: Warehouse) -> None:
    """A call's row has the figures of `insight`'s summary before the record has them."""
    told = summarise(happened, QUESTIONS)
    names = "phone_result, disposition, ended_by, duration_ms, turns, barge_ins, disclosed_at_ms"
    points = "voice_to_voice_p50_ms, voice_to_voice_p95_ms"

    (row,) = rows(only_events, f"SELECT {names} FROM calls WHERE {of_call(happened[0].call_id)}")
    (found,) = rows(only_events, f"SELECT {points} FROM calls WHERE {of_call(happened[0].call_id)}")

    assert row == tuple(getattr(told, name) for name in names.split(", "))
    assert found == pytest.approx((told.voice_to_voice_p50_ms, told.voice_to_voice_p95_ms))


def test_utterance_that_was_not_understood_is_no_turn(database: Database, url: str) -> None:
    """A call's row counts it no more than its summary does."""
    happened = [
        replace(event, text=NOT_UNDERSTOOD) if isinstance(event, events.CalleeSaid) else event
        for event in recorded()[COMPLETED]
    ]
    expect(database, happened[0].call_id, at=NOON)
    write(database, happened)
    with open_warehouse(url, tenant_id="clinic") as opened:
        assert rows(opened, "SELECT turns, is_talk FROM calls") == [(0, False)]


def test_the_recordings_hold_what_they_test(only_events: Warehouse) -> None:
    """The recorded calls have interruptions, tools, answers and replies: equal is not equally empty."""
    counted = {name: rows(only_events, f"SELECT count(*) FROM {name}")[0][0] for name in FACTS}

    assert counted == {"turns": 38, "latencies": 18, "barge_ins": 2, "tool_calls": 13, "answers": 5, "calls": 6}


# ---- the marts --------------------------------------------------------------------------------------


def test_funnel(sample: Warehouse) -> None:
    """Seven on the list; six were dialled, one of them twice without and with an answer."""
    assert rows(sample, "FROM funnel") == [("spring", "confirm", 2, 7, 8, 6, 6, 6, 6, 1)]


def test_outcomes(sample: Warehouse) -> None:
    """Ended calls by what they came to."""
    counted = rows(sample, "SELECT disposition, sum(calls)::INT FROM outcomes GROUP BY ALL")

    assert dict(counted) == {
        "not_reached": 2,
        "completed": 1,
        "partial": 1,
        "do_not_call": 1,
        "voicemail": 1,
        "callback": 1,
        "hung_up_early": 1,
    }


def test_hangups(sample: Warehouse) -> None:
    """The callee who hung up did so after this sentence, eleven seconds into the talk."""
    (left,) = rows(sample, "SELECT after_sentence, turns, round(after_ms), disposition, is_cut FROM hangups")

    assert left == ("Am I speaking with Maria Alvarez?", 1, 10_999.0, "hung_up_early", False)


def test_attempts_per_contact(sample: Warehouse) -> None:
    """Two contacts were called twice: both were busy first, and answered the second call."""
    names = "contact_id, attempts, answered, answered_attempt, is_completed, last_disposition"

    assert rows(sample, f"SELECT {names} FROM attempts_per_contact WHERE attempts > 1 ORDER BY contact_id") == [
        ("0", 2, 1, 2, True, "completed"),
        ("5", 2, 1, 2, False, "hung_up_early"),
    ]


def test_script_versions(sample: Warehouse) -> None:
    """The used version's shares stand with their intervals; the version nobody used is not there."""
    counts = "script_version, calls, answered, talked, completed, replies"
    shares = "completed_share, completed_low, completed_high"

    assert rows(sample, f"SELECT {counts} FROM script_versions") == [(2, 8, 6, 6, 1, 19)]
    assert rows(sample, f"SELECT {shares} FROM script_versions")[0] == pytest.approx(
        (1 / 6, 0.03005, 0.56351), abs=1e-5
    )


def test_costs(sample: Warehouse, url: str) -> None:
    """Tokens become money by the price given: 26 795 at 4 dollars and 3 130 at 16 dollars a million."""
    tokens = "sum(input_tokens)::INT, sum(output_tokens)::INT"

    ((currency, heard, said, cost),) = rows(
        sample, f"SELECT currency, {tokens}, sum(cost_minor) FROM costs GROUP BY ALL"
    )

    assert (currency, heard, said) == ("USD", 26_795, 3_130)
    assert cost == pytest.approx(15.726)
    with open_warehouse(url, tenant_id="clinic") as unpriced:
        assert rows(unpriced, "SELECT DISTINCT currency, cost_minor FROM costs") == [(None, None)]


def test_spending(sample: Warehouse, url: str) -> None:
    """A campaign's money stands in each of its currencies: what its budget counts, and the voice model's tokens."""
    assert rows(sample, "SELECT * REPLACE (round(voice_minor, 3) AS voice_minor) FROM spending ORDER BY currency") == [
        ("spring", "EUR", 7, 0, None, 1),
        ("spring", "USD", 120, 30, 15.726, 1),
    ]
    with open_warehouse(url, tenant_id="clinic") as unpriced:
        assert rows(unpriced, "SELECT sum(spent_minor)::INT, sum(voice_minor) FROM spending") == [(127, None)]


def test_permissions(sample: Warehouse) -> None:
    """Decisions are counted by the rule that said no."""
    names = "campaign, rule, is_allowed, decisions, numbers"

    assert rows(sample, f"SELECT {names} FROM permissions ORDER BY rule") == [
        ("spring", "", True, 1, 1),
        ("spring", "window", False, 2, 1),
    ]


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"), [(8, 10, 0.4902, 0.9433), (0, 20, 0.0, 0.1611), (5, 5, 0.5655, 1.0)]
)
def test_wilson(hits: int, tries: int, low: float, high: float, sample: Warehouse) -> None:
    """The interval is the textbook's, and does not leave 0..1."""
    (found,) = rows(sample, f"SELECT wilson_low({hits}, {tries}), wilson_high({hits}, {tries})")

    assert found == pytest.approx((low, high), abs=1e-4)
    assert rows(sample, "SELECT wilson_low(0, 0)") == [(None,)]

"""The live desk over a real record: what it shows a supervisor, and what their word becomes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from opendeep_kit.boards.live.desk import LiveDesk
from opendeep_kit.record import call_commands
from opendeep_kit.settings import ServiceSettings
from tests.dashboards.played import Played, opening
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
def desk(played: Played) -> LiveDesk:
    """The clinic's live desk."""
    return LiveDesk(played.database, "clinic", ServiceSettings())


def told(desk: LiveDesk, what: str, **fields: str) -> str:
    """What the browser is told of an action."""
    sent = overheard(desk.board)
    browser_says(desk.board, act(what, **fields))
    words: str = sent[-1]["words"]
    return words


def test_shows_the_tenants_calls(played: Played, desk: LiveDesk) -> None:
    """Names and masked numbers of the tenant's own calls, and no whole number anywhere."""
    played.live_call(0, tenant_id="clinic", campaign=None)
    played.live_call(1, tenant_id="garage", campaign=None)
    desk.refresh()

    assert [(one["who"], one["number"], one["stage"]) for one in desk.board.calls] == [("Ana Lima", "…0100", "talking")]
    assert "+1212" not in str(desk.board.get_state())


def test_follows_a_talking_call_until_one_is_chosen(played: Played, desk: LiveDesk) -> None:
    """Who has not chosen follows the newest talk; who has keeps the call of their choice."""
    first = played.live_call(0, tenant_id="clinic", ago_s=60)
    second = played.live_call(1, tenant_id="clinic", ago_s=20)
    played.happen(second, opening(until_ms=12_000), tenant_id="clinic")
    desk.refresh()
    assert desk.board.talk["call"]["call_id"] == second
    assert "Riverside Dental" in str(desk.board.talk["lines"])

    told(desk, "choose", on=first)
    desk.refresh()
    assert desk.board.talk["call"]["call_id"] == first
    assert desk.board.talk["lines"] == []


def test_word_becomes_a_command(played: Played, desk: LiveDesk) -> None:
    """Say, coach, transfer, take over and hang up are commands with the person's name, in that order."""
    call_id = played.live_call(0, tenant_id="clinic")
    told(desk, "say", on=call_id, text=" We are open. ", by=" Ann ")
    told(desk, "coach", on=call_id, text="Be brief.", by="Ann")
    told(desk, "transfer", on=call_id, text="+1 212 555 0199", by="Ann")
    told(desk, "take_over", on=call_id, by="Ann")
    assert told(desk, "hang_up", on=call_id, by="Ann") == "Hanging up."
    given = call_commands.commands_of(played.database, "clinic", call_id)

    assert [(one.kind.value, one.argument, one.by) for one in given] == [
        ("say", "We are open.", "Ann"),
        ("coach", "Be brief.", "Ann"),
        ("transfer", "+12125550199", "Ann"),
        ("take_over", "", "Ann"),
        ("hang_up", "", "Ann"),
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"what": "say", "text": "", "by": "Ann"}, "lacks its argument"),
        ({"what": "say", "text": "Hello", "by": " "}, "write your name"),
        ({"what": "transfer", "text": "reception", "by": "Ann"}, "no telephone number"),
        ({"what": "drop_tables", "by": "Ann"}, "no such action"),
    ],
)
def test_what_is_not_possible_is_said(played: Played, desk: LiveDesk, fields: dict[str, str], said: str) -> None:
    """Nothing is given, and the supervisor reads why."""
    call_id = played.live_call(0, tenant_id="clinic")

    assert said in told(desk, on=call_id, **fields)
    assert call_commands.commands_of(played.database, "clinic", call_id) == []


def test_other_tenants_call_takes_no_command(played: Played, desk: LiveDesk) -> None:
    """Another tenant's call is none here: it is neither shown nor commanded."""
    theirs = played.live_call(0, tenant_id="garage", campaign=None)
    told(desk, "choose", on=theirs)
    assert desk.board.talk == {}

    assert "no such call" in told(desk, "hang_up", on=theirs, by="Ann")
    assert call_commands.commands_of(played.database, "garage", theirs) == []


def test_what_became_of_a_command(played: Played, desk: LiveDesk) -> None:
    """A command waits, is taken, and is done or failed with the reason."""
    call_id = played.live_call(0, tenant_id="clinic")
    told(desk, "choose", on=call_id)
    told(desk, "say", on=call_id, text="One.", by="Ann")
    now = desk._clock()
    assert [one["state"] for one in desk.board.talk["orders"]] == ["waiting"]
    (taken,) = call_commands.take(played.database, [call_id], now=now)
    desk.refresh()
    assert [one["state"] for one in desk.board.talk["orders"]] == ["taken"]
    call_commands.done(played.database, taken, outcome="failed: the voice model is gone", now=now)
    desk.refresh()

    assert [(one["state"], one["words"]) for one in desk.board.talk["orders"]] == [
        ("failed", "failed: the voice model is gone")
    ]


def test_bad_loops_are_marked(played: Played, desk: LiveDesk) -> None:
    """A media worker that is late, or skips sound, is marked."""
    for name, lag_ms, gap_share in (("good", 3.0, 0.0), ("late", 120.0, 0.0), ("skips", 3.0, 0.02)):
        played.beat(worker_id=name, lag_ms=lag_ms, gap_share=gap_share)
    desk.refresh()

    assert [(one["name"], one["is_bad"]) for one in desk.board.loops] == [
        ("good", False),
        ("late", True),
        ("skips", True),
    ]


def test_record_that_cannot_be_read_is_said(tmp_path: Path, played: Played, desk: LiveDesk) -> None:
    """The board keeps what it showed and says why it is not fresh."""
    played.live_call(0, tenant_id="clinic")
    desk.refresh()
    with played.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE calls RENAME TO gone")
    assert desk.refresh() is False
    assert desk.board.trouble != ""
    assert len(desk.board.calls) == 1

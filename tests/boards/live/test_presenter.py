"""The live presenter over a real record: what it shows a supervisor, and what their word becomes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from opendeep_kit.boards.live.presenter import LivePresenter
from opendeep_kit.record import call_commands
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
def presenter(played: Played) -> LivePresenter:
    """The clinic's live presenter."""
    return LivePresenter(played.record("clinic"))


def told(presenter: LivePresenter, what: str, **fields: str) -> str:
    """What the browser is told of an action."""
    sent = overheard(presenter.board)
    browser_says(presenter.board, act(what, **fields))
    words: str = sent[-1]["words"]
    return words


def test_shows_the_tenants_calls(played: Played, presenter: LivePresenter) -> None:
    """Names and masked numbers of the tenant's own calls, and no whole number anywhere."""
    played.live_call(0, tenant_id="clinic", campaign=None)
    played.live_call(1, tenant_id="garage", campaign=None)
    presenter.refresh()

    assert [(one["who"], one["number"], one["stage"]) for one in presenter.board.calls] == [
        ("Ana Lima", "…0100", "talking")
    ]
    assert "+1212" not in str(presenter.board.get_state())


def test_follows_a_talking_call_until_one_is_chosen(played: Played, presenter: LivePresenter) -> None:
    """Who has not chosen follows the newest talk; who has keeps the call of their choice."""
    first = played.live_call(0, tenant_id="clinic", ago_s=60)
    second = played.live_call(1, tenant_id="clinic", ago_s=20)
    played.happen(second, opening(until_ms=12_000), tenant_id="clinic")
    presenter.refresh()
    assert presenter.board.talk["call"]["call_id"] == second
    assert "Riverside Dental" in str(presenter.board.talk["lines"])

    told(presenter, "choose", on=first)
    presenter.refresh()
    assert presenter.board.talk["call"]["call_id"] == first
    assert presenter.board.talk["lines"] == []


def test_word_becomes_a_command(played: Played, presenter: LivePresenter) -> None:
    """Say, coach, transfer, take over and hang up are commands with the person's name, in that order."""
    call_id = played.live_call(0, tenant_id="clinic")
    told(presenter, "say", on=call_id, text=" We are open. ", by=" Ann ")
    told(presenter, "coach", on=call_id, text="Be brief.", by="Ann")
    told(presenter, "transfer", on=call_id, text="+1 212 555 0199", by="Ann")
    told(presenter, "take_over", on=call_id, by="Ann")
    assert told(presenter, "hang_up", on=call_id, by="Ann") == "Hanging up."
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
        ({"what": "transfer", "text": "reception", "by": "Ann"}, "not a telephone number"),
        ({"what": "drop_tables", "by": "Ann"}, "does not have that action"),
    ],
)
def test_what_is_not_possible_is_said(
    played: Played, presenter: LivePresenter, fields: dict[str, str], said: str
) -> None:
    """Nothing is given, and the supervisor reads why."""
    call_id = played.live_call(0, tenant_id="clinic")

    assert said in told(presenter, on=call_id, **fields)
    assert call_commands.commands_of(played.database, "clinic", call_id) == []


def test_other_tenants_call_takes_no_command(played: Played, presenter: LivePresenter) -> None:
    """Another tenant's call is none here: it is neither shown nor commanded."""
    theirs = played.live_call(0, tenant_id="garage", campaign=None)
    told(presenter, "choose", on=theirs)
    assert presenter.board.talk == {}

    assert "no such call" in told(presenter, "hang_up", on=theirs, by="Ann")
    assert call_commands.commands_of(played.database, "garage", theirs) == []


def test_what_became_of_a_command(played: Played, presenter: LivePresenter) -> None:
    """A command waits, is taken, and is done or failed with the reason."""
    call_id = played.live_call(0, tenant_id="clinic")
    told(presenter, "choose", on=call_id)
    told(presenter, "say", on=call_id, text="One.", by="Ann")
    now = presenter._record.clock()
    assert [one["state"] for one in presenter.board.talk["orders"]] == ["waiting"]
    (taken,) = call_commands.take(played.database, [call_id], now=now)
    presenter.refresh()
    assert [one["state"] for one in presenter.board.talk["orders"]] == ["taken"]
    call_commands.done(played.database, taken, outcome="failed: the voice model is gone", now=now)
    presenter.refresh()

    assert [(one["state"], one["words"]) for one in presenter.board.talk["orders"]] == [
        ("failed", "failed: the voice model is gone")
    ]


def test_bad_loops_are_marked(played: Played, presenter: LivePresenter) -> None:
    """A media worker that is late, or skips sound, is marked."""
    for name, lag_ms, gap_share in (("good", 3.0, 0.0), ("late", 120.0, 0.0), ("skips", 3.0, 0.02)):
        played.beat(worker_id=name, lag_ms=lag_ms, gap_share=gap_share)
    presenter.refresh()

    assert [(one["name"], one["is_bad"]) for one in presenter.board.loops] == [
        ("good", False),
        ("late", True),
        ("skips", True),
    ]


def test_record_that_cannot_be_read_is_said(tmp_path: Path, played: Played, presenter: LivePresenter) -> None:
    """The board keeps what it showed and says why it is not fresh."""
    played.live_call(0, tenant_id="clinic")
    presenter.refresh()
    with played.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE calls RENAME TO gone")
    assert presenter.refresh() is False
    assert presenter.board.trouble != ""
    assert len(presenter.board.calls) == 1

"""The calls of one line: what is told to whoever waits, what is dropped, what is forgotten; and whose event it is."""

import asyncio
from uuid import UUID

import pytest

from opendeep_kit.errors import OurMistake
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.ami_message import AmiEvent
from opendeep_kit.phone.line import CallOrder, CallProgress
from opendeep_kit.phone.switchboard import CallTable, Switchboard
from tests.phone.asterisk_end import until
from tests.phone.test_call_state import ANSWER, BEGIN, CALL_ID, HANDED_OVER, OURS, RINGING, channels, hangup

ORDER = CallOrder(call_id=CALL_ID, number="+12125550101", media_host="127.0.0.1", media_port=9092)

CALLEE, HUMAN = "opendeep-line-1795527441.1", "opendeep-line-1795527459.18"


class Board(Switchboard):
    """A switchboard that notes what it is told to drop and what it reports."""

    def __init__(self) -> None:
        self.dropped: list[UUID] = []
        self.told: list[CallProgress] = []
        super().__init__(drop=self.dropped.append, settle_s=0.01, linger_s=0.01)
        self.live = self.open(ORDER, self.told.append, certain_in_s=10)


async def test_progress_is_told_once() -> None:
    """However often Asterisk repeats itself, ringing and answer are told once each, in this order."""
    board = Board()
    for event in [*BEGIN, RINGING, RINGING, ANSWER, ANSWER, RINGING]:
        board.take(event)
    await asyncio.sleep(0)

    assert board.told == ["ringing", "answered"]
    board.close()


async def test_late_ringing_is_not_told_after_the_answer() -> None:
    """Ringing that is heard of after the answer is old news."""
    board = Board()
    for event in [*BEGIN, ANSWER, RINGING]:
        board.take(event)
    await asyncio.sleep(0)

    assert board.told == ["answered"]
    board.close()


async def test_call_over_is_forgotten_after_a_while() -> None:
    """The last events of a call find it; then it is gone."""
    board = Board()
    for event in [*BEGIN, ANSWER, hangup("opendeep-line-1795527441.1", "Up", 16), hangup(OURS, "Up", 16)]:
        board.take(event)

    assert (await board.live.over).phone_result is PhoneResult.ANSWERED
    assert (len(board), len(board.calls)) == (0, 1)
    await until(lambda: len(board.calls) == 0)


async def test_handed_over_call_stays_known() -> None:
    """A callee who talks on with a human still belongs to the call."""
    board = Board()
    for event in HANDED_OVER:
        board.take(event)
    result = await board.live.over
    await asyncio.sleep(0.05)

    assert result.detail == "handed over to a human"
    assert len(board.calls) == 1
    board.close()


async def test_call_given_up_is_dropped_when_it_shows_up() -> None:
    """A call that was given up before Asterisk showed it is hung up at its first event."""
    board = Board()
    board.lose(board.live, EndedBy.FAILURE, "given up")
    assert board.dropped == []
    board.take(BEGIN[0])

    assert board.dropped == [CALL_ID]
    board.close()


async def test_call_given_up_is_dropped_after_an_outage() -> None:
    """A call that was given up in an outage and is found alive afterwards is hung up."""
    board = Board()
    for event in BEGIN:
        board.take(event)
    board.lose(board.live, EndedBy.FAILURE, "given up")
    board.compare(tuple(channels((OURS, "Up"))), is_restart=False)

    assert board.dropped == [CALL_ID]
    board.close()


async def test_originate_in_doubt_is_not_judged_too_early() -> None:
    """A call that Asterisk does not know yet may still come, until its order has expired."""
    board = Board()

    assert board.compare((), is_restart=False) == [board.live]
    assert not board.live.over.done()
    board.restore(board.live, ())
    assert (await board.live.over).detail == "Asterisk never took the call up"
    board.close()


async def test_an_id_is_opened_once() -> None:
    """A call that waits is not opened again."""
    board = Board()
    with pytest.raises(OurMistake):
        board.open(ORDER, board.told.append, certain_in_s=1)
    board.close()


# ---- whose event is it ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"linkedid": OURS, "uniqueid": CALLEE},
        {"uniqueid": OURS},
        {"uniqueid": f"{OURS}-2"},
        {"destuniqueid": OURS},
        {"destlinkedid": OURS, "destuniqueid": CALLEE},
        {"localoneuniqueid": OURS},
        {"actionid": f"orig-{CALL_ID}"},
        {"uniqueid": HUMAN, "linkedid": HUMAN, "chanvariable": f"A=b\nOPENDEEP_CALL_ID={CALL_ID}"},
    ],
)
def test_event_finds_its_call(headers: dict[str, str]) -> None:
    """Each id that Asterisk may show leads to the call."""
    table = CallTable()
    call = table.add(CALL_ID)

    assert table.find(AmiEvent("Any", headers)) is call
    assert (table.matched, table.unmatched, table.foreign) == (1, 0, 0)


def test_unmatched_and_foreign_are_told_apart() -> None:
    """An event of ours without a call is counted; other people's calls and mere notices are not ours."""
    table = CallTable()
    for headers in ({"uniqueid": OURS}, {"uniqueid": "1795527441.1", "linkedid": "1795527441.1"}, {"status": "x"}):
        assert table.find(AmiEvent("Any", headers)) is None

    assert (table.matched, table.unmatched, table.foreign) == (0, 1, 1)


def test_an_id_is_used_once() -> None:
    """Two calls never share an id."""
    table = CallTable()
    table.add(CALL_ID)
    with pytest.raises(OurMistake, match="in use"):
        table.add(CALL_ID)

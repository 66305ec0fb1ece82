"""The calls of one line: what is told to whoever waits, what is dropped, what is forgotten."""

import asyncio
from uuid import UUID

import pytest

from opendeep_kit.errors import OurMistake
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.line import CallOrder, Progress
from opendeep_kit.phone.switchboard import Switchboard
from tests.phone.asterisk_end import until
from tests.phone.test_call_state import ANSWER, BEGIN, CALL_ID, HANDED_OVER, OURS, RINGING, channels, hangup

ORDER = CallOrder(call_id=CALL_ID, number="+12125550101", media_host="127.0.0.1", media_port=9092)


class Board(Switchboard):
    """A switchboard that notes what it is told to drop and what it reports."""

    def __init__(self) -> None:
        self.dropped: list[UUID] = []
        self.told: list[Progress] = []
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

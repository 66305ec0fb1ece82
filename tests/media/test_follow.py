"""A call whose sound another process holds: what it asks of the line, and how its sound ended."""

import asyncio
from collections.abc import Callable
from unittest.mock import AsyncMock, Mock
from uuid import UUID, uuid4

import pytest

from opendeep_kit.errors import Refused, Unavailable
from opendeep_kit.media import duty, follow
from opendeep_kit.media.duty import hand_over_by_record
from opendeep_kit.media.follow import DIED, TAKER_DIED, MediaFollow
from opendeep_kit.record import calls, hand_overs
from opendeep_kit.record.calls import MediaEnd
from opendeep_kit.record.database import Database
from tests.record.conftest import NOON
from tests.record.test_live_calls import expected
from tests.service_rig import now, until

TARGET = "+12125550132"


def never(_: str) -> bool:
    """Nobody is dead."""
    return False


@pytest.fixture
def call_id(database: Database) -> str:
    """A live call."""
    made = expected(database)
    calls.admit_at(database, made, "media-1", now=NOON)
    return made


def following(
    database: Database,
    call_id: str,
    line: Mock,
    *,
    control_id: str = "control-1",
    is_dead: Callable[[str], bool] = never,
) -> MediaFollow:
    """What a control process does for the call."""
    return MediaFollow(database, line, UUID(call_id), control_id=control_id, is_dead=is_dead)


async def test_a_hand_over_is_carried_out_once(database: Database, call_id: str) -> None:
    """Two control processes follow the call, as one was asleep: one of them asks the line, and both see the answer."""
    lines = [Mock(transfer=AsyncMock(side_effect=Refused("nobody answers"))) for _ in range(2)]
    both = [following(database, call_id, line, control_id=f"control-{n}") for n, line in enumerate(lines)]
    async with both[0].watching(), both[1].watching():
        with pytest.raises(Unavailable, match="nobody answers"):
            await hand_over_by_record(database)(call_id, TARGET)

    assert sum(line.transfer.await_count for line in lines) == 1


async def test_what_was_told_as_failed_is_not_carried_out(
    database: Database, call_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody holds the line while the agent waits; the process that comes later leaves the callee where they are."""
    monkeypatch.setattr(duty, "HAND_OVER_WITHIN_S", 0.3)
    with pytest.raises(Unavailable, match="withdrawn"):
        await hand_over_by_record(database)(call_id, TARGET)
    line = Mock(transfer=AsyncMock())
    async with following(database, call_id, line).watching():
        await until(lambda: line.media_opened.called)
        calls.end_media(database, call_id, MediaEnd(), now=now())
        await until(lambda: line.media_closed.called)

    assert line.transfer.await_count == 0


async def test_who_slept_while_taking_a_hand_over_leaves_it(
    database: Database, call_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was stopped between taking the wish and asking the line: the talk has gone on since."""
    monkeypatch.setattr(follow, "TAKEN_WITHIN_S", -1.0)
    line = Mock(transfer=AsyncMock())
    async with following(database, call_id, line).watching():
        with pytest.raises(Unavailable, match="came too late"):
            await hand_over_by_record(database)(call_id, TARGET)

    assert line.transfer.await_count == 0


async def test_the_heir_answers_for_who_died_with_a_hand_over(database: Database, call_id: str) -> None:
    """Nobody knows whether it was carried out: it is not carried out again, and whoever waits is told."""
    asking = asyncio.create_task(hand_over_by_record(database)(call_id, TARGET))
    await until(lambda: bool((media := calls.media_of(database, call_id)) and media.is_transfer_asked))
    hand_overs.take(database, call_id, by="control-dead", asked_after=NOON)
    line = Mock(transfer=AsyncMock())
    heir = following(database, call_id, line, control_id="control-2", is_dead=lambda name: name == "control-dead")
    async with heir.watching():
        with pytest.raises(Unavailable, match=TAKER_DIED):
            await asking

    assert line.transfer.await_count == 0


async def test_the_holders_last_word_is_waited_for(database: Database, call_id: str) -> None:
    """While it lives; once it is dead, what it wrote before counts, and else its death."""
    dead: list[str] = []
    ending = asyncio.create_task(following(database, call_id, Mock(), is_dead=lambda name: name in dead).end())
    await asyncio.sleep(1.0)
    assert not ending.done()
    dead.append("media-1")
    assert await ending == DIED

    told = expected(database)
    calls.admit_at(database, told, "media-1", now=NOON)
    calls.end_media(database, told, MediaEnd(detail="completed"), now=NOON)
    end = await following(database, told, Mock(), is_dead=lambda _: True).end()
    assert end is not None
    assert end.detail == "completed"


async def test_a_call_that_nobody_held_has_no_sound(database: Database) -> None:
    """Its UUID did not come to the door while it was open, and does not come any more."""
    call_id = expected(database)

    assert await following(database, call_id, Mock()).end() is None
    assert calls.admit_at(database, call_id, "media-1", now=NOON) is None
    assert await following(database, str(uuid4()), Mock()).end() is None

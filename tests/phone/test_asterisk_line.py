"""Calls through a real Asterisk to a real callee's Asterisk: outcomes, hang-ups, hand-over, and many at once."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from opendeep_kit.asterisk.exchange import Exchange
from opendeep_kit.errors import BadInput, Refused, Unavailable
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.asterisk_line import AsteriskLine
from opendeep_kit.phone.line import CallOrder, CallProgress, LineResult
from opendeep_kit.phone.originate import Structure
from tests.phone.asterisk_end import open_files, until
from tests.phone.asterisk_log import complaints
from tests.phone.fake_ami import FakeAmi
from tests.phone.studio import (
    EARLY_HANGUP,
    ECHO,
    LINE_HUNG_UP,
    MUTE,
    QUICK,
    RINGS,
    WE_HUNG_UP,
    Studio,
    studio,
    until_gone,
)

# ---- outcomes ---------------------------------------------------------------------------------------

OUTCOMES = {
    "20": (PhoneResult.BUSY, 17, EndedBy.NETWORK, []),
    "21": (PhoneResult.NO_ANSWER, 0, EndedBy.NETWORK, ["ringing"]),
    "22": (PhoneResult.REJECTED, 21, EndedBy.NETWORK, []),
    "23": (PhoneResult.INVALID_NUMBER, 1, EndedBy.NETWORK, []),
    "24": (PhoneResult.CONGESTION, 34, EndedBy.NETWORK, []),
    "25": (PhoneResult.NO_ANSWER, 19, EndedBy.NETWORK, ["ringing"]),
    "26": (PhoneResult.ANSWERED, 16, EndedBy.CALLEE, ["ringing", "answered"]),
    "27": (PhoneResult.INVALID_NUMBER, 1, EndedBy.NETWORK, []),
    "30": (PhoneResult.NO_ANSWER, 0, EndedBy.NETWORK, []),
}


@pytest.mark.parametrize("structure", Structure)
async def test_every_behaviour_ends_as_it_should(exchange: Exchange, structure: Structure) -> None:
    """Each kind of callee gives its result, cause, ender and progress, whichever way the AI's leg is made."""
    told: dict[str, tuple[PhoneResult, int, EndedBy | None, list[str]]] = {}

    async def call(made: Studio, digits: str) -> None:
        progress: list[str] = []
        limit = 8.0 if digits == "27" else 3.0
        result = await made.line.place(made.order(digits, ring_limit_s=limit), lambda one: progress.append(one))
        told[digits] = (result.phone_result, result.cause, result.ended_by, progress)

    async with studio(exchange.line, exchange.callees, structure=structure) as made:
        await asyncio.gather(*(call(made, digits) for digits in OUTCOMES))

    assert told == OUTCOMES


async def test_it_tells_that_its_trunk_is_a_play(exchange: Exchange) -> None:
    """Our Asterisk, asked, says that the rehearsal's public is behind it: no number but a made-up one is right there."""
    async with studio(exchange.line, exchange.callees) as made:
        assert not made.line.reaches_people


async def test_answer_is_the_callees(exchange: Exchange) -> None:
    """The sound's connection and the ringing come before the answer: only the callee's leg is told of."""
    async with studio(exchange.line, exchange.callees) as made:
        order = made.order(MUTE)
        call = await made.talking(order)
        made.sockets[order.call_id].hang_up()
        await call

    assert sorted(made.happened[:2]) == ["ringing", "sound"]
    assert made.happened[2:] == ["answered"]


async def test_ids_are_ours(exchange: Exchange) -> None:
    """Asterisk's channels carry the ids that we chose before it knew of the call."""
    async with studio(exchange.line, exchange.callees) as made:
        order = made.order(ECHO)
        call = await made.talking(order)
        channels = await made.line.ami.ask_list("CoreShowChannels")
        await made.line.hang_up(order.call_id)
        await call

    ours = f"od-{order.call_id}"
    assert [channel.get("Linkedid") for channel in channels] == [ours, ours]
    assert [channel.variable("OPENDEEP_CALL_ID") for channel in channels] == [str(order.call_id)] * 2
    assert ours in {channel.get("Uniqueid") for channel in channels}
    assert list(made.sockets) == [order.call_id]


@contextlib.asynccontextmanager
async def silent_line(fake: FakeAmi) -> AsyncIterator[tuple[AsteriskLine, CallOrder]]:
    """A line of an Asterisk that says nothing of its calls by itself, and an order that it can take."""
    fake.tells_of_calls = False
    limits = replace(QUICK, originate_s=-1.5, settle_s=0.1, give_up_s=0.5)
    media = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = media.sockets[0].getsockname()[1]
    order = CallOrder(call_id=uuid4(), number="+12125550132", media_host="127.0.0.1", media_port=port)
    async with media, AsteriskLine(fake.account, limits=limits, has_wideband=True) as line:
        yield line, order


# ---- hanging up and handing over --------------------------------------------------------------------

CANCELLED = LineResult(
    phone_result=PhoneResult.CANCELLED, ended_by=None, cause=16, detail="we hung up before anybody answered"
)


@pytest.mark.parametrize("structure", Structure)
async def test_agent_hangs_up_through_its_socket(exchange: Exchange, structure: Structure) -> None:
    """Three zero bytes on the AudioSocket end the whole call."""
    async with studio(exchange.line, exchange.callees, structure=structure) as made:
        order = made.order(ECHO)
        call = await made.talking(order)
        made.sockets[order.call_id].hang_up()

        assert await call == WE_HUNG_UP


async def test_hang_up_through_ami(exchange: Exchange) -> None:
    """The fallback ends the whole call too, and a second time does no harm."""
    async with studio(exchange.line, exchange.callees) as made:
        order = made.order(ECHO)
        call = await made.talking(order)
        await made.line.hang_up(order.call_id)

        assert await call == LINE_HUNG_UP
        await made.line.hang_up(order.call_id)


async def test_call_ends_when_its_sound_has_ended(exchange: Exchange) -> None:
    """A leg that Asterisk keeps though its sound is over (its host is lost, say) is hung up by way of AMI."""
    async with studio(exchange.line, exchange.callees) as made:
        order = made.order(ECHO)
        call = await made.talking(order)
        made.line.media_closed(order.call_id)
        async with asyncio.timeout(5):
            result = await call

    assert result == WE_HUNG_UP


async def test_call_of_which_nothing_is_heard() -> None:
    """An Asterisk that takes an order and tells nothing more of it is asked whether the call exists, and it is over."""
    async with FakeAmi() as fake, silent_line(fake) as (line, order):
        async with asyncio.timeout(5):
            result = await line.place(order, lambda _: None)

    assert (result.phone_result, result.detail) == (PhoneResult.FAILED, "Asterisk never took the call up")


async def test_call_that_cannot_be_ended() -> None:
    """A leg that outlives every hang-up is asked to end for a while, and then given up."""
    async with FakeAmi() as fake, silent_line(fake) as (line, order):
        ours = f"od-{order.call_id}"
        call = asyncio.create_task(line.place(order, lambda _: None))
        await until(lambda: fake.asked("Originate"))
        fake.event("Newchannel", Uniqueid=ours, Linkedid=ours)
        await until(lambda: any(one.is_seen for one in line.calls))
        line.media_opened(order.call_id)
        line.media_closed(order.call_id)
        async with asyncio.timeout(5):
            result = await call

        assert (result.ended_by, result.detail) == (EndedBy.FAILURE, "Asterisk does not end it")
        hangups = [action["Channel"] for action in fake.asked("Hangup")]
        assert len(hangups) > 2
        assert set(hangups) == {ours}


async def test_hang_up_while_ringing(exchange: Exchange) -> None:
    """A call that we end while it rings is cancelled, not unanswered."""
    async with studio(exchange.line, exchange.callees) as made:
        order = made.order(RINGS)
        call = made.place(order)
        await until(lambda: CallProgress.RINGING in made.happened)
        await made.line.hang_up(order.call_id)

        assert await call == CANCELLED


@pytest.mark.parametrize("moment", ["at once", "while ringing"])
async def test_cancelling_place_hangs_up(exchange: Exchange, moment: str) -> None:
    """Cancelling the coroutine leaves no channel behind, even when the call had not begun yet."""
    async with studio(exchange.line, exchange.callees) as made:
        call = made.place(made.order(RINGS))
        await until(lambda: len(made.line.calls) if moment == "at once" else CallProgress.RINGING in made.happened)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until_gone(made)


@pytest.mark.parametrize("structure", Structure)
async def test_handing_over_keeps_the_callee(exchange: Exchange, structure: Structure) -> None:
    """After a transfer the AI's leg is gone and the callee talks on with the human."""
    async with studio(exchange.line, exchange.callees, structure=structure) as made:
        order = made.order(ECHO)
        call = await made.talking(order)
        await made.line.transfer(order.call_id, f"+121255501{MUTE}")
        result = await call
        held = made.line.calls.get(order.call_id)
        assert held is not None
        await until(lambda: sum(leg.is_up and not leg.is_gone for leg in held.legs.values()) == 2)
        await asyncio.sleep(3 * QUICK.settle_s)
        assert sum(not leg.is_gone for leg in held.legs.values()) == 2
        callee = next(uniqueid for uniqueid, leg in held.legs.items() if leg is held.callee)
        await made.line.ami.ask("Hangup", {"Channel": callee})

    assert result == LineResult(phone_result=PhoneResult.ANSWERED, ended_by=None, detail="handed over to a human")


async def test_transfer_without_a_callee_is_refused(exchange: Exchange) -> None:
    """Nobody can be handed over before they answered."""
    async with studio(exchange.line, exchange.callees) as made:
        with pytest.raises(Refused, match="wait until the callee has answered"):
            await made.line.transfer(uuid4(), "+12125550129")
        with pytest.raises(BadInput):
            await made.line.transfer(uuid4(), "s@evil")


async def test_closing_the_line_hangs_up(exchange: Exchange) -> None:
    """A line that closes takes its calls with it, and says so to whoever waits."""
    async with studio(exchange.line, exchange.callees) as made:
        talks, rings = await made.talking(made.order(ECHO)), made.place(made.order(RINGS))
        await until(lambda: CallProgress.RINGING in made.happened)
        await made.line.close()

        assert (await talks).phone_result is PhoneResult.ANSWERED
        assert await rings == CANCELLED


async def test_nothing_is_placed_once_the_line_is_closed() -> None:
    """A call that comes too late, or whose media server was still being looked for, is refused: nobody waits for it."""
    async with FakeAmi() as fake, silent_line(fake) as (line, order):
        call = asyncio.create_task(line.place(order, lambda _: None))
        await asyncio.sleep(0)
        await line.close()
        async with asyncio.timeout(3):
            for late in (call, line.place(replace(order, call_id=uuid4()), lambda _: None)):
                with pytest.raises(Unavailable, match="is left by us"):
                    await late

        assert fake.asked("Originate") == []


async def test_line_that_does_not_start_leaves_nothing() -> None:
    """The link is closed again when Asterisk goes away before it has told its version."""
    before = asyncio.all_tasks()
    async with FakeAmi() as fake:
        fake.cuts_at = "CoreSettings"
        with pytest.raises(Unavailable):
            await AsteriskLine(fake.account).start()
        await until(lambda: not fake.is_connected)
    await until(lambda: asyncio.all_tasks() == before)


# ---- refusals ---------------------------------------------------------------------------------------


async def test_nobody_is_rung_without_a_media_server(exchange: Exchange) -> None:
    """With nothing listening for sound, the call fails before Asterisk hears of it."""
    async with studio(exchange.line, exchange.callees) as made:
        before = await made.calls_seen_by_the_public()
        order = made.order(ECHO)
        await made.media.close()
        result = await made.place(order)

        assert (result.phone_result, result.ended_by) == (PhoneResult.FAILED, EndedBy.FAILURE)
        assert result.detail == f"nothing listens for sound at 127.0.0.1:{order.media_port}, so nobody was called"
        assert await made.calls_seen_by_the_public() == before


async def test_hostile_number_reaches_nobody(exchange: Exchange) -> None:
    """A number that is none is refused before anything is sent."""
    async with studio(exchange.line, exchange.callees) as made:
        with pytest.raises(BadInput, match="E\\.164"):
            await made.place(replace(made.order(ECHO), number="+1212\r\n\r\nAction: Hangup"))

        assert len(made.line.calls) == 0


async def test_a_call_id_is_placed_once(exchange: Exchange) -> None:
    """The same call is never placed twice."""
    async with studio(exchange.line, exchange.callees) as made:
        order = made.order("20")
        await made.place(order)
        with pytest.raises(Refused, match="placed before"):
            await made.place(order)


# ---- many -------------------------------------------------------------------------------------------


async def many(made: Studio, *, calls: int, at_once: int) -> list[LineResult]:
    """Calls to a busy number, to one that hangs up, and to one on which we hang up."""
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> LineResult:
        async with gate:
            order = made.order(("20", EARLY_HANGUP, ECHO)[number % 3])
            call = made.place(order)
            if number % 3 == 2:
                await until(lambda: order.call_id in made.sockets, limit_s=30)
                await asyncio.sleep(0.5)
                made.sockets[order.call_id].hang_up()
            return await call

    return await asyncio.gather(*(one(number) for number in range(calls)))


def files_of(pid: int | None) -> int:
    """Open files of another process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def check_many(exchange: Exchange, *, calls: int, at_once: int) -> None:
    """Every call ends as it should, every event finds its call, nothing is left, Asterisk has nothing to complain of."""
    pid, log_began = exchange.line.pid, len(exchange.line.log_file.read_text().splitlines())
    async with studio(exchange.line, exchange.callees) as made:
        await many(made, calls=6, at_once=6)
        await until_gone(made)
        our_files, their_files = open_files(), files_of(pid)
        results = await many(made, calls=calls, at_once=at_once)
        await until_gone(made)

        told = Counter((result.phone_result, result.ended_by) for result in results)
        assert told == {
            (PhoneResult.BUSY, EndedBy.NETWORK): calls // 3,
            (PhoneResult.ANSWERED, EndedBy.CALLEE): calls // 3,
            (PhoneResult.ANSWERED, None): calls // 3,
        }
        assert made.line.calls.matched > 10 * calls
        await until(lambda: (open_files(), files_of(pid)) == (our_files, their_files))
    assert complaints(exchange.line, log_began) == []


@pytest.mark.parametrize(
    ("calls", "at_once"), [(36, 12), pytest.param(84, 42, id="forty at once", marks=pytest.mark.slow)]
)
async def test_many_calls_at_once(exchange: Exchange, calls: int, at_once: int) -> None:
    """Rounds of concurrent calls: one outcome each, no unmatched event, nothing left over."""
    await check_many(exchange, calls=calls, at_once=at_once)


@pytest.mark.soak
async def test_two_hundred_calls(exchange: Exchange) -> None:
    """The same with 240 calls, as fast as forty concurrent ones go."""
    await check_many(exchange, calls=240, at_once=40)

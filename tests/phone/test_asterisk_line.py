"""Calls through a real Asterisk to a real callee's Asterisk: outcomes, hang-ups, hand-over, load, and disasters."""

import asyncio
import contextlib
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from opendeep_kit.config import PhoneSettings
from opendeep_kit.errors import BadInput, Refused, Unavailable
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.ami_client import AmiAccount, AmiLimits
from opendeep_kit.phone.asterisk import Exchange, rehearsal_trunk
from opendeep_kit.phone.asterisk_config import configure_line
from opendeep_kit.phone.asterisk_instance import AsteriskInstance
from opendeep_kit.phone.asterisk_line import AsteriskLine, LineLimits
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.phone.line import CallOrder, LineResult, Progress
from opendeep_kit.phone.line_tests import tone
from opendeep_kit.phone.originate import Structure
from tests.phone.ami_proxy import ami_proxy
from tests.phone.asterisk_end import open_files, until

QUICK = LineLimits(originate_s=1, settle_s=0.5, linger_s=0.5, outage_s=10, outage_grace_s=0.1)
AMI = AmiLimits(answer_s=2, first_wait_s=0.05, longest_wait_s=0.2)
ECHO, RINGS, EARLY_HANGUP, MUTE = "32", "21", "26", "29"
"""Last digits of `rehearsal/public.py` (and of `asterisk/callees/` for the echo)."""


@dataclass
class Studio:
    """A line with its media server, which sends a tone into every call."""

    line: AsteriskLine
    media: AudioSocketServer
    callees: AsteriskInstance
    sockets: dict[UUID, AudioSocketConnection] = field(default_factory=dict)
    happened: list[str] = field(default_factory=list)

    def order(self, last_digits: str, *, ring_limit_s: float = 20.0) -> CallOrder:
        return CallOrder(
            call_id=uuid4(),
            number=f"+121255501{last_digits}",
            media_host="127.0.0.1",
            media_port=self.media.port,
            ring_limit_s=ring_limit_s,
        )

    def place(self, order: CallOrder) -> asyncio.Task[LineResult]:
        """Place the call and note what is reported."""
        return asyncio.create_task(self.line.place(order, lambda progress: self.happened.append(progress)))

    async def handle(self, connection: AudioSocketConnection) -> None:
        self.sockets[connection.call_id] = connection
        self.happened.append("sound")
        self.line.media_opened(connection.call_id)
        try:
            await tone(connection, rate_hz=24000)
        finally:
            self.line.media_closed(connection.call_id)

    async def talking(self, order: CallOrder) -> asyncio.Task[LineResult]:
        """Place the call and wait for the answer."""
        call = self.place(order)
        await until(lambda: Progress.ANSWERED in self.happened and order.call_id in self.sockets)
        return call

    async def calls_seen_by_the_public(self) -> int:
        """How many calls ever reached the callees' Asterisk."""
        found = re.search(r"(\d+) calls? processed", await self.callees.cli("core show channels count"))
        assert found is not None
        return int(found[1])


@contextlib.asynccontextmanager
async def studio(
    line: AsteriskInstance,
    callees: AsteriskInstance | None,
    *,
    structure: Structure = Structure.CHANNEL_DRIVER,
    port: int | None = None,
    ami: AmiLimits = AMI,
) -> AsyncIterator[Studio]:
    """Everything for calls; at the end nothing may be left of them."""
    assert callees is not None
    before = asyncio.all_tasks()

    async def yes(_: UUID) -> bool:
        return True

    async def handle(connection: AudioSocketConnection) -> None:
        await made.handle(connection)

    account = AmiAccount(port=port or line.ports.ami, username=line.ami_user, secret=line.ami_secret)
    asterisk_line = AsteriskLine(account, structure=structure, limits=QUICK, ami_limits=ami)
    async with AudioSocketServer(admit=yes, handle=handle, settings=PhoneSettings()) as media, asterisk_line:
        made = Studio(asterisk_line, media, callees)
        yield made
        with contextlib.suppress(Unavailable):
            await until_gone(made)
    assert (asterisk_line.calls.unmatched, asterisk_line.calls.foreign) == (0, 0)
    await until(lambda: asyncio.all_tasks() == before)


async def until_gone(made: Studio) -> None:
    """No channel in Asterisk, no call in the table."""
    async with asyncio.timeout(5):
        while await made.line.living_calls() or len(made.line.calls):  # noqa: ASYNC110 - Asterisk is asked
            await asyncio.sleep(0.05)


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


# ---- hanging up and handing over --------------------------------------------------------------------

WE_HUNG_UP = LineResult(phone_result=PhoneResult.ANSWERED, ended_by=None, cause=16, detail="our side hung up")
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

        assert await call == WE_HUNG_UP
        await made.line.hang_up(order.call_id)


async def test_hang_up_while_ringing(exchange: Exchange) -> None:
    """A call that we end while it rings is cancelled, not unanswered."""
    async with studio(exchange.line, exchange.callees) as made:
        order = made.order(RINGS)
        call = made.place(order)
        await until(lambda: Progress.RINGING in made.happened)
        await made.line.hang_up(order.call_id)

        assert await call == CANCELLED


@pytest.mark.parametrize("moment", ["at once", "while ringing"])
async def test_cancelling_place_hangs_up(exchange: Exchange, moment: str) -> None:
    """Cancelling the coroutine leaves no channel behind, even when the call had not begun yet."""
    async with studio(exchange.line, exchange.callees) as made:
        call = made.place(made.order(RINGS))
        await until(lambda: len(made.line.calls) if moment == "at once" else Progress.RINGING in made.happened)
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
        callee = next(uniqueid for uniqueid, leg in held.legs.items() if leg is held.callee)
        await made.line.ami.ask("Hangup", {"Channel": callee})

    assert result == LineResult(phone_result=PhoneResult.ANSWERED, ended_by=None, detail="handed over")


async def test_transfer_without_a_callee_is_refused(exchange: Exchange) -> None:
    """Nobody can be handed over before they answered."""
    async with studio(exchange.line, exchange.callees) as made:
        with pytest.raises(Refused, match="wait until they answered"):
            await made.line.transfer(uuid4(), "+12125550129")
        with pytest.raises(BadInput):
            await made.line.transfer(uuid4(), "s@evil")


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


NORMAL = "app_dial.c: Unable to forward frametype 2"
"""Our silence met a callee's leg in the millisecond in which it was hanging up."""


async def check_many(exchange: Exchange, *, calls: int, at_once: int) -> None:
    """Every call ends as it should, every event finds its call, nothing is left, Asterisk has nothing to complain of."""
    assert exchange.line.pid is not None
    log_began = exchange.line.log_file.stat().st_size
    theirs = Path(f"/proc/{exchange.line.pid}/fd")
    async with studio(exchange.line, exchange.callees) as made:
        await many(made, calls=6, at_once=6)
        await until_gone(made)
        our_files, their_files = open_files(), len(list(theirs.iterdir()))
        results = await many(made, calls=calls, at_once=at_once)
        await until_gone(made)

        told = Counter((result.phone_result, result.ended_by) for result in results)
        assert told == {
            (PhoneResult.BUSY, EndedBy.NETWORK): calls // 3,
            (PhoneResult.ANSWERED, EndedBy.CALLEE): calls // 3,
            (PhoneResult.ANSWERED, None): calls // 3,
        }
        assert made.line.calls.matched > 10 * calls
        await until(lambda: (open_files(), len(list(theirs.iterdir()))) == (our_files, their_files))
    log = exchange.line.log_file.read_bytes()[log_began:].decode()
    assert [line for line in log.splitlines() if re.search(r"ERROR|WARNING", line) and NORMAL not in line] == []


async def test_forty_calls_at_once(exchange: Exchange) -> None:
    """Two rounds of forty-two concurrent calls: one outcome each, no unmatched event, nothing left over."""
    await check_many(exchange, calls=84, at_once=42)


@pytest.mark.soak
async def test_two_hundred_calls(exchange: Exchange) -> None:
    """The same with 240 calls, as fast as forty concurrent ones go."""
    await check_many(exchange, calls=240, at_once=40)


# ---- disasters --------------------------------------------------------------------------------------


async def test_call_survives_a_cut_link(exchange: Exchange) -> None:
    """With the AMI connection cut the call goes on, and is ended by us afterwards."""
    async with (
        ami_proxy(exchange.line.ports.ami) as cable,
        studio(exchange.line, exchange.callees, port=cable.port) as made,
    ):
        order = made.order(ECHO)
        call = await made.talking(order)
        await cable.pull()
        await until(lambda: not made.line.ami.is_ready)
        with pytest.raises(Unavailable):
            await made.place(made.order(ECHO))
        await asyncio.sleep(0.3)
        await cable.plug()
        await until(lambda: made.line.ami.is_ready)
        await made.line.hang_up(order.call_id)

        assert await call == WE_HUNG_UP


async def test_call_that_ends_during_an_outage(exchange: Exchange) -> None:
    """A callee who hung up while the link was down is known to have answered, and the call to be over."""
    async with (
        ami_proxy(exchange.line.ports.ami) as cable,
        studio(exchange.line, exchange.callees, port=cable.port) as made,
    ):
        order = made.order(EARLY_HANGUP)
        call = await made.talking(order)
        made.line.media_opened(order.call_id)
        await cable.pull()
        await asyncio.wait({made.sockets[order.call_id].closed})
        result = await call
        await cable.plug()

    assert (result.phone_result, result.ended_by) == (PhoneResult.ANSWERED, EndedBy.FAILURE)


async def test_answer_during_an_outage_is_reported_afterwards(exchange: Exchange) -> None:
    """A callee who answered while the link was down is reported when it returns."""
    async with (
        ami_proxy(exchange.line.ports.ami) as cable,
        studio(exchange.line, exchange.callees, port=cable.port) as made,
    ):
        order = made.order(MUTE)
        call = made.place(order)
        await until(lambda: Progress.RINGING in made.happened)
        await cable.pull()
        await asyncio.sleep(1.5)  # the callee answers after a second
        assert Progress.ANSWERED not in made.happened
        await cable.plug()
        await until(lambda: Progress.ANSWERED in made.happened)
        await made.line.hang_up(order.call_id)

        assert (await call).phone_result is PhoneResult.ANSWERED


async def test_frozen_asterisk_places_no_phantom_call(exchange: Exchange) -> None:
    """What was asked of a frozen Asterisk is not carried out when it wakes; the call that was up goes on."""
    pid = exchange.line.pid
    assert pid is not None
    async with studio(exchange.line, exchange.callees, ami=replace(AMI, answer_s=0.3)) as made:
        order = made.order(ECHO)
        call = await made.talking(order)
        before = await made.calls_seen_by_the_public()
        os.kill(pid, signal.SIGSTOP)
        try:
            doubtful = made.place(made.order(ECHO))
            await asyncio.sleep(3)
        finally:
            os.kill(pid, signal.SIGCONT)
        async with asyncio.timeout(5):
            result = await doubtful
        await asyncio.sleep(1)

        assert (result.phone_result, result.ended_by) == (PhoneResult.FAILED, EndedBy.FAILURE)
        assert await made.calls_seen_by_the_public() == before
        await made.line.hang_up(order.call_id)
        assert await call == WE_HUNG_UP


async def test_killed_asterisk(exchange: Exchange, short_dir: Path) -> None:
    """With Asterisk killed in mid-call the outcome is told, and after its return the next call works."""
    assert exchange.callees is not None
    trunk = rehearsal_trunk(exchange.callees)
    own = configure_line(short_dir / "line", program=exchange.line.program, trunk=trunk)
    running = await own.start()
    async with studio(own, exchange.callees) as made:
        call = await made.talking(made.order(ECHO))
        before = await made.calls_seen_by_the_public()
        assert own.pid is not None
        os.kill(own.pid, signal.SIGKILL)
        result = await call
        await running.stop()

        assert result == LineResult(
            phone_result=PhoneResult.ANSWERED,
            ended_by=EndedBy.FAILURE,
            detail="its sound ended while Asterisk could not be reached",
        )
        async with await own.start():
            await until(lambda: made.line.ami.is_ready)
            assert (await made.place(made.order("20"))).phone_result is PhoneResult.BUSY
            assert await made.calls_seen_by_the_public() == before + 1
            await until_gone(made)

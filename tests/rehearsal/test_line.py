"""The line simulator against a real media server and a small callee, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import groupby
from uuid import UUID, uuid4

import pytest

from opendeep_kit.audio.pcm import frame_bytes, level_dbfs
from opendeep_kit.errors import Refused
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.phone.line import (
    HANDED_OVER,
    OUR_LEG_ENDED,
    WE_HUNG_UP,
    WE_HUNG_UP_EARLY,
    CallOrder,
    CallProgress,
    LineResult,
)
from opendeep_kit.rehearsal.line import SimulatedLine
from opendeep_kit.rehearsal.public import callee_uuid
from opendeep_kit.settings import LineFormat, PhoneSettings
from tests.phone.asterisk_end import open_files, until

RATE = 24000
QUIET = bytes(960)
AGENT, CALLEE = b"\x11\x01" * 480, b"\x22\x02" * 480
FAST = 0.05
Handler = Callable[[AudioSocketConnection], Awaitable[None]]


class Office:
    """Our side of one call: what the media server heard and when, beside what the line reported."""

    def __init__(self) -> None:
        self.order: CallOrder | None = None
        self.progress: list[CallProgress] = []
        self.before: list[bytes] = []
        self.after: list[bytes] = []
        self.digits: list[str] = []
        self.reason = ""
        self.connection: AudioSocketConnection | None = None
        self.act: Handler = self._keep_quiet

    async def hold(self, connection: AudioSocketConnection) -> None:
        """The media server's handler."""
        self.connection = connection
        connection.on_sound = self._hear
        connection.on_digit = self.digits.append
        await self.act(connection)
        self.reason = await connection.closed

    def report(self, progress: CallProgress) -> None:
        """What the line says."""
        self.progress.append(progress)

    async def answered(self) -> None:
        """Wait for the callee to pick up."""
        await until(lambda: CallProgress.ANSWERED in self.progress)

    def _hear(self, rate_hz: int, pcm: bytes) -> None:
        (self.after if CallProgress.ANSWERED in self.progress else self.before).append(pcm)

    @staticmethod
    async def _keep_quiet(connection: AudioSocketConnection) -> None:
        await asyncio.wait({connection.closed})


async def everybody(call_id: UUID) -> bool:
    """Admits all."""
    return True


@contextlib.asynccontextmanager
async def listening(handle: Handler, line_format: LineFormat = "slin24") -> AsyncIterator[AudioSocketServer]:
    """An AudioSocket server on a free port."""
    settings = PhoneSettings(line_format=line_format)
    async with AudioSocketServer(admit=everybody, handle=handle, settings=settings) as server:
        yield server


async def call(
    last: str,
    office: Office | None = None,
    *,
    callee: Handler = Office._keep_quiet,
    ring_limit_s: float = 30.0,
    line_format: LineFormat = "slin24",
    time_scale: float = FAST,
) -> LineResult:
    """Dial the number that ends so; nothing may be left behind on any path."""
    office = office or Office()
    tasks, files = asyncio.all_tasks(), open_files()
    async with listening(office.hold, line_format) as media, listening(callee, line_format) as callees:
        office.order = CallOrder(
            call_id=uuid4(),
            number=f"+121255501{last}",
            media_host="127.0.0.1",
            media_port=media.port,
            line_format=line_format,
            ring_limit_s=ring_limit_s,
        )
        line = SimulatedLine("127.0.0.1", callees.port, time_scale=time_scale)
        result = await line.place(office.order, office.report)
        await until(lambda: media.counts.live == 0 and callees.counts.live == 0)
    assert asyncio.all_tasks() == tasks
    await until(lambda: open_files() == files)
    return result


async def say(connection: AudioSocketConnection, pcm: bytes, times: int) -> None:
    """So many frames, 20 ms apart."""
    for _ in range(times):
        connection.send_frame(pcm, RATE)
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("last", ["21", "29"])
async def test_only_a_callee_who_answered_is_handed_over(last: str) -> None:
    """As Asterisk has it: while the telephone rings there is nobody to hand over, and the call goes on."""
    office = Office()
    async with listening(office.hold) as media, listening(Office._keep_quiet) as callees:
        order = CallOrder(
            call_id=uuid4(), number=f"+121255501{last}", media_host="127.0.0.1", media_port=media.port, ring_limit_s=5
        )
        line = SimulatedLine("127.0.0.1", callees.port, time_scale=0.3)
        call = asyncio.create_task(line.place(order, office.report))
        await until(lambda: CallProgress.RINGING in office.progress)
        with pytest.raises(Refused, match="wait until the callee has answered"):
            await line.transfer(order.call_id, "+12125550129")
        if last == "21":
            assert (await call).phone_result is PhoneResult.NO_ANSWER
            return
        await office.answered()
        await line.transfer(order.call_id, "+12125550129")

        assert (await call).detail == HANDED_OVER


@pytest.mark.parametrize("last", ["21", "29"])
async def test_hang_up_ends_a_call_wherever_it_is(last: str) -> None:
    """As Asterisk has it: ringing or answered, it lives until it is hung up on, and of one that is gone nothing is said."""
    office = Office()
    async with listening(office.hold) as media, listening(Office._keep_quiet) as callees:
        order = CallOrder(call_id=uuid4(), number=f"+121255501{last}", media_host="127.0.0.1", media_port=media.port)
        line = SimulatedLine("127.0.0.1", callees.port, time_scale=FAST)
        call = asyncio.create_task(line.place(order, office.report))
        await until(lambda: office.progress[-1:] == [CallProgress.ANSWERED if last == "29" else CallProgress.RINGING])
        assert await line.living_calls() == {order.call_id}
        await line.hang_up(order.call_id)
        result = await call
        await line.hang_up(order.call_id)

        wanted = (PhoneResult.ANSWERED, WE_HUNG_UP) if last == "29" else (PhoneResult.CANCELLED, WE_HUNG_UP_EARLY)
        assert (result.phone_result, result.detail, result.ended_by) == (*wanted, None)
        assert await line.living_calls() == frozenset()


# ---- nobody answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "result", "cause", "progress"),
    [
        ("20", PhoneResult.BUSY, 17, []),
        ("21", PhoneResult.NO_ANSWER, 0, [CallProgress.RINGING]),
        ("22", PhoneResult.REJECTED, 21, []),
        ("23", PhoneResult.INVALID_NUMBER, 1, []),
        ("24", PhoneResult.CONGESTION, 34, []),
        ("25", PhoneResult.NO_ANSWER, 19, [CallProgress.RINGING]),
        ("27", PhoneResult.INVALID_NUMBER, 1, []),
        ("30", PhoneResult.NO_ANSWER, 0, []),
        ("99", PhoneResult.INVALID_NUMBER, 1, []),
    ],
)
async def test_call_that_is_not_answered(
    last: str, result: PhoneResult, cause: int, progress: list[CallProgress]
) -> None:
    """Each failure of the network comes with its Q.850 cause, and ends the media connection by FIN."""
    office = Office()

    got = await call(last, office, ring_limit_s=10.0 if last in ("21", "30") else 60.0)

    assert (got.phone_result, got.ended_by, got.cause) == (result, EndedBy.NETWORK, cause)
    assert got.detail
    assert office.progress == progress
    assert office.reason == "peer_closed"


async def test_ringing_is_silent_frames_in_the_orders_format() -> None:
    """While it rings the media server hears silence, 20 ms at a time: it knows the call lives, and no voice."""
    office = Office()

    await call("25", office, time_scale=0.2, line_format="slin16")

    assert office.before == [bytes(640)] * 20
    assert office.connection is not None
    assert office.connection.peer_rate_hz == 16000


async def test_announcement_is_early_media() -> None:
    """The network's three tones are heard before any answer, and no answer ever comes."""
    office = Office()

    await call("27", office)

    loud = [pcm for pcm in office.before if level_dbfs(pcm) > -30]
    assert len(loud) == 50
    assert office.progress == office.after == []


async def test_trying_only_gives_no_sound() -> None:
    """Between 100 Trying and 180 Ringing nothing flows towards the server."""
    office = Office()

    await call("30", office, ring_limit_s=4.0)

    assert office.before == []


async def test_media_server_that_is_down() -> None:
    """With nobody to take the sound nobody's phone rings."""
    office = Office()
    async with listening(office.hold) as closed:
        port = closed.port
    order = CallOrder(call_id=uuid4(), number="+12125550101", media_host="127.0.0.1", media_port=port)

    result = await SimulatedLine("127.0.0.1", port).place(order, office.report)

    assert (result.phone_result, result.ended_by) == (PhoneResult.FAILED, EndedBy.FAILURE)
    assert office.progress == []


async def test_callees_that_are_down() -> None:
    """A persona that cannot be reached never answers; the result says what is missing."""
    office = Office()
    async with listening(office.hold) as media:
        order = CallOrder(call_id=uuid4(), number="+12125550101", media_host="127.0.0.1", media_port=media.port)
        result = await SimulatedLine("127.0.0.1", 1, time_scale=FAST).place(order, office.report)

    assert (result.phone_result, result.cause) == (PhoneResult.FAILED, 38)
    assert office.progress == [CallProgress.RINGING]


# ---- somebody answers -------------------------------------------------------------------------------


async def test_persona_is_called_by_its_number() -> None:
    """The personas' server learns from the UUID who is called; the media server sees the call's own id."""
    office = Office()
    called: list[UUID] = []

    async def callee(connection: AudioSocketConnection) -> None:
        called.append(connection.call_id)

    await call("01", office, callee=callee)

    assert called == [callee_uuid("+12125550101")]
    assert office.connection is not None
    assert office.order is not None
    assert office.connection.call_id == office.order.call_id


async def test_sound_passes_both_ways_unharmed() -> None:
    """After the answer each side hears the other's frames, whole and in order."""
    office, heard, listens = Office(), [], asyncio.Event()
    frames = [bytes([n, 1]) * 480 for n in range(1, 21)]

    async def agent(connection: AudioSocketConnection) -> None:
        await office.answered()
        await listens.wait()
        for frame in frames:
            await say(connection, frame, 1)

    async def callee(connection: AudioSocketConnection) -> None:
        connection.on_sound = lambda rate, pcm: heard.append((rate, pcm))
        listens.set()
        for frame in frames:
            await say(connection, frame, 1)
        await until(lambda: len([pcm for _, pcm in heard if pcm != QUIET]) == 20)

    office.act = agent
    await call("01", office, callee=callee)

    assert [pcm for pcm in office.after if pcm != QUIET] == frames
    assert [sound for sound in heard if sound[1] != QUIET] == [(RATE, frame) for frame in frames]


async def test_what_is_said_before_the_answer_is_lost() -> None:
    """The agent's frames while it rings reach nobody."""
    office, heard = Office(), []

    async def agent(connection: AudioSocketConnection) -> None:
        while CallProgress.ANSWERED not in office.progress:
            await say(connection, AGENT, 1)
        await say(connection, CALLEE, 3)

    async def callee(connection: AudioSocketConnection) -> None:
        connection.on_sound = lambda rate, pcm: heard.append(pcm)
        await until(lambda: heard.count(CALLEE) == 3)

    office.act = agent
    await call("01", office, callee=callee)

    assert heard.count(AGENT) <= 1
    assert office.before
    assert set(office.before) == {QUIET}


async def test_burst_of_the_agent_passes_as_a_burst() -> None:
    """Asterisk has no buffer: frames sent at once arrive at once, none is paced or lost."""
    office, heard, listens = Office(), [], asyncio.Event()

    async def agent(connection: AudioSocketConnection) -> None:
        await office.answered()
        await listens.wait()
        for n in range(30):
            connection._transport.write(b"\x13\x03\xc0" + bytes([n + 1, 7]) * 480)  # type: ignore[union-attr]

    async def callee(connection: AudioSocketConnection) -> None:
        connection.on_sound = lambda rate, pcm: heard.append((asyncio.get_running_loop().time(), pcm))
        listens.set()
        await until(lambda: len([pcm for _, pcm in heard if pcm[1] == 7]) == 30)

    office.act = agent
    await call("01", office, callee=callee)

    loud = [(at, pcm[0]) for at, pcm in heard if pcm[1] == 7]
    assert [number for _, number in loud] == list(range(1, 31))
    assert loud[-1][0] - loud[0][0] < 29 * 0.02


async def test_callee_hangs_up() -> None:
    """The callee's hang-up reaches us as a plain FIN."""
    office = Office()

    async def callee(connection: AudioSocketConnection) -> None:
        await say(connection, CALLEE, 2)

    result = await call("01", office, callee=callee)

    assert (result.phone_result, result.ended_by, result.cause) == (PhoneResult.ANSWERED, EndedBy.CALLEE, 16)
    assert office.reason == "peer_closed"
    assert office.progress == [CallProgress.RINGING, CallProgress.ANSWERED]


async def test_callee_that_vanishes() -> None:
    """A callee whose side is reset is lost by the network, not hung up."""

    async def callee(connection: AudioSocketConnection) -> None:
        await asyncio.sleep(0.05)
        connection._transport.write(b"\x77\x00\x00")  # type: ignore[union-attr]
        await connection.closed

    result = await call("01", callee=callee)

    assert (result.phone_result, result.ended_by, result.cause) == (PhoneResult.ANSWERED, EndedBy.NETWORK, 44)


async def test_early_hang_up() -> None:
    """Number 26 answers, is silent, and hangs up by itself."""
    office = Office()

    result = await call("26", office, time_scale=0.2)

    assert (result.phone_result, result.ended_by, result.cause) == (PhoneResult.ANSWERED, EndedBy.CALLEE, 16)
    assert office.after == [QUIET] * 10


async def test_digits() -> None:
    """Number 28 presses 1, 2, # and waits for us to end the call."""
    office = Office()

    async def agent(connection: AudioSocketConnection) -> None:
        await until(lambda: len(office.digits) == 3)

    office.act = agent
    hanging_up(office)
    result = await call("28", office)

    assert office.digits == ["1", "2", "#"]
    assert (result.phone_result, result.ended_by) == (PhoneResult.ANSWERED, None)


async def test_mute_callee_sends_nothing_at_all() -> None:
    """After the answer of number 29 not even silence comes, and our frames alone keep the call."""
    office = Office()

    async def agent(connection: AudioSocketConnection) -> None:
        await office.answered()
        await say(connection, AGENT, 30)

    office.act = agent
    hanging_up(office)
    result = await call("29", office, time_scale=0.1)

    assert office.after == []
    assert result.detail == "our side hung up"


# ---- our side ends it -------------------------------------------------------------------------------


def hanging_up(office: Office, end: Callable[[AudioSocketConnection], object] | None = None) -> None:
    """Let the media server end the call after its part."""
    act = office.act

    async def and_end(connection: AudioSocketConnection) -> None:
        await act(connection)
        (end or AudioSocketConnection.hang_up)(connection)

    office.act = and_end


def write(data: bytes) -> Callable[[AudioSocketConnection], object]:
    """Bytes that our server would never send."""
    return lambda connection: connection._transport.write(data)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("end", "detail"),
    [
        (AudioSocketConnection.hang_up, OUR_LEG_ENDED),
        (AudioSocketConnection.abort, OUR_LEG_ENDED),
        (lambda connection: connection._transport.write_eof(), OUR_LEG_ENDED),
        (write(b"\x01\x00\x10" + bytes(16)), "kind 0x01"),
        (write(b"\x03\x00\x011"), "kind 0x03"),
        (write(b"\xff\x00\x01\x01"), "kind 0xff"),
        (write(b"\x02\x00\x00"), "kind 0x02"),
        (write(b"\x19\x00\x02ab"), "kind 0x19"),
        (write(b"\x13\x00\x00"), "empty sound message"),
        (write(b"\x13\x03\xc0" + bytes(500)), "in pieces"),
        (write(b"\x13\x03\xc0"), "in pieces"),
    ],
)
async def test_server_ends_an_answered_call(end: Callable[[AudioSocketConnection], object], detail: str) -> None:
    """A hang-up, FIN, RST and everything that Asterisk does not forgive end the call for the callee too."""
    office, callee_reasons = Office(), []

    async def mute_agent(connection: AudioSocketConnection) -> None:
        await office.answered()
        connection.send_frame(QUIET, RATE)

    async def callee(connection: AudioSocketConnection) -> None:
        callee_reasons.append(await connection.closed)

    office.act = mute_agent
    hanging_up(office, end)
    result = await call("01", office, callee=callee)

    by = None if detail == OUR_LEG_ENDED else EndedBy.FAILURE
    assert (result.phone_result, result.ended_by, result.cause) == (PhoneResult.ANSWERED, by, 16)
    assert detail in result.detail
    assert callee_reasons == ["peer_closed"]


async def test_server_hangs_up_while_it_rings() -> None:
    """Our hang-up before the answer cancels the call, and no phone is picked up any more."""
    office = Office()

    async def agent(connection: AudioSocketConnection) -> None:
        await until(lambda: office.progress)

    office.act = agent
    hanging_up(office)
    result = await call("21", office)

    assert (result.phone_result, result.ended_by, result.cause) == (PhoneResult.CANCELLED, None, 16)
    assert office.progress == [CallProgress.RINGING]


async def test_header_and_payload_may_come_in_two_writes_at_once() -> None:
    """The payload may follow its header within 5 ms: two writes without a pause are one frame."""
    office, heard = Office(), []

    async def agent(connection: AudioSocketConnection) -> None:
        await office.answered()
        connection._transport.write(b"\x13\x03\xc0")  # type: ignore[union-attr]
        connection._transport.write(AGENT)  # type: ignore[union-attr]

    async def callee(connection: AudioSocketConnection) -> None:
        connection.on_sound = lambda rate, pcm: heard.append(pcm)
        await until(lambda: AGENT in heard)

    office.act = agent
    result = await call("01", office, callee=callee)

    assert result.ended_by is EndedBy.CALLEE


@pytest.mark.parametrize(
    ("last", "result"), [("30", PhoneResult.FAILED), ("29", PhoneResult.ANSWERED), ("01", PhoneResult.ANSWERED)]
)
async def test_two_seconds_without_any_sound(last: str, result: PhoneResult) -> None:
    """A server that waits silently for a callee who sends nothing loses the call: our failure, not the callee's."""
    office = Office()

    async def fall_silent(connection: AudioSocketConnection) -> None:
        connection.send_frame(QUIET, RATE)
        await asyncio.wait({connection.closed})

    office.act = fall_silent
    got = await call(last, office, callee=fall_silent, time_scale=0.1)

    assert (got.phone_result, got.ended_by) == (result, EndedBy.FAILURE)
    assert got.detail == "neither side sent anything for two seconds"


async def test_server_that_refuses_the_call() -> None:
    """A call that the store does not expect is hung up at once: cancelled before anybody is disturbed."""

    async def nobody(call_id: UUID) -> bool:
        return False

    progress: list[CallProgress] = []
    async with AudioSocketServer(admit=nobody, handle=Office().hold, settings=PhoneSettings()) as media:
        order = CallOrder(call_id=uuid4(), number="+12125550101", media_host="127.0.0.1", media_port=media.port)
        result = await SimulatedLine("127.0.0.1", 1).place(order, progress.append)

    assert result.phone_result is PhoneResult.CANCELLED
    assert progress == []


@pytest.mark.parametrize("last", ["01", "21", "29", "30"])
async def test_cancelling_hangs_up(last: str) -> None:
    """Whoever cancels `place` leaves neither a call nor a socket behind, whatever the call's state."""
    office = Office()

    async def cancelled() -> LineResult:
        placing = asyncio.current_task()
        assert placing is not None
        asyncio.get_running_loop().call_later(0.2, placing.cancel)
        return await call(last, office)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(cancelled())

    await until(lambda: office.reason == "peer_closed")


async def test_two_hundred_frames_keep_their_order() -> None:
    """Through a longer talk not one frame of the callee is lost, doubled or swapped."""
    office = Office()
    frames = [n.to_bytes(2, "little") * 480 for n in range(1, 201)]

    async def callee(connection: AudioSocketConnection) -> None:
        for at in range(0, 200, 2):
            for frame in frames[at : at + 2]:
                connection.send_frame(frame, RATE)
            await asyncio.sleep(0.005)

    await call("01", office, callee=callee)

    assert [pcm for pcm, _ in groupby(office.after) if pcm != QUIET] == frames
    assert {len(pcm) for pcm in office.after} == {frame_bytes(RATE)}

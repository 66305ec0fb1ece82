"""The AudioSocket server over real sockets: who is let in, what keeps the line alive, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog

from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.phone import audiosocket_server
from opendeep_kit.phone.audiosocket import encode_call_id, encode_digit, encode_sound
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.settings import PhoneSettings
from tests.phone.asterisk_end import asterisk_end, open_files, until

CALL = UUID("00112233-4455-6677-8899-aabbccddeeff")
QUIET = (0x10, bytes(320))
Handler = Callable[[AudioSocketConnection], Awaitable[None]]


async def yes(call_id: UUID) -> bool:
    """Every call is expected."""
    del call_id
    return True


async def until_closed(connection: AudioSocketConnection) -> None:
    """A handler that leaves the line to the connection's own silence."""
    await asyncio.wait({connection.closed})


@contextlib.asynccontextmanager
async def serving(
    handle: Handler = until_closed, *, admit: Callable[[UUID], Awaitable[bool]] = yes, **settings: Any
) -> AsyncIterator[AudioSocketServer]:
    """A server on a free port that must leave nothing behind."""
    tasks, files = asyncio.all_tasks(), open_files()
    given = PhoneSettings(line_format="slin", **settings)
    async with AudioSocketServer(admit=admit, handle=handle, settings=given) as server:
        yield server
    assert server.counts.live == 0
    assert asyncio.all_tasks() == tasks
    await until(lambda: open_files() == files)


# ---- admission --------------------------------------------------------------------------------------


async def test_expected_call_reaches_its_handler() -> None:
    """An expected UUID is handed over with the id it showed."""
    seen: list[UUID] = []

    async def handle(connection: AudioSocketConnection) -> None:
        seen.append(connection.call_id)

    async with serving(handle) as server, asterisk_end(server.port, CALL) as peer:
        await peer.until_closed()

    assert seen == [CALL]
    assert (server.counts.accepted, server.counts.admitted, server.counts.refused) == (1, 1, 0)


async def test_uuid_is_good_once_and_only_if_expected() -> None:
    """An unknown UUID, a second use and an expired one are hung up on, and counted."""
    expected = {CALL}

    async def admit(call_id: UUID) -> bool:
        try:
            expected.remove(call_id)
        except KeyError:
            return False
        return True

    async with serving(admit=admit) as server, asterisk_end(server.port, CALL):
        await until(lambda: server.counts.admitted)
        for call_id in (CALL, uuid4()):
            async with asterisk_end(server.port, call_id) as stranger:
                assert (await stranger.until_closed())[-1] == (0x00, b"")

    assert (server.counts.admitted, server.counts.refused) == (1, 2)


async def test_admission_that_takes_too_long_is_a_refusal() -> None:
    """A store that does not answer in time refuses the call; silence was sent meanwhile."""

    async def admit(call_id: UUID) -> bool:
        await asyncio.sleep(3600)
        return True

    async with serving(admit=admit, handshake_timeout_s=0.1) as server, asterisk_end(server.port, CALL) as peer:
        messages = await peer.until_closed()

    assert messages[0] == QUIET
    assert messages[-1] == (0x00, b"")
    assert (server.counts.admitted, server.counts.refused) == (0, 1)


async def test_admission_is_cancelled_when_the_peer_leaves() -> None:
    """Nobody is let in who has gone: the question to the store is given up and no handler runs."""
    asked = asyncio.Event()
    given_up: list[bool] = []

    async def admit(call_id: UUID) -> bool:
        asked.set()
        try:
            await asyncio.sleep(3600)
        finally:
            given_up.append(True)
        return True

    async with serving(admit=admit, handshake_timeout_s=60) as server:
        async with asterisk_end(server.port, CALL):
            await asked.wait()
        await until(lambda: given_up)

    assert (server.counts.left_early, server.counts.admitted, server.counts.refused) == (1, 0, 0)


async def test_peer_without_uuid_is_cut_off() -> None:
    """Who says nothing within the handshake time is closed."""
    async with serving(handshake_timeout_s=0.05) as server, asterisk_end(server.port) as peer:
        assert await peer.until_closed() == []

    assert server.counts.handshake_timeouts == 1


async def test_connections_beyond_the_cap_are_taken_and_hung_up() -> None:
    """The cap answers with a hang-up, never with a refused connect; a place that gets free is given away."""
    async with serving(max_connections=1) as server:
        async with asterisk_end(server.port, CALL) as first:
            await first.message()
            async with asterisk_end(server.port, uuid4()) as second, asterisk_end(server.port, uuid4()) as third:
                assert await second.until_closed() == [(0x00, b"")]
                assert await third.until_closed() == [(0x00, b"")]
                assert server.counts.live == 1
        await until(lambda: server.counts.live == 0)
        async with asterisk_end(server.port, uuid4()) as fourth:
            assert await fourth.message() == QUIET

    assert server.counts.over_capacity == 2


async def test_port_that_is_taken_says_so() -> None:
    """Two servers on one port: the second names the port and what to do."""
    async with serving() as server:
        second = AudioSocketServer(admit=yes, handle=until_closed, settings=PhoneSettings(port=server.port))

        with pytest.raises(BadInput, match=rf"127\.0\.0\.1:{server.port}.*0 picks a free one"):
            await second.start()


# ---- keeping the line alive -------------------------------------------------------------------------


async def test_silence_from_the_uuid_on() -> None:
    """While admission is pending the line gets silence, one 20 ms frame per slot and never faster."""
    loop = asyncio.get_running_loop()
    may_answer = asyncio.Event()

    async def admit(call_id: UUID) -> bool:
        await may_answer.wait()
        return True

    async with serving(admit=admit, handshake_timeout_s=60) as server:
        before = loop.time()
        async with asterisk_end(server.port, CALL) as peer:
            frames = [await peer.message() for _ in range(15)]
            elapsed_s = loop.time() - before
            may_answer.set()

    assert frames == [QUIET] * 15
    assert elapsed_s == pytest.approx(14 * 0.02)


async def test_silence_goes_on_until_the_handlers_first_frame() -> None:
    """A handler that takes its time to prepare leaves no gap, and its frames continue the same slots."""
    slots: list[int] = []
    ready = asyncio.Event()

    async def handle(connection: AudioSocketConnection) -> None:
        await ready.wait()
        slots.append(connection.slots_sent)
        connection.send_frame(b"\x01\x02" * 160, 8000)
        await asyncio.sleep(0.1)

    async with serving(handle) as server, asterisk_end(server.port, CALL) as peer:
        quiet = [await peer.message() for _ in range(8)]
        ready.set()
        rest = await peer.until_closed()

    assert quiet == [QUIET] * 8
    own = rest.index((0x10, b"\x01\x02" * 160))
    assert rest[own + 1 :] == [(0x00, b"")]
    assert slots == [8 + own]


async def test_one_frame_per_write_without_delay() -> None:
    """Header and payload leave in one piece: no read ever ends inside a frame."""
    nodelay: list[int] = []

    async def handle(connection: AudioSocketConnection) -> None:
        sock = connection._transport.get_extra_info("socket")  # type: ignore[union-attr]
        nodelay.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        for _ in range(40):
            connection.send_frame(bytes(320), 8000)
            await asyncio.sleep(0.002)

    async with serving(handle) as server, asterisk_end(server.port, CALL) as peer:
        lengths = []
        while data := await peer.reader.read(4096):
            lengths.append(len(data) if data[-3:] != b"\0\0\0" or len(data) % 323 == 0 else len(data) - 3)

    assert nodelay == [1]
    assert {length % 323 for length in lengths} == {0}
    assert sum(lengths) >= 40 * 323


async def test_sound_and_digits_reach_the_handler() -> None:
    """Frames of any length and keys arrive in order; the peer's rate is known."""
    got: list[object] = []

    async def handle(connection: AudioSocketConnection) -> None:
        connection.on_sound = lambda rate, pcm: got.append((rate, len(pcm)))
        connection.on_digit = got.append
        await until_closed(connection)

    async with serving(handle) as server, asterisk_end(server.port, CALL) as peer:
        await until(lambda: server.counts.admitted)
        peer.send(encode_sound(bytes(320), 8000) + encode_digit("#") + encode_sound(bytes(960), 24000))
        await until(lambda: len(got) == 3)

    assert got == [(8000, 320), "#", (24000, 960)]


async def test_peer_that_does_not_read_loses_frames_and_blocks_nobody() -> None:
    """Frames for a peer that does not read are dropped and counted; what waits for it is less than a second."""
    made: list[AudioSocketConnection] = []
    sent: list[bool] = []

    async def handle(connection: AudioSocketConnection) -> None:
        made.append(connection)
        for _ in range(1000):
            sent.append(connection.send_frame(bytes(960), 24000))
            await asyncio.sleep(0)
        connection.abort()

    async with serving(handle) as server, asterisk_end(server.port, CALL, receive_buffer=4096):
        await until(lambda: made and made[0].closed.done())

    (connection,) = made
    assert sent.count(False) == connection.frames_dropped > 900
    assert 8 <= connection.frames_out < 50


# ---- the end ----------------------------------------------------------------------------------------


async def test_hang_up_is_three_zero_bytes_then_half_close() -> None:
    """The server says 0x00, closes its own side, and reads on until Asterisk closes."""
    reasons: list[str] = []

    async def handle(connection: AudioSocketConnection) -> None:
        connection.hang_up()
        connection.hang_up()
        assert not connection.send_frame(bytes(320), 8000)
        reasons.append(await connection.closed)

    async with serving(handle) as server, asterisk_end(server.port, CALL) as peer:
        messages = await peer.until_closed()
        peer.send(encode_sound(bytes(320), 8000))
        await peer.writer.drain()
        assert reasons == []
        peer.hang_up()
        await until(lambda: reasons)

    assert messages[-1] == (0x00, b"")
    assert set(messages[:-1]) <= {QUIET}
    assert reasons == ["we_hung_up"]


async def test_peer_that_ignores_our_hang_up_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk closes within a millisecond of 0x00; who does not is not waited for."""
    monkeypatch.setattr(audiosocket_server, "CLOSE_WAIT_S", 0.05)
    reasons: list[str] = []

    async def handle(connection: AudioSocketConnection) -> None:
        connection.hang_up()
        reasons.append(await connection.closed)

    async with serving(handle) as server, asterisk_end(server.port, CALL):
        await until(lambda: reasons)
        assert server.counts.live == 0

    assert reasons == ["we_hung_up"]


async def test_callee_hangs_up() -> None:
    """Asterisk ends a call with a plain FIN."""
    assert await reason_of(lambda peer: peer.hang_up()) == "peer_closed"


async def test_peer_sends_hang_up() -> None:
    """Another AudioSocket peer may send 0x00; sound behind it in the same piece is not heard."""
    assert await reason_of(lambda peer: peer.send(b"\0\0\0" + encode_sound(bytes(320), 8000))) == "peer_closed"


async def test_peer_resets() -> None:
    """RST is told from FIN."""
    assert await reason_of(lambda peer: peer.reset()) == "peer_reset"


@pytest.mark.parametrize("data", [b"\x10\x00\x00", b"\x55\x00\x01\x00", encode_call_id(CALL), b"GET / HTTP/1.1\r\n"])
async def test_peer_breaks_the_protocol(data: bytes) -> None:
    """Nonsense, or a second UUID, ends the call."""
    assert await reason_of(lambda peer: peer.send(data)) == "protocol_error"


async def test_peer_vanishes_inside_a_message() -> None:
    """A FIN in the middle of a frame is not a hang-up by the callee."""

    def vanish(peer: Any) -> None:
        peer.send(encode_sound(bytes(320), 8000)[:100])
        peer.hang_up()

    assert await reason_of(vanish) == "protocol_error"


async def reason_of(act: Callable[[Any], None]) -> str:
    """How a live call ends when its peer does this; nothing may be heard of it."""
    reasons: list[str] = []
    heard: list[int] = []

    async def handle(connection: AudioSocketConnection) -> None:
        connection.on_sound = lambda rate, pcm: heard.append(len(pcm))
        reasons.append(await connection.closed)

    async with serving(handle) as server, asterisk_end(server.port, CALL) as peer:
        await until(lambda: server.counts.admitted)
        act(peer)
        await until(lambda: reasons)

    assert heard == []
    assert server.counts.protocol_errors == (reasons == ["protocol_error"])
    return reasons[0]


async def test_half_closed_peer_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that closed its side and leaves ours full holds no connection open."""
    monkeypatch.setattr(audiosocket_server, "CLOSE_WAIT_S", 0.05)
    full = asyncio.Event()

    async def handle(connection: AudioSocketConnection) -> None:
        for _ in range(1000):
            connection.send_frame(bytes(960), 24000)
            await asyncio.sleep(0)
        full.set()
        await connection.closed

    async with serving(handle) as server, asterisk_end(server.port, CALL, receive_buffer=4096) as peer:
        await full.wait()
        peer.hang_up()
        await until(lambda: server.counts.live == 0)


@pytest.mark.parametrize("error", [Unavailable("the store is gone", do="start it"), KeyError("Maria")])
async def test_handler_that_fails_hangs_up(error: Exception) -> None:
    """A handler's error, of ours or any other, ends its call politely and is counted; only ours is quoted."""

    async def handle(connection: AudioSocketConnection) -> None:
        raise error

    with structlog.testing.capture_logs() as logged:
        async with serving(handle) as server, asterisk_end(server.port, CALL) as peer:
            messages = await peer.until_closed()

    assert messages[-1] == (0x00, b"")
    assert server.counts.handler_failures == 1
    what = error.what if isinstance(error, Unavailable) else ""
    assert [(line["error"], line["what"]) for line in logged] == [(type(error).__name__, what)]


async def test_close_ends_calls_strangers_and_late_comers() -> None:
    """Closing hangs up on live calls, drops who has not shown a UUID, and waits for handlers still at work."""
    at_work = asyncio.Event()
    finished: list[str] = []

    async def handle(connection: AudioSocketConnection) -> None:
        at_work.set()
        await connection.closed
        await asyncio.sleep(0.05)
        finished.append("written up")

    async with serving(handle) as server, asterisk_end(server.port, CALL) as peer, asterisk_end(server.port) as other:
        await at_work.wait()
        await server.close()
        assert (await peer.until_closed())[-1] == (0x00, b"")
        assert await other.until_closed() == [(0x00, b"")]

    assert finished == ["written up"]


async def test_close_waits_for_a_handler_whose_peer_has_gone() -> None:
    """A call that has ended may still be writing its end: closing does not leave it behind."""
    finished: list[str] = []

    async def handle(connection: AudioSocketConnection) -> None:
        await connection.closed
        await asyncio.sleep(0.1)
        finished.append("written up")

    async with serving(handle) as server:
        async with asterisk_end(server.port, CALL) as peer:
            await peer.message()
        await until(lambda: server.counts.live == 0)

    assert finished == ["written up"]


async def test_close_cuts_a_handler_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that ignores its closed line is cancelled."""
    monkeypatch.setattr(audiosocket_server, "CLOSE_WAIT_S", 0.05)
    cut: list[bool] = []

    async def handle(connection: AudioSocketConnection) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            cut.append(True)

    async with serving(handle) as server, asterisk_end(server.port, CALL) as peer:
        await peer.message()

    assert cut == [True]

"""Measures what a callee hears of each way to pace 20 ms frames, while something else holds up the event loop.

    python -m benchmarks.pacing [--seconds 8] [--calls 1 20] [--stalls 0 15 40]

All ways run in one event loop, so that each meets the same stalls (a busy loop, every 100 ms). The far end is a
process of its own at a real TCP socket that plays like a telephone without any buffer: from the first frame on, and
20 ms of silence whenever the next frame is not there.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import multiprocessing
import selectors
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from opendeep_kit.audio.pacing import SLOT_S, Pacer
from opendeep_kit.audio.pcm import silence
from opendeep_kit.phone.audiosocket import encode_sound

FRAME = encode_sound(silence(24000), 24000)
STALL_EVERY_S = 0.1
NAME_BYTES = 2
"""Each connection begins with its number."""
WARM_UP_S = 0.3

Write = Callable[[bytes], None]
Pace = Callable[[Write, float], Awaitable[None]]


# ---- ways to pace -----------------------------------------------------------------------------------


async def fixed_sleep(write: Write, until: float) -> None:
    """The textbook: write, sleep 20 ms."""
    while time.monotonic() < until:
        write(FRAME)
        await asyncio.sleep(SLOT_S)


async def reset_when_late(write: Write, until: float) -> None:
    """The better textbook: a deadline, which starts anew when it was missed."""
    due = time.monotonic()
    while (now := time.monotonic()) < until:
        write(FRAME)
        due = due + SLOT_S if due + SLOT_S > now else now
        await asyncio.sleep(due - now)


def our_pacer(lead_ms: int) -> Pace:
    """`audio.pacing`, as the bridge uses it."""

    async def pace(write: Write, until: float) -> None:
        pacer = Pacer(time.monotonic(), lead_ms=lead_ms)
        while (now := time.monotonic()) < until:
            for _ in pacer.due(now):
                write(FRAME)
            await asyncio.sleep(max(0.0, pacer.wake_at() - time.monotonic()))

    return pace


WAYS: dict[str, tuple[Pace, int]] = {
    "sleep(0.02)": (fixed_sleep, 0),
    "deadline, reset when late": (reset_when_late, 0),
    "ours, 20 ms lead (default)": (our_pacer(20), 20),
    "ours, 60 ms lead": (our_pacer(60), 60),
}
"""By name: the way, and the milliseconds it may be ahead."""


# ---- the far end ------------------------------------------------------------------------------------


def receive(results: Connection) -> None:
    """Stamp every frame's arrival, until all connections are closed; then hand the stamps over."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    results.send(listener.getsockname()[1])
    expected = results.recv()
    buffers: dict[socket.socket, bytearray] = {}
    arrivals: dict[socket.socket, list[float]] = {}
    names: dict[int, list[float]] = {}
    selector = selectors.DefaultSelector()
    for _ in range(expected):
        peer, _ = listener.accept()
        buffers[peer], arrivals[peer] = bytearray(), []
        selector.register(peer, selectors.EVENT_READ)
    while buffers:
        for key, _ in selector.select():
            peer = key.fileobj
            assert isinstance(peer, socket.socket)
            data = peer.recv(65536)
            now = time.monotonic()
            buffer = buffers[peer]
            buffer += data
            count = (len(buffer) - NAME_BYTES) // len(FRAME)
            arrivals[peer] += [now] * (count - len(arrivals[peer]))
            if not data:
                names[int.from_bytes(buffer[:NAME_BYTES], "big")] = arrivals[peer]
                selector.unregister(peer)
                peer.close()
                del buffers[peer]
    results.send(names)


@dataclass(frozen=True, slots=True)
class Heard:
    """What one callee heard."""

    frames: int
    late: int
    """Frames that were not there when they were to be played."""
    gaps: int
    """20 ms of silence inserted."""


def play(arrivals: list[float]) -> Heard:
    """Play frames that arrived at these times, from the first on, with no buffer.

    >>> play([0.0, 0.02, 0.04])
    Heard(frames=3, late=0, gaps=0)
    >>> play([0.0, 0.065, 0.066])
    Heard(frames=3, late=1, gaps=3)
    """
    late = gaps = 0
    head = arrivals[0]
    for arrived in arrivals:
        if arrived > head:
            missing = math.ceil((arrived - head) / SLOT_S - 1e-9)
            late, gaps = late + 1, gaps + missing
            head += missing * SLOT_S
        head += SLOT_S
    return Heard(len(arrivals), late, gaps)


# ---- the run ----------------------------------------------------------------------------------------


async def stall(each_s: float, until: float) -> None:
    """Hold up the event loop so long, ten times a second."""
    due = time.monotonic() + STALL_EVERY_S
    while due < until:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        end = time.monotonic() + each_s
        while time.monotonic() < end:
            pass
        due += STALL_EVERY_S


async def send(port: int, calls: int, stall_ms: int, seconds: float, results: Connection) -> None:
    """All ways at once, so many calls each."""
    results.send(calls * len(WAYS))
    writers = []
    for name in range(calls * len(WAYS)):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(name.to_bytes(NAME_BYTES, "big"))
        writers.append(writer)
    await asyncio.sleep(WARM_UP_S)
    until = time.monotonic() + seconds
    paces = [pace for pace, _ in WAYS.values() for _ in range(calls)]
    work = [pace(writer.write, until) for pace, writer in zip(paces, writers, strict=True)]
    await asyncio.gather(*work, *([stall(stall_ms / 1000, until)] if stall_ms else []))
    for writer in writers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in writers))


def run(calls: int, stall_ms: int, seconds: float) -> None:
    """One block of the table."""
    ours, theirs = multiprocessing.Pipe()
    far_end = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,))
    far_end.start()
    asyncio.run(send(ours.recv(), calls, stall_ms, seconds, ours))
    arrivals: dict[int, list[float]] = ours.recv()
    far_end.join()
    for at, (name, (_, lead_ms)) in enumerate(WAYS.items()):
        heard = [play(arrivals[call]) for call in range(at * calls, (at + 1) * calls)]
        frames, gaps = sum(one.frames for one in heard), sum(one.gaps for one in heard)
        share = (frames * SLOT_S - calls * (lead_ms / 1000 + SLOT_S)) / (calls * (seconds - SLOT_S))
        late = sum(one.late for one in heard)
        told = f"{100 * gaps / (gaps + frames):7.2f} %{100 * late / frames:10.2f} %{100 * share:12.1f} %"
        print(f"{calls:5d}{stall_ms:9d} ms  {name:28s}{told}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each run")
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 20], help="concurrent calls of each way")
    parser.add_argument("--stalls", type=int, nargs="+", default=[0, 15, 40], help="milliseconds of every 100")
    given = parser.parse_args()
    print(f"{'calls':>5}{'stall/100':>12}  {'way':28s}{'gaps':>9}{'late frames':>13}{'of real time':>13}")
    for calls in given.calls:
        for stall_ms in given.stalls:
            run(calls, stall_ms, given.seconds)


if __name__ == "__main__":
    main()

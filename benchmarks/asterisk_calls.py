"""Measures calls through a real Asterisk: set-up, first word, one-way delay, what a call costs, and what it leaves.

Given nothing, starts the line and the rehearsal's public, places calls and prints figures. Asserts nothing.

    python -m benchmarks.asterisk_calls [--calls 1,20,60] [--seconds 6] [--many 200] [--at-once 40]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import uvloop

from opendeep_kit.asterisk.exchange import Exchange, configure_exchange, obtain_program, running
from opendeep_kit.audio.pacing import Pacer
from opendeep_kit.audio.pcm import level_dbfs, silence
from opendeep_kit.audio.tones import frames
from opendeep_kit.config import load_settings
from opendeep_kit.phone.ami_client import AmiAccount
from opendeep_kit.phone.asterisk_line import AsteriskLine
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.phone.line import CallOrder, CallProgress, LineResult
from opendeep_kit.settings import PhoneSettings

RATE_HZ = 24000
SINGLE_CALLS = 10
PULSE_EVERY = 10
"""One loud frame in so many, to find it again at the other end."""
LOUD_DBFS = -30.0
TALKS, ECHO = "+12125550102", "+12125550132"
CROWD = (ECHO, *(f"+121255501{last}" for last in ("20", "22", "23", "24", "26")))
"""Talks that we end, busy, rejected, unknown, congested, and hung up by the callee."""
TALK_S, QUIET_WITHIN_S = 1.0, 15.0


@dataclass
class Times:
    """Monotonic times of one call, in seconds; and the delays of single frames."""

    placed: float = 0.0
    connected: float = 0.0
    ringing: float = 0.0
    answered: float = 0.0
    """Reported by the line."""
    first_sent: float = 0.0
    first_heard: float = 0.0
    last_sent: float = 0.0
    one_way: list[float] = field(default_factory=list)


class Bench:
    """The media server, the persona's ears, and the line between them."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.now = Times()
        """The one call that is being timed."""
        self.is_pulsed = False
        self.is_answered = asyncio.Event()
        self.line: AsteriskLine

    async def speak(self, connection: AudioSocketConnection) -> None:
        """The agent: silence until the answer is reported, then a tone, or pulses to time."""
        self.now.connected = self.now.connected or time.monotonic()
        pacer = Pacer(connection.clock_started_at, lead_ms=20, next_slot=connection.slots_sent)
        loud, quiet = frames(1000.0, RATE_HZ), silence(RATE_HZ)
        while not connection.closed.done():
            for slot in pacer.due(self.loop.time()):
                speaks = self.is_answered.is_set() and not (self.is_pulsed and slot % PULSE_EVERY)
                if speaks:
                    self.now.first_sent = self.now.first_sent or time.monotonic()
                    self.now.last_sent = time.monotonic()
                connection.send_frame(next(loud) if speaks else quiet, RATE_HZ)
            await asyncio.wait({connection.closed}, timeout=max(0.0, pacer.wake_at() - self.loop.time()))

    async def listen(self, connection: AudioSocketConnection) -> None:
        """The persona: notes when it hears the agent."""
        was_loud = False

        def hear(_: int, pcm: bytes) -> None:
            nonlocal was_loud
            is_loud, at = level_dbfs(pcm) > LOUD_DBFS, time.monotonic()
            if is_loud and not was_loud:
                self.now.first_heard = self.now.first_heard or at
                if self.is_pulsed and self.now.last_sent:
                    self.now.one_way.append(at - self.now.last_sent)
            was_loud = is_loud

        connection.on_sound = hear
        while not connection.closed.done():
            connection.send_frame(silence(8000), 8000)
            await asyncio.wait({connection.closed}, timeout=0.02)

    def place(self, number: str, port: int) -> tuple[UUID, asyncio.Task[LineResult]]:
        """One call."""
        order = CallOrder(call_id=uuid4(), number=number, media_host="127.0.0.1", media_port=port)
        return order.call_id, asyncio.create_task(self.line.place(order, self._report))

    def _report(self, progress: CallProgress) -> None:
        if progress is CallProgress.ANSWERED:
            self.now.answered = self.now.answered or time.monotonic()
            self.is_answered.set()
        else:
            self.now.ringing = self.now.ringing or time.monotonic()


async def time_single_calls(bench: Bench, port: int) -> None:
    """Set-up and first word, call by call; then the delay of single frames."""
    kept: list[Times] = []
    for number in range(SINGLE_CALLS + 1):
        bench.now, bench.is_pulsed = Times(placed=time.monotonic()), number == SINGLE_CALLS
        bench.is_answered.clear()
        call_id, call = bench.place(TALKS, port)
        await bench.is_answered.wait()
        await asyncio.sleep(20.0 if bench.is_pulsed else 0.3)
        await bench.line.hang_up(call_id)
        await call
        kept.append(bench.now)
    pulsed, timed = kept[-1], kept[:-1]
    show("place → AudioSocket connected", [one.connected - one.placed for one in timed])
    show("place → callee rings", [one.ringing - one.placed for one in timed])
    show("human answer → agent's first frame written", [one.first_sent - one.answered for one in timed])
    show("human answer → agent's first frame at the callee", [one.first_heard - one.answered for one in timed])
    show("one way, agent's write → callee's socket", pulsed.one_way)


def show(what: str, seconds: list[float]) -> None:
    """Median, 95th percentile and worst, in milliseconds."""
    ms = sorted(1000 * one for one in seconds)
    high = ms[min(len(ms) - 1, round(0.95 * (len(ms) - 1)))]
    print(f"{what:<52} median {statistics.median(ms):6.1f}  p95 {high:6.1f}  worst {ms[-1]:6.1f} ms  (n={len(ms)})")


async def cost(bench: Bench, exchange: Exchange, port: int, *, calls: int, seconds: float) -> None:
    """CPU of so many calls that talk: the line's Asterisk, and this process as media server and AMI client."""
    bench.now, bench.is_pulsed = Times(), False
    bench.is_answered.set()
    placed = [bench.place(ECHO, port) for _ in range(calls)]
    await asyncio.sleep(2.0)
    processes = (psutil.Process(exchange.line.pid), psutil.Process())
    before, began = [cpu_s(process) for process in processes], time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    asterisk, ours = (100 * (cpu_s(process) - was) / took for process, was in zip(processes, before, strict=True))
    memory = processes[0].memory_info().rss / 1e6
    print(
        f"{calls:>3} calls: Asterisk {asterisk:5.1f} % of a core ({asterisk / calls:4.2f} % a call, {memory:.0f} MB), "
        f"ours {ours:5.1f} % ({ours / calls:4.2f} % a call)"
    )
    await asyncio.gather(*(bench.line.hang_up(call_id) for call_id, _ in placed))
    await asyncio.gather(*(call for _, call in placed))


async def crowd(bench: Bench, exchange: Exchange, port: int, *, calls: int, at_once: int) -> None:
    """So many calls, as fast as so many at once go: one outcome each, and nothing left of them."""
    bench.now, bench.is_pulsed = Times(), False
    bench.is_answered.set()
    await _place_all(bench, port, calls=len(CROWD), at_once=len(CROWD))  # whatever is made once is there now
    await _until_quiet(bench)
    before, warned, matched = await _held(bench, exchange), _warnings(exchange), bench.line.calls.matched
    began = time.monotonic()
    outcomes = await _place_all(bench, port, calls=calls, at_once=at_once)
    took = time.monotonic() - began
    await _until_quiet(bench)
    after, warnings = await _held(bench, exchange), _warnings(exchange) - warned
    print(f"{calls} calls, {at_once} at once, in {took:.1f} s: {outcomes.total()} outcomes")
    for outcome, count in sorted(outcomes.items()):
        print(f"    {count:>4} {outcome}")
    counts = bench.line.calls
    print(f"    AMI events: {counts.matched - matched} found their call, {counts.unmatched} did not")
    for what, count in after.items():
        print(f"    {what:<40} before {before[what]:>4}, after {count:>4}")
    print(f"    Asterisk's warnings and errors: {dict(warnings) or 'none'}")


async def _place_all(bench: Bench, port: int, *, calls: int, at_once: int) -> Counter[str]:
    gate = asyncio.Semaphore(at_once)

    async def one(number: str) -> str:
        async with gate:
            call_id, call = bench.place(number, port)
            if number == ECHO:
                await asyncio.sleep(TALK_S)
                await bench.line.hang_up(call_id)
            result = await call
            return f"{result.phone_result}, by {result.ended_by or 'us'}: {result.detail}"

    return Counter(await asyncio.gather(*(one(CROWD[count % len(CROWD)]) for count in range(calls))))


async def _until_quiet(bench: Bench) -> None:
    """No channel of ours, no call in the table, and a moment for sockets to close; what stays is printed."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(QUIET_WITHIN_S):
            while await bench.line.living_calls() or len(bench.line.calls):  # noqa: ASYNC110 - Asterisk is asked
                await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)


async def _held(bench: Bench, exchange: Exchange) -> dict[str, int]:
    """What a call could leave behind."""
    held = {"calls with a channel": len(await bench.line.living_calls()), "calls in the table": len(bench.line.calls)}
    held |= {"tasks of ours": len(asyncio.all_tasks()), "threads of ours": threading.active_count()}
    processes = {"ours": psutil.Process(), "the line's Asterisk": psutil.Process(exchange.line.pid)}
    if exchange.callees is not None:
        processes["the public's Asterisk"] = psutil.Process(exchange.callees.pid)
    held |= {f"open files of {name}": process.num_fds() for name, process in processes.items()}
    asterisks = {name: process for name, process in processes.items() if name != "ours"}
    return held | {f"threads of {name}": process.num_threads() for name, process in asterisks.items()}


def _warnings(exchange: Exchange) -> Counter[str]:
    """Of both Asterisks, without what is written before the text."""
    lines: list[str] = []
    for instance in (exchange.line, exchange.callees):
        lines += instance.log_file.read_text().splitlines() if instance is not None else []
    return Counter(line.split("] ", 1)[1].partition(": ")[2] for line in lines if "WARNING" in line or "ERROR" in line)


def cpu_s(process: psutil.Process) -> float:
    """Processor seconds used so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def admit(_: UUID) -> bool:
    """Everybody is expected."""
    return True


def server(handle: Callable[[AudioSocketConnection], Awaitable[None]], line_format: str) -> AudioSocketServer:
    """A media server for one of the two ends."""
    settings = PhoneSettings.model_validate({"line_format": line_format})
    return AudioSocketServer(admit=admit, handle=handle, settings=settings)


async def run(calls: list[int], seconds: float, many: int, at_once: int) -> None:
    """Everything, on instances of its own."""
    settings = load_settings().asterisk
    program = await asyncio.to_thread(obtain_program, settings)
    bench = Bench()
    with tempfile.TemporaryDirectory(prefix="od-", dir="/tmp") as folder:
        async with server(bench.speak, "slin24") as media, server(bench.listen, "slin") as personas:
            own = settings.model_copy(update={"trunk_host": None})
            made = configure_exchange(own, program, run_dir=Path(folder), personas_port=personas.port)
            async with running(made) as exchange:
                line = exchange.line
                account = AmiAccount(port=line.ports.ami, username=line.ami_user, secret=line.ami_secret)
                async with AsteriskLine(account) as bench.line:
                    print(f"Asterisk {program.version_text}, AudioSocket/…/c(slin24), ulaw to the callee")
                    await time_single_calls(bench, media.port)
                    for count in calls:
                        await cost(bench, exchange, media.port, calls=count, seconds=seconds)
                    if many:
                        await crowd(bench, exchange, media.port, calls=many, at_once=at_once)
                    print(f"unmatched AMI events: {bench.line.calls.unmatched} of {bench.line.ami.counts.events}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", default="1,20,60")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--many", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=40)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        calls = [int(one) for one in options.calls.split(",") if one]
        runner.run(run(calls, options.seconds, options.many, options.at_once))


if __name__ == "__main__":
    main()

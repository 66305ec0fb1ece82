"""A media worker's background duties towards the rest of the service: through the record, never on the media loop.

Given a media worker, notices answers, carries out supervisors' commands, asks for hand-overs, writes heartbeats with
the loop's lag, and drains. Never places a call.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from functools import partial

from opendeep_kit import events
from opendeep_kit.audio.pacing import SlotCounts
from opendeep_kit.campaigns.capacity import Heartbeat, WorkerState
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.media.call_end import insist
from opendeep_kit.media.follow import HAND_OVER_WITHIN_S
from opendeep_kit.media.worker import NOT_HELD, HandOver, HeldCall, MediaWorker
from opendeep_kit.outcomes import EndedBy
from opendeep_kit.periodic import PeriodicTasks, run_once
from opendeep_kit.record import call_commands, calls, hand_overs, workers
from opendeep_kit.record.call_commands import Command, CommandKind
from opendeep_kit.record.database import Database
from opendeep_kit.settings import PhoneSettings

ANSWERS_S = 0.05
"""The callee's first word must not be lost: answers are looked for so often, while one is awaited."""
COMMANDS_S = 0.25
LAG_S = 0.02
"""How often the loop's lateness is measured: a frame's length."""
HAND_OVER_LOOK_S = 0.1
TAKEN_ANSWERS_WITHIN_S = 30.0
"""Whoever took a hand-over, or takes over from it when it dies, has answered by then."""
UNTOLD_S, UNTOLD_AFTER = 5.0, timedelta(seconds=30)
"""How often calls are looked for that were admitted here and are not held, and how old their admission is then."""
FAREWELL_S = 5.0
"""For hung-up calls to be written down."""
EVERYWHERE = ("0.0.0.0", "::")
MEDIA, DONE = "a media worker", "done"


class MediaDuty:
    """The duties of one media worker; `async with` it, inside the worker's own block.

    Args:
        host: where the line reaches the worker, see `reached_at`.
        capacity: calls at a time.
        is_reserved: it takes the calls of its own process only.
    """

    def __init__(
        self,
        worker: MediaWorker,
        database: Database,
        *,
        host: str,
        capacity: int,
        heartbeat_s: float,
        is_reserved: bool = False,
    ) -> None:
        self._worker = worker
        self._database = database
        self._host = host
        self._capacity = capacity
        self._heartbeat_s = heartbeat_s
        self._serving = WorkerState.RESERVED if is_reserved else WorkerState.SERVING
        self._lag_ms = 0.0
        self._slots = SlotCounts()
        self.periodic = PeriodicTasks(MEDIA)
        self._watching: asyncio.Task[None] | None = None
        self._doing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> MediaDuty:
        await run_once("heartbeat", self._beat, whose=MEDIA)  # known before it serves
        self.periodic.begin("heartbeat", self._beat, each_s=self._heartbeat_s)
        self.periodic.begin("answers", self._answers, each_s=ANSWERS_S)
        self.periodic.begin("commands", self._commands, each_s=COMMANDS_S, is_vital=False)
        self.periodic.begin("untold-ends", self._untold, each_s=UNTOLD_S, is_vital=False)
        self._watching = asyncio.create_task(self._watch_lag(), name="watch-lag")
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.periodic.stop()
        others = [*self._doing, *([self._watching] if self._watching is not None else [])]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        with contextlib.suppress(Unavailable):
            await asyncio.to_thread(workers.sign_off, self._database, self._worker.worker_id)

    async def drain(self, *, within_s: float) -> None:
        """Take no new call; return when all are over, or hang up the rest after the limit."""
        self._worker.is_draining = True
        await run_once("heartbeat", self._beat, whose=MEDIA)
        if ends := [held.end for held in self._worker.held.values()]:
            await asyncio.wait(ends, timeout=within_s)
        for held in self._worker.held.values():
            if held.bridge is not None:
                held.bridge.hang_up(EndedBy.SUPERVISOR, "the service stops")
        if ends := [held.end for held in self._worker.held.values()]:
            await asyncio.wait(ends, timeout=FAREWELL_S)

    # ---- duties -------------------------------------------------------------------------------------

    async def _answers(self) -> None:
        """One query for all calls that nobody has answered."""
        awaited = [call_id for call_id, held in self._worker.held.items() if not held.is_answered]
        if awaited:
            for call_id in await asyncio.to_thread(calls.answered_of, self._database, awaited):
                self._worker.answered(call_id)

    async def _commands(self) -> None:
        if not self._worker.held:
            return
        ids, now = list(self._worker.held), datetime.now(UTC)
        for command in await asyncio.to_thread(partial(call_commands.take, self._database, ids, now=now)):
            task = asyncio.create_task(self._carry_out(command), name="command")
            self._doing.add(task)
            task.add_done_callback(self._doing.discard)

    async def _untold(self) -> None:
        """A call whose admission was recorded, but whose answer got lost, is held nowhere: record its end."""
        before = datetime.now(UTC) - UNTOLD_AFTER
        looking = partial(calls.untold_ends, self._database, self._worker.worker_id, admitted_before=before)
        for call_id in await asyncio.to_thread(looking):
            if call_id not in self._worker.held and not self._worker.ends.is_telling(call_id):
                await self._worker.ends.tell(call_id, NOT_HELD)

    async def _beat(self) -> None:
        now, worker, lag_ms, self._lag_ms = datetime.now(UTC), self._worker, self._lag_ms, 0.0
        limits = worker.provider.sign(now)
        slots = worker.slots
        since_last, self._slots = slots - self._slots, slots
        heartbeat = Heartbeat(
            worker_id=worker.worker_id,
            host=self._host,
            port=worker.port,
            capacity=self._capacity,
            live_calls=len(worker.held),
            loop_lag_ms=round(lag_ms, 1),
            gap_share=since_last.gap_share,
            state=WorkerState.DRAINING if worker.is_draining else self._serving,
            provider_carries=limits.carries,
            provider_resets_at=limits.resets_at,
            provider_blocked_until=limits.blocked_until,
        )
        await asyncio.to_thread(workers.beat, self._database, heartbeat, now=now)

    async def _watch_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_S
            await asyncio.sleep(LAG_S)
            self._lag_ms = max(self._lag_ms, (loop.time() - due) * 1000)

    # ---- commands -----------------------------------------------------------------------------------

    async def _carry_out(self, command: Command) -> None:
        held = self._worker.held.get(command.call_id)
        if held is None or held.bridge is None:
            outcome = call_commands.TOO_LATE
        else:
            failure = await run_once("command", partial(_obey, held, command), whose=MEDIA)
            outcome = DONE if failure is None else f"failed: {failure.what}"
        done = partial(call_commands.done, self._database, command, outcome=outcome, now=datetime.now(UTC))
        await run_once("command", partial(asyncio.to_thread, done), whose=MEDIA)


async def _obey(held: HeldCall, command: Command) -> None:
    bridge = held.bridge
    assert bridge is not None
    bridge.emit(
        events.Supervised(
            call_id=held.call_id,
            at_ms=bridge.now_ms,
            what=command.kind.value,
            argument=command.argument,
            by=command.by,
        )
    )
    match command.kind:
        case CommandKind.HANG_UP:
            bridge.hang_up(EndedBy.SUPERVISOR, command.argument or "a supervisor ended the call")
        case CommandKind.SAY:
            bridge.say(command.argument)
        case CommandKind.COACH:
            bridge.coach(command.argument)
        case CommandKind.TAKE_OVER:
            bridge.take_over()
            if command.argument:
                await bridge.hand_over(command.argument)
        case CommandKind.TRANSFER:
            await bridge.hand_over(command.argument)


def reached_at(phone: PhoneSettings) -> str:
    """The address that the line gets: the advertised one, else the one listened on.

    Raises:
        BadInput: it listens on every address, and none is advertised.
    """
    if phone.advertise_host:
        return phone.advertise_host
    if phone.host in EVERYWHERE:
        raise BadInput(
            f"phone.host {phone.host} is not an address at which the line can reach this host",
            do="set phone.advertise_host to this host's address on the line's network",
        )
    return phone.host


def hand_over_by_record(database: Database) -> HandOver:
    """Hand-overs by whichever process holds the line: asked for and answered in the call's row.

    What it tells as failed is withdrawn, or too old to be taken: it is never carried out later.
    """

    async def hand_over(call_id: str, target: str) -> None:
        now, answer = datetime.now(UTC), None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_WITHIN_S):
                # Where the answer to the wish itself is lost, it may stand in the row: it is asked for again, the same.
                await insist(partial(hand_overs.ask, database, call_id, target, now=now))
                answer = await _answer_of(database, call_id)
        if answer is None:
            answer = await _withdrawn(database, call_id)
        if answer != hand_overs.DONE:
            raise Unavailable(answer, do="try again, or call the callee back")

    return hand_over


async def _withdrawn(database: Database, call_id: str) -> str:
    """Nobody has answered: withdraw the request, or wait for whoever has just taken it."""
    try:
        async with asyncio.timeout(TAKEN_ANSWERS_WITHIN_S):
            withdrawing = partial(hand_overs.withdraw, database, call_id)
            if await insist(withdrawing):
                return hand_overs.WITHDRAWN
            return await _answer_of(database, call_id)
    except TimeoutError:  # too old to be taken by now; what was taken before may have been carried out
        return "nobody knows whether the callee is handed over"


async def _answer_of(database: Database, call_id: str) -> str:
    while True:
        answer = await insist(partial(hand_overs.answer_of, database, call_id))
        if answer is not None:
            return answer
        await asyncio.sleep(HAND_OVER_LOOK_S)

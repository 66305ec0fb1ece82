"""A notebook's workbench: rehearse, compare and call, with everything underneath opened and closed for you.

Given scripts, personas and numbers, starts `Work` in a thread of its own and gives back calls that show
themselves. Never decides about a call: it is a front of `app.open_service`.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, overload

from opendeep_kit import events
from opendeep_kit.app import Service, open_service
from opendeep_kit.config import Settings, lab_settings
from opendeep_kit.engine.by_hand import CallOutcome, CallRequest
from opendeep_kit.errors import BadInput, OpenDeepError, Unavailable
from opendeep_kit.lab.comparison import Comparison
from opendeep_kit.lab.own_thread import OwnThread, ProgressBar, Work
from opendeep_kit.lab.past_calls import PastCalls
from opendeep_kit.lab.placed_call import Calls, PlacedCall
from opendeep_kit.line_choice import LineName
from opendeep_kit.numbers import e164, masked
from opendeep_kit.record import directory
from opendeep_kit.rehearsal.personas import persona
from opendeep_kit.rehearsal.public import number_of
from opendeep_kit.tasks.script import CallScript, load_script, parse_script
from opendeep_kit.tenants import DEFAULT_TENANT
from opendeep_kit.widgets.call_player import CallPlayer

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
Script = CallScript | Path | str
"""A script, the path of one, or its text."""
Order = tuple[str, CallRequest]
"""How to call the callee in tables, and the call."""
CLOSE_WITHIN_S = 20.0
LOOK_S = 0.1
MOST_WORDS = 40
"""Characters of what is being said, in a progress bar."""
_one = threading.Lock()
"""Held as long as a workbench is open: a process places calls by one heartbeat and one durable queue."""


class Workbench:
    """Calls at your fingertips. `await Workbench.open()` in a notebook, `Workbench.open().result()` in a script.

    Every verb gives `Work` at once and goes on by itself: await it, or say `.result()`. A kernel has one workbench:
    opening another closes the one before.
    """

    _current: ClassVar[Workbench | None] = None

    def __init__(
        self, settings: Settings, tenant_id: str, thread: OwnThread, service: Service, closing: asyncio.Event
    ) -> None:
        self.settings = settings
        self.tenant_id = tenant_id
        self._thread = thread
        self._service = service
        self._region = partial(directory.region, service.database, tenant_id)
        self._closing = closing
        self._closed: concurrent.futures.Future[None] | None = None
        self._past: PastCalls | None = None

    @classmethod
    def open(
        cls,
        *,
        data_dir: Path | str | None = None,
        tenant_id: str = DEFAULT_TENANT,
        line: LineName | str = LineName.SIMULATOR,
        settings: Settings | None = None,
    ) -> Work[Workbench]:
        """Start the voice model and the line.

        Args:
            data_dir: folder of database and recordings; None or empty: see `lab_settings`.
            tenant_id: for whom calls are placed, and whose `past` shows; `opendeep tenant list` names them.
            line: `simulator`, `asterisk` or `auto`.
            settings: everything else; None: `opendeep.toml` and the environment.

        Raises:
            BadInput: a setting is wrong, or there is no such line.
            Unavailable: something needed does not start.
        """
        if line not in list(LineName):
            raise BadInput(f"there is no line {str(line)!r}", do=f"choose one of: {', '.join(LineName)}")
        chosen = lab_settings(data_dir, settings)
        thread = OwnThread("opendeep-calls")
        opened: concurrent.futures.Future[Workbench] = concurrent.futures.Future()
        holding = thread.start(cls._hold(chosen, tenant_id, LineName(line), thread, opened))
        holding.add_done_callback(lambda done: _hand_over_failure(done, opened))
        return Work(opened, ProgressBar("starting the voice model and the line", 1))

    @classmethod
    async def _hold(
        cls,
        settings: Settings,
        tenant_id: str,
        line: LineName,
        thread: OwnThread,
        opened: concurrent.futures.Future[Workbench],
    ) -> None:
        """The service's whole life, in one task: what opens it also closes it."""
        closing = asyncio.Event()
        await cls._close_the_one_before()
        try:
            async with open_service(settings, line=line) as service:
                if directory.tenant(service.database, tenant_id) is None:
                    raise BadInput(f"there is no tenant {tenant_id!r}", do="run `opendeep tenant list`")
                bench = cls(settings, tenant_id, thread, service, closing)
                if opened.set_running_or_notify_cancel():
                    cls._current = bench
                    opened.set_result(bench)
                    await closing.wait()
        finally:
            _one.release()

    @classmethod
    async def _close_the_one_before(cls) -> None:
        while not _one.acquire(blocking=False):
            if cls._current is not None:
                await asyncio.to_thread(cls._current.close)
            await asyncio.sleep(LOOK_S)

    # ---- verbs --------------------------------------------------------------------------------------

    @overload
    def rehearse(
        self, script: Script, who: str = "agrees", facts: Mapping[str, str] | None = None
    ) -> Work[PlacedCall]: ...
    @overload
    def rehearse(
        self, script: Script, who: list[str] | tuple[str, ...], facts: Mapping[str, str] | None = None
    ) -> Work[Calls]: ...
    def rehearse(
        self, script: Script, who: str | list[str] | tuple[str, ...] = "agrees", facts: Mapping[str, str] | None = None
    ) -> Work[PlacedCall] | Work[Calls]:
        """Call a persona, or several, with the script's made-up contact.

        Raises:
            BadInput: the script, a persona or a fact is wrong; nothing was called.
        """
        ready = script_from(script)
        names = [who] if isinstance(who, str) else [*who]
        orders = [_rehearsal(self.tenant_id, ready, name, facts or {}) for name in names]
        progress = ProgressBar("rehearsing", len(orders))
        if isinstance(who, str):
            return self._work(self._place(orders[0], progress), progress)
        return self._work(self._place_all(orders, progress, parallel=2), progress)

    def compare(
        self,
        before: Script,
        after: Script,
        personas: Sequence[str] = ("agrees",),
        *,
        repeats: int = 1,
        parallel: int = 2,
    ) -> Work[Comparison]:
        """Rehearse two versions with the same personas and lay them side by side.

        Args:
            repeats: calls of each version with each persona; waits differ from call to call.
            parallel: calls at the same time; more than the machine's cores make the waits longer.

        Raises:
            BadInput: a script or a persona is wrong; nothing was called.
        """
        names = [name for name in personas for _ in range(max(1, repeats))]
        if not names:
            raise BadInput("there is nobody to compare with", do="name at least one persona")
        orders = [
            _rehearsal(self.tenant_id, script, name, {})
            for name in names
            for script in (script_from(before), script_from(after))
        ]
        progress = ProgressBar("comparing", len(orders))

        async def run() -> Comparison:
            calls = await self._place_all(orders, progress, parallel=parallel)
            if calls.not_placed:
                who, why = calls.not_placed[0]
                raise Unavailable(f"the call with {who} was not placed ({why})", do="compare again")
            return Comparison(before=tuple(calls[::2]), after=tuple(calls[1::2]))

        return self._work(run(), progress)

    def call(
        self, number: str, script: Script, facts: Mapping[str, str] | None = None, *, consent: str = ""
    ) -> Work[PlacedCall]:
        """Call one number, if the rules allow it now; one that is made up at any hour.

        Args:
            consent: where it is on file that the callee agreed to be called.

        Raises:
            BadInput: the number or the script is wrong, or a fact is missing; nothing was dialled.
            Refused: the rules do not allow it; nothing was dialled.
        """
        ready = script_from(script)
        dialled = e164(number, self._region())
        request = CallRequest(
            number=dialled, script=ready, facts=dict(facts or {}), tenant_id=self.tenant_id, consent=consent
        )
        progress = ProgressBar("calling", 1)
        return self._work(self._place((masked(dialled), request), progress), progress)

    # ---- placing ------------------------------------------------------------------------------------

    def _work(self, placing: Coroutine[Any, Any, T], progress: ProgressBar) -> Work[T]:
        if self._service.attempts.periodic.given_up.is_set():
            placing.close()
            why = "this workbench gave no sign for so long that another process took its calls over"
            raise Unavailable(why, do="open it again")
        return Work(self._thread.start(placing), progress)

    async def _place(self, order: Order, progress: ProgressBar, place: int = 0) -> PlacedCall:
        """One call, to its end; its script is kept as a version."""
        callee, request = order
        version = await self._service.save_script(request.script, tenant_id=request.tenant_id)
        try:
            outcome = await self._service.by_hand.call(
                replace(request, script_version=version),
                watch=lambda event: _note(progress, place, callee, event),
            )
        finally:
            progress.doing.pop(place, None)
            progress.done += 1
        return _placed(callee, request.script, version, outcome)

    async def _place_all(self, orders: Sequence[Order], progress: ProgressBar, *, parallel: int) -> Calls:
        """So many at a time; one that cannot be placed does not stop the others."""
        gate = asyncio.Semaphore(max(1, parallel))

        async def place(number: int, order: Order) -> PlacedCall | tuple[str, str]:
            async with gate:
                try:
                    return await self._place(order, progress, number)
                except OpenDeepError as error:
                    return order[0], str(error)

        results = await asyncio.gather(*(place(number, order) for number, order in enumerate(orders)))
        placed = [result for result in results if isinstance(result, PlacedCall)]
        return Calls(placed, [result for result in results if not isinstance(result, PlacedCall)])

    # ---- reading ------------------------------------------------------------------------------------

    @property
    def past(self) -> PastCalls:
        """Every call of the tenant in this data folder, this workbench's among them."""
        if self._past is None:
            self._past = PastCalls.open(self.settings.data_dir, tenant_id=self.tenant_id)
        return self._past

    def outcomes(self) -> pd.DataFrame:
        """A row per call of this data folder, the newest first."""
        self.past.refresh()
        return self.past.outcomes()

    def player(self, call: PlacedCall | str) -> CallPlayer:
        """A call, or the call of this id, to look at and listen to."""
        if isinstance(call, PlacedCall):
            return call.player()
        self.past.refresh()
        return self.past.player(call)

    # ---- its end ------------------------------------------------------------------------------------

    def close(self) -> None:
        """End live calls, then the voice model and the line."""
        if self._closed is not None:
            return
        if Workbench._current is self:
            Workbench._current = None
        if self._past is not None:
            self._past.close()
        self._closed = self._thread.start(self._end())
        self._closed.result(CLOSE_WITHIN_S)
        self._thread.stop()

    async def _end(self) -> None:
        await self._service.by_hand.stop()
        self._closing.set()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await asyncio.wait(others, timeout=CLOSE_WITHIN_S - 2)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed is not None else "open"
        return f"<Workbench: {state}, data in {self.settings.data_dir}>"


def _rehearsal(tenant_id: str, script: CallScript, name: str, facts: Mapping[str, str]) -> Order:
    """A call of a persona with the script's made-up contact."""
    who = persona(name)
    strange = next((fact for fact in facts if fact not in script.task.facts), None)
    if strange is not None:
        known = ", ".join(script.task.facts)
        raise BadInput(f"the script does not use the fact {strange!r}", do=f"its facts are: {known}")
    return who.name, CallRequest(
        number=number_of(who.name),
        script=script,
        facts=script.task.example_facts | dict(facts),
        tenant_id=tenant_id,
        is_rehearsal=True,
    )


def script_from(script: Script) -> CallScript:
    """A script from itself, from its path, or from its text.

    Raises:
        BadInput: it is none.
    """
    if isinstance(script, CallScript):
        return script
    if isinstance(script, str) and "\n" in script:
        return parse_script(script)
    return load_script(Path(script))


def _hand_over_failure(holding: concurrent.futures.Future[None], opened: concurrent.futures.Future[Workbench]) -> None:
    """What keeps the service from starting is told to whoever waits for it."""
    if opened.done():
        return
    error = None if holding.cancelled() else holding.exception()
    opened.set_exception(error or Unavailable("the workbench was closed while it started", do="open it again"))


def _placed(callee: str, script: CallScript, version: int, outcome: CallOutcome) -> PlacedCall:
    return PlacedCall(
        call_id=outcome.call_id,
        callee=callee,
        script_name=script.name,
        script_version=version,
        summary=outcome.summary,
        events=outcome.events,
        recording=outcome.recording,
    )


def _note(progress: ProgressBar, place: int, callee: str, event: events.Event) -> None:
    match event:
        case events.Dialled():
            progress.doing[place] = f"{callee}: dialling"
        case events.Answered():
            progress.doing[place] = f"{callee}: answered"
        case events.AgentSaid(heard=text) | events.CalleeSaid(text=text) if text:
            progress.doing[place] = f"{callee}: {text[:MOST_WORDS]}"


def _close_the_last() -> None:
    """Ending a kernel hangs up first; threads that are daemons would be stopped in the middle of a call."""
    if Workbench._current is not None:
        Workbench._current.close()


atexit.register(_close_the_last)

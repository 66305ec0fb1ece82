"""A notebook's way to everything: rehearse, compare, call and run, with all that it needs opened and closed for it.

Given scripts, personas, numbers or contacts, starts `Work` in a thread of its own and gives back calls that show
themselves. Never decides about a call: it is a front of `app.open_service`.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import weakref
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, overload

from opendeep_kit.app import Service, open_service
from opendeep_kit.call_floor import CallRequest
from opendeep_kit.campaigns.contacts import Contact, Contacts, read_contacts
from opendeep_kit.config import Settings
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.lab.comparison import Comparison
from opendeep_kit.lab.lab_settings import lab_settings
from opendeep_kit.lab.own_thread import OwnThread, Progress, Work
from opendeep_kit.lab.past_calls import PastCalls
from opendeep_kit.lab.placed_call import Calls, PlacedCall
from opendeep_kit.lab.placing import Order, Placing
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

Script = CallScript | Path | str
"""A script, the path of one, or its text."""
REHEARSAL = "rehearsal"
"""The campaign under which rehearsed calls are kept."""
CLOSE_WITHIN_S = 20.0
_open_ones: weakref.WeakSet[Workbench] = weakref.WeakSet()


class Workbench:
    """Calls at your fingertips. `await Workbench.open()` in a notebook, `Workbench.open().result()` in a script.

    Every verb gives `Work` at once and goes on by itself: await it, or say `.result()`.
    """

    def __init__(
        self, settings: Settings, tenant_id: str, thread: OwnThread, service: Service, closing: asyncio.Event
    ) -> None:
        self.settings = settings
        self.tenant_id = tenant_id
        self._thread = thread
        self._placing = Placing(service)
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
        return Work(opened, Progress("starting the voice model and the line", 1))

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
        async with open_service(settings, line=line) as service:
            if directory.tenant(service.database, tenant_id) is None:
                raise BadInput(f"there is no tenant {tenant_id!r}", do="run `opendeep tenant list`")
            bench = cls(settings, tenant_id, thread, service, closing)
            _open_ones.add(bench)
            if opened.set_running_or_notify_cancel():
                opened.set_result(bench)
                await closing.wait()

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
        progress = Progress("rehearsing", len(orders))
        if isinstance(who, str):
            return Work(self._thread.start(self._placing.one(orders[0], progress)), progress)
        return Work(self._thread.start(self._placing.many(orders, progress, parallel=2)), progress)

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
        progress = Progress("comparing", len(orders))

        async def run() -> Comparison:
            calls = await self._placing.many(orders, progress, parallel=parallel)
            if calls.not_placed:
                who, why = calls.not_placed[0]
                raise Unavailable(f"the call with {who} was not placed ({why})", do="compare again")
            return Comparison(before=tuple(calls[::2]), after=tuple(calls[1::2]))

        return Work(self._thread.start(run()), progress)

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
        request = self._request(e164(number, self._region()), ready, facts or {}, consent=consent)
        progress = Progress("calling", 1)
        return Work(self._thread.start(self._placing.one((masked(number), request), progress)), progress)

    def run_contacts(
        self,
        contacts: Contacts | Sequence[Contact] | Path | str,
        script: Script,
        *,
        parallel: int = 2,
        campaign: str = "notebook",
        consent: str = "",
    ) -> Work[Calls]:
        """Call everybody once whom the rules allow to call now, a few at a time.

        Args:
            consent: where it is on file that all of them agreed to be called.

        Raises:
            BadInput: the contacts or the script are wrong; nobody was called.
        """
        ready = script_from(script)
        if isinstance(contacts, (Path, str)):
            contacts = read_contacts(Path(contacts), region=self._region(), needs=ready.task.facts)
        people = contacts.accepted if isinstance(contacts, Contacts) else contacts
        orders = [
            (person.name, self._request(person.number, ready, person.facts, campaign=campaign, consent=consent))
            for person in people
        ]
        progress = Progress("calls", len(orders))
        return Work(self._thread.start(self._placing.many(orders, progress, parallel=parallel)), progress)

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
        _open_ones.discard(self)
        if self._past is not None:
            self._past.close()
        self._closed = self._thread.start(self._end())
        self._closed.result(CLOSE_WITHIN_S)
        self._thread.stop()

    async def _end(self) -> None:
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

    def _request(
        self,
        number: str,
        script: CallScript,
        facts: Mapping[str, str],
        *,
        campaign: str | None = None,
        consent: str = "",
    ) -> CallRequest:
        return CallRequest(
            number=number,
            script=script,
            facts=dict(facts),
            tenant_id=self.tenant_id,
            campaign=campaign,
            consent=consent,
        )


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
        campaign=REHEARSAL,
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


def _close_all() -> None:
    # The kernel is going: the rehearsal's process ends with our end of its pipe, and calls are hung up first.
    for bench in [*_open_ones]:
        bench.close()


atexit.register(_close_all)

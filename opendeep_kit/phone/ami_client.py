"""Keeps the link to Asterisk's manager interface (AMI): sends actions, delivers events, reconnects when it dies.

Given an account and a callback, delivers events in Asterisk's order through one queue with one consumer, and
`LinkLost` and `LinkRestored` around every outage. Never sends an action twice and never keeps one for later: without a
proven link an action is refused.

Drop policy: when `MAX_WAITING_NEWS` items wait for the consumer, the link is cut, and the state is read afresh.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from pydantic import SecretStr

from opendeep_kit.errors import BadInput, OpenDeepError, PeerMisbehaved, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.phone.ami_message import AmiEvent, AmiReply, Headers, checked
from opendeep_kit.phone.ami_wire import Wire, entries_of, reply_of, unreachable

MAX_WAITING_NEWS = 20_000
"""A thousand calls' worth: the consumer is stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiAccount:
    """Where the manager interface is and who we are there."""

    host: str = "127.0.0.1"
    port: int = 5038
    username: str
    secret: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiLimits:
    """Time limits, in seconds."""

    connect_s: float = 3.0
    boot_s: float = 20.0
    """From the login to FullyBooted."""
    answer_s: float = 5.0
    """Asterisk answers in milliseconds; one that does not is frozen."""
    ping_every_s: float = 5.0
    first_wait_s: float = 0.25
    """Between losing the link and the first attempt; doubled each time."""
    longest_wait_s: float = 5.0


@dataclass(frozen=True, slots=True)
class LinkLost:
    """From now on events are missing."""

    reason: str


@dataclass(frozen=True, slots=True)
class LinkRestored:
    """The link is back; these are the channels now."""

    channels: tuple[AmiEvent, ...]
    """Every channel that lives now."""
    is_restart: bool
    """Asterisk is not the process it was when the link was lost: all its calls are gone."""


News = AmiEvent | LinkLost | LinkRestored


@dataclass(slots=True)
class AmiCounts:
    """What happened to the link since the start."""

    events: int = 0
    logins: int = 0
    losses: int = 0
    unanswered: int = 0
    """Actions that got no answer in time."""


class AmiClient:
    """The link. `async with` it, or `start` and `close`.

    Args:
        on_news: takes one piece of news at a time, in order, and does not wait. A fault of it reaches the event
            loop's exception handler and harms neither the link nor the next piece.
    """

    def __init__(
        self, account: AmiAccount, *, on_news: Callable[[News], None], limits: AmiLimits | None = None
    ) -> None:
        self._account = account
        self._on_news = on_news
        self._limits = limits or AmiLimits()
        self._news: asyncio.Queue[News] = asyncio.Queue()
        self._wire: Wire | None = None
        self._is_announced = self._is_ready = False
        self._started_at = ""
        self._fault: OpenDeepError = unreachable("has not been asked yet")
        self._settled = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.counts = AmiCounts()

    @property
    def is_ready(self) -> bool:
        """Logged in, Asterisk has booted, and whoever takes our news knows its channels."""
        return self._is_ready

    def require(self) -> None:
        """Raise what `ask` would raise without a link."""
        if not self._is_ready:
            raise self._fault

    async def start(self, *, within_s: float = 10.0) -> None:
        """Connect and keep connected.

        Raises:
            BadInput: Asterisk refuses the user name or secret.
            Unavailable: no Asterisk answered in time.
        """
        self._tasks = [
            asyncio.create_task(self._deliver(), name="ami-news"),
            asyncio.create_task(self._hold(), name="ami-link"),
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._settled.wait()
        if not self._is_ready:
            fault = self._fault
            await self.close()
            raise fault

    async def close(self) -> None:
        """Leave, and never come back: what is asked afterwards is refused."""
        if self._tasks:
            self._fault = unreachable("is left by us")
        self._is_ready = False
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # ---- asking -------------------------------------------------------------------------------------

    async def ask(self, action: str, headers: Headers | None = None) -> AmiReply:
        """Send one action, once, and return Asterisk's answer.

        Raises:
            BadInput: a header is not safe to send.
            Unavailable: the link is down (nothing was sent), broke, or Asterisk did not answer: then the link is
                cut, and whether the action took effect is not known.
        """
        return reply_of(await self._ask(action, headers, as_list=False))

    async def ask_list(self, action: str, headers: Headers | None = None) -> list[AmiEvent]:
        """Send an action that is answered by a list; returns its entries. Raises as `ask` does."""
        return entries_of(await self._ask(action, headers, as_list=True), action)

    async def _ask(self, action: str, headers: Headers | None, *, as_list: bool) -> Any:
        safe = checked(headers or {})
        wire = self._wire
        if wire is None or not self._is_ready:
            raise self._fault
        try:
            return await wire.ask(action, safe, within_s=self._limits.answer_s, as_list=as_list)
        except TimeoutError:
            self.counts.unanswered += 1
            wire.cut("does not answer")
            raise unreachable("does not answer") from None

    # ---- the link -----------------------------------------------------------------------------------

    async def _hold(self) -> None:
        """Connect, stay until the link is lost, and again: until we are closed, or refused the first time."""
        wait_s, is_refused = self._limits.first_wait_s, False
        while True:
            try:
                await self._connect()
                wait_s, is_refused = self._limits.first_wait_s, False
                await self._watch()
            except BadInput as error:
                if not is_refused:
                    log().error("! Asterisk refuses the login", do=error.do)
                if not self._settled.is_set():
                    self._let_go(error)
                    self._settled.set()
                    return
                # It let us in before: somebody is mending its manager.conf, and will be done.
                wait_s, is_refused = self._limits.longest_wait_s, True
                self._let_go(Unavailable(error.what, do=error.do))
            except (Unavailable, PeerMisbehaved) as error:
                self._let_go(error)
            finally:
                if self._wire is not None:
                    self._wire.cut("is left by us")
                    self._wire = None
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, self._limits.longest_wait_s)

    async def _connect(self) -> None:
        """TCP, login, boot, resynchronise; ready at the end."""
        limits, loop = self._limits, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limits.connect_s):
                _, self._wire = await loop.create_connection(
                    lambda: Wire(self._take), self._account.host, self._account.port
                )
            await self._log_in(self._wire)
            await self._await_boot(self._wire)
            await self._resync(self._wire)
        except OSError as error:  # TimeoutError is one
            reason = "does not answer" if isinstance(error, TimeoutError) else "is not there"
            raise unreachable(reason) from None

    async def _log_in(self, wire: Wire) -> None:
        account = self._account
        secret = account.secret.get_secret_value()
        if not (account.username + secret).isprintable():
            raise BadInput("the AMI user name or secret contains control characters", do="correct the setting")
        login = {"Username": account.username, "Secret": secret, "Events": "on"}
        reply = reply_of(await wire.ask("Login", login, within_s=self._limits.answer_s, as_list=False))
        if not reply.is_success:
            raise BadInput(
                f"Asterisk refuses the AMI user {account.username!r} ({reply.message})",
                do="compare user name and secret with its manager.conf, and whether that permits our address",
            )
        self.counts.logins += 1

    async def _await_boot(self, wire: Wire) -> None:
        either = {wire.booted, wire.lost}
        await asyncio.wait(either, timeout=self._limits.boot_s, return_when=asyncio.FIRST_COMPLETED)
        if wire.lost.done():
            raise unreachable(wire.lost.result())
        if not wire.booted.done():
            raise PeerMisbehaved(
                "Asterisk does not say FullyBooted", do="wait, or give the AMI user read = system in manager.conf"
            )

    async def _resync(self, wire: Wire) -> None:
        within_s = self._limits.answer_s
        status = reply_of(await wire.ask("CoreStatus", {}, within_s=within_s, as_list=False))
        listed = await wire.ask("CoreShowChannels", {}, within_s=within_s, as_list=True)
        if not status.is_success:
            raise PeerMisbehaved(
                f"Asterisk does not tell its status ({status.message})", do="give the AMI user write = reporting"
            )
        started_at = f"{status.headers.get('corestartupdate')} {status.headers.get('corestartuptime')}"
        is_restart = bool(self._started_at) and started_at != self._started_at
        self._started_at = started_at
        self._is_announced = True
        self._news.put_nowait(LinkRestored(tuple(entries_of(listed, "CoreShowChannels")), is_restart))

    async def _watch(self) -> None:
        """Return never; raise when the peer is gone or does not answer a ping in time."""
        wire = self._wire
        assert wire is not None
        while True:
            await asyncio.wait({wire.lost}, timeout=self._limits.ping_every_s)
            if wire.lost.done():
                raise unreachable(wire.lost.result())
            try:
                await wire.ask("Ping", {}, within_s=self._limits.answer_s, as_list=False)
            except TimeoutError:
                raise unreachable("does not answer") from None

    def _open(self, login: int) -> None:
        """Nothing is sent before the news of the link has arrived: what is sent belongs to the new one."""
        if self._is_announced and login == self.counts.logins:
            self._is_ready = True
            self._settled.set()

    def _let_go(self, error: OpenDeepError) -> None:
        self._fault = error
        self._is_ready = False
        if self._is_announced:
            self._is_announced = False
            self.counts.losses += 1
            log().warning("! the link to Asterisk is lost", what=error.what)
            self._news.put_nowait(LinkLost(error.what))

    # ---- news ---------------------------------------------------------------------------------------

    def _take(self, wire: Wire, event: AmiEvent) -> None:
        """Straight from the socket's reader."""
        self.counts.events += 1
        if self._news.qsize() >= MAX_WAITING_NEWS:
            wire.cut("sends more events than we can take")
        else:
            self._news.put_nowait(event)

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            news = await self._news.get()
            loop.call_soon(self._on_news, news)
            if isinstance(news, LinkRestored):
                loop.call_soon(self._open, self.counts.logins)
            await asyncio.sleep(0)  # sound goes first: at most one piece of news per turn of the loop

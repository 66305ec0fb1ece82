"""Keeps the calls of one line: hands each its events, informs whoever waits for it, and forgets it when all is quiet.

Given events and the news of outages, finds the call that each is about by the ids that we chose, moves calls along and
concludes them. Never speaks to Asterisk: what must be hung up is handed to `drop`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from opendeep_kit.errors import OurMistake
from opendeep_kit.outcomes import EndedBy
from opendeep_kit.phone.ami_message import AmiEvent, call_id_of, channel_id
from opendeep_kit.phone.call_state import AmiCall, AmiCallState
from opendeep_kit.phone.line import CallOrder, CallProgress, LineResult


class CallTable:
    """The calls that Asterisk may speak of, each registered before Asterisk hears of it."""

    def __init__(self) -> None:
        self._calls: dict[UUID, AmiCall] = {}
        self.matched = 0
        self.unmatched = 0
        """Events of our calls that are not in the table: zero, or a bug."""
        self.foreign = 0
        """Events of other people's channels on the same Asterisk."""

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[AmiCall]:
        return iter(list(self._calls.values()))

    def add(self, call_id: UUID) -> AmiCall:
        """Register a call, before anybody is told of it.

        Raises:
            OurMistake: this id was used before.
        """
        if call_id in self._calls:
            raise OurMistake("this call id is in use", do="give every attempt an id of its own")
        call = self._calls[call_id] = AmiCall(call_id)
        return call

    def remove(self, call_id: UUID) -> None:
        """Forget a call of which nothing more will be heard."""
        self._calls.pop(call_id, None)

    def get(self, call_id: UUID) -> AmiCall | None:
        """The call, if it is here."""
        return self._calls.get(call_id)

    def find(self, event: AmiEvent) -> AmiCall | None:
        """The event's call; counts the events that have none."""
        call_id = call_id_of(event)
        call = self._calls.get(call_id) if call_id is not None else None
        if call is not None:
            self.matched += 1
        elif call_id is not None:
            self.unmatched += 1
        elif event.get("Uniqueid") or event.get("DestUniqueid"):
            self.foreign += 1
        return call

    @staticmethod
    def channels_of(call: AmiCall, channels: tuple[AmiEvent, ...]) -> list[AmiEvent]:
        """Those of the living channels that belong to the call."""
        ours = channel_id(call.call_id)
        return [
            channel for channel in channels if call_id_of(channel) == call.call_id or channel.get("Linkedid") == ours
        ]


@dataclass(slots=True, kw_only=True)
class LiveCall:
    """A call that somebody waits for: each piece of progress is told once, and the end once."""

    call: AmiCall
    report: Callable[[CallProgress], None]
    over: asyncio.Future[LineResult]
    certain_at: float
    """Loop time from which Asterisk will not act on the Originate any more."""
    reported: set[CallProgress] = field(default_factory=set)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """Something was heard of it."""
    settling: asyncio.TimerHandle | None = None
    has_sound: bool | None = None
    """Whether its AudioSocket is open; None when nobody told us."""
    is_parting: bool = False

    def tell(self) -> AmiCallState:
        """Report what was not reported yet; returns where the call stands."""
        callee, state = self.call.callee, self.call.state
        if callee is not None and not self.over.done():
            if callee.is_ringing and not self.reported:
                self._tell_once(CallProgress.RINGING)
            if callee.is_up and CallProgress.ANSWERED not in self.reported:
                self._tell_once(CallProgress.ANSWERED)
            if callee.is_up and self.call.is_machine and CallProgress.MACHINE not in self.reported:
                self._tell_once(CallProgress.MACHINE)
        return state

    def end(self) -> None:
        """Say how it ended."""
        if self.settling is not None:
            self.settling.cancel()
        self.stirred.set()
        self.over.set_result(self.call.result())

    def _tell_once(self, progress: CallProgress) -> None:
        self.reported.add(progress)
        if not self.is_parting:
            # By way of the loop: a fault of theirs is not ours.
            asyncio.get_running_loop().call_soon(self.report, progress)


class Switchboard:
    """The calls of one line.

    Args:
        drop: hangs up a call that nobody waits for.
        settle_s: how long stragglers of an ending call are waited for.
        linger_s: how long a call that is over stays known.
    """

    def __init__(self, *, drop: Callable[[UUID], None], settle_s: float, linger_s: float) -> None:
        self._drop = drop
        self._settle_s, self._linger_s = settle_s, linger_s
        self._live: dict[UUID, LiveCall] = {}
        self._forgetting: dict[UUID, asyncio.TimerHandle] = {}
        self.calls = CallTable()

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[LiveCall]:
        return iter(list(self._live.values()))

    def get(self, call_id: UUID) -> LiveCall | None:
        """The call, while somebody waits for it."""
        return self._live.get(call_id)

    def open(self, order: CallOrder, report: Callable[[CallProgress], None], *, certain_in_s: float) -> LiveCall:
        """Register a call before Asterisk hears of it.

        Raises:
            OurMistake: its id is in use.
        """
        loop = asyncio.get_running_loop()
        live = self._live[order.call_id] = LiveCall(
            call=self.calls.add(order.call_id),
            report=report,
            over=loop.create_future(),
            certain_at=loop.time() + certain_in_s,
        )
        return live

    def take(self, event: AmiEvent) -> None:
        """One event; it may be about no call of ours."""
        call = self.calls.find(event)
        if call is None:
            return
        is_first = not call.is_seen
        call.take(event)
        if is_first and call.is_stray:
            self._drop(call.call_id)
        live = self._live.get(call.call_id)
        if live is not None:
            if is_first:
                live.stirred.set()
            self.look_at(live)

    def compare(self, channels: tuple[AmiEvent, ...], *, is_restart: bool) -> list[LiveCall]:
        """The link is back. Returns the calls of which Asterisk knows nothing, but may yet hear."""
        now, in_doubt = asyncio.get_running_loop().time(), []
        for call in self.calls:
            own_channels = self.calls.channels_of(call, channels)
            live = self._live.get(call.call_id)
            if live is not None and not own_channels and not call.is_seen and not is_restart and now < live.certain_at:
                in_doubt.append(live)
                continue
            call.restore(own_channels, is_restart=is_restart)
            if call.is_stray:
                self._drop(call.call_id)
            if live is not None:
                live.stirred.set()
                self.look_at(live)
        return in_doubt

    def restore(self, live: LiveCall, channels: tuple[AmiEvent, ...]) -> None:
        """One call against the channels that live now."""
        live.call.restore(self.calls.channels_of(live.call, channels), is_restart=False)
        self.look_at(live)

    def lose(self, live: LiveCall, by: EndedBy | None, why: str) -> None:
        """Give a call up."""
        live.call.lose(by, why)
        self.look_at(live)

    def look_at(self, live: LiveCall) -> None:
        """Report what is new; conclude when the call is over."""
        state = live.tell()
        if state in (AmiCallState.CALLEE_LEFT, AmiCallState.AGENT_LEFT) and live.settling is None:
            live.settling = asyncio.get_running_loop().call_later(self._settle_s, self._settle, live)
        if state is AmiCallState.ENDED and not live.over.done():
            live.end()
            del self._live[live.call.call_id]
            self._forget_later(live.call.call_id)

    def close(self) -> None:
        """Conclude every call and forget them all."""
        for live in self:
            self.lose(live, EndedBy.FAILURE, "the line was closed")
        for handle in self._forgetting.values():
            handle.cancel()
        self._forgetting.clear()

    def _settle(self, live: LiveCall) -> None:
        if live.call.state is AmiCallState.CALLEE_LEFT:
            self._drop(live.call.call_id)  # our leg should have ended by itself
        live.call.settle()
        self.look_at(live)

    def _forget_later(self, call_id: UUID) -> None:
        handle = asyncio.get_running_loop().call_later(self._linger_s, self._forget, call_id)
        self._forgetting[call_id] = handle

    def _forget(self, call_id: UUID) -> None:
        call = self.calls.get(call_id)
        if call is not None and call.has_living_legs:
            self._forget_later(call_id)  # handed over: the callee still talks
            return
        self._forgetting.pop(call_id, None)
        self.calls.remove(call_id)

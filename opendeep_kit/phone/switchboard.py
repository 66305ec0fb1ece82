"""Keeps the calls that are up: hands each its events, tells who waits for it, and forgets it when all is quiet.

Given events and the news of outages, moves calls along and concludes them. Never speaks to Asterisk: what must be hung
up is handed to `drop`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from uuid import UUID

from opendeep_kit.outcomes import EndedBy
from opendeep_kit.phone.ami_message import AmiEvent
from opendeep_kit.phone.call_state import CallState
from opendeep_kit.phone.call_table import CallTable
from opendeep_kit.phone.line import CallOrder, Progress
from opendeep_kit.phone.live_call import LiveCall


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

    def open(self, order: CallOrder, report: Callable[[Progress], None], *, certain_in_s: float) -> LiveCall:
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
        if state in (CallState.CALLEE_LEFT, CallState.AGENT_LEFT) and live.settling is None:
            live.settling = asyncio.get_running_loop().call_later(self._settle_s, self._settle, live)
        if state is CallState.ENDED and not live.over.done():
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
        if live.call.state is CallState.CALLEE_LEFT:
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

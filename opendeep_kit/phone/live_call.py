"""One call that somebody waits for: tells them each piece of progress once, and the end once.

Given the folded call, compares it with what was told already. Never asks Asterisk anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from opendeep_kit.phone.call_state import Call, CallState
from opendeep_kit.phone.line import LineResult, Progress


@dataclass(slots=True, kw_only=True)
class LiveCall:
    """A call between `place` and its result."""

    call: Call
    report: Callable[[Progress], None]
    over: asyncio.Future[LineResult]
    certain_at: float
    """Loop time from which Asterisk will not act on the Originate any more."""
    reported: set[Progress] = field(default_factory=set)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """Something was heard of it."""
    settling: asyncio.TimerHandle | None = None
    has_sound: bool | None = None
    """Whether its AudioSocket is open; None when nobody told us."""
    is_parting: bool = False

    def tell(self) -> CallState:
        """Report what was not reported yet; returns where the call stands."""
        callee, state = self.call.callee, self.call.state
        if callee is not None and not self.over.done():
            if callee.is_ringing and not self.reported:
                self._tell_once(Progress.RINGING)
            if callee.is_up and Progress.ANSWERED not in self.reported:
                self._tell_once(Progress.ANSWERED)
            if callee.is_up and self.call.is_machine and Progress.MACHINE not in self.reported:
                self._tell_once(Progress.MACHINE)
        return state

    def end(self) -> None:
        """Say how it ended."""
        if self.settling is not None:
            self.settling.cancel()
        self.stirred.set()
        self.over.set_result(self.call.result())

    def _tell_once(self, progress: Progress) -> None:
        self.reported.add(progress)
        if not self.is_parting:
            # By way of the loop: a fault of theirs is not ours.
            asyncio.get_running_loop().call_soon(self.report, progress)

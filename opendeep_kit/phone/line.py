"""What every telephone line offers, whichever carries the call: Asterisk or the simulator.

Given an order, a line places one call, reports what the network says, and returns once when the call is over.
Never touches sound: that flows between the line and the AudioSocket server the order names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.settings import LineFormat

OUR_LEG_ENDED = "our side hung up"
OUR_LEG_ENDED_EARLY = "our side hung up before anybody answered"
"""The AI's leg ended, and nobody had asked the line for it: whoever held its sound knows why, or it failed."""
WE_HUNG_UP = "we hung up"
WE_HUNG_UP_EARLY = "we hung up before anybody answered"
"""The line was asked to."""
HANDED_OVER = "handed over to a human"


class CallProgress(StrEnum):
    """What the network said while the call was being set up."""

    RINGING = "ringing"
    ANSWERED = "answered"
    MACHINE = "machine"
    """What answered sounds like an answering machine: a hint, after `ANSWERED`."""


MACHINE_HINT = (
    "The telephone network takes the callee for an answering machine. If what you hear agrees, do what your "
    "instructions say for a machine; if a person speaks, go on as usual."
)
"""What the agent is told then."""
HINTED_BY = "answering-machine detection"
"""Who stepped in, in the call's events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOrder:
    """One call to place."""

    call_id: UUID
    """Ours, before the network knows the call; the AudioSocket will show it."""
    number: str
    """E.164, `+` and digits."""
    media_host: str
    """Where the AudioSocket server for this call listens."""
    media_port: int
    line_format: LineFormat = "slin24"
    ring_limit_s: float = 30.0
    caller_id: str = ""
    """E.164 number to show; empty leaves it to the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResult:
    """How the call ended, as the network tells it."""

    phone_result: PhoneResult
    ended_by: EndedBy | None
    """CALLEE or NETWORK when the line knows, FAILURE when it lost the call; None when our side ended it (we know why
    ourselves)."""
    cause: int = 0
    """Q.850 cause of the callee's leg."""
    detail: str = ""
    """One clause for a person."""


class Line(Protocol):
    """Places calls."""

    @property
    def name(self) -> str:
        """`simulator` or `asterisk`."""
        ...

    @property
    def reaches_people(self) -> bool:
        """False: it leads to the rehearsal's public, where every number but a made-up one is a wrong number."""
        ...

    @property
    def has_wideband(self) -> bool:
        """Whether it carries more than 8 kHz to us."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether a call could be placed now."""
        ...

    @property
    def outages(self) -> int:
        """How often the line was lost since it was opened."""
        ...

    @property
    def outlives_us(self) -> bool:
        """Whether a call that it carries goes on when the process that placed it dies."""
        ...

    async def living_calls(self) -> frozenset[UUID]:
        """The calls of ours that the line holds now, whoever placed them: asked after a crash.

        Raises:
            Unavailable: it cannot be reached.
        """
        ...

    async def hang_up(self, call_id: UUID) -> None:
        """End a call that another process may have placed; one that is gone already is fine.

        Raises:
            Unavailable: the line cannot be reached.
        """
        ...

    def media_opened(self, call_id: UUID) -> None:
        """The call's AudioSocket came: as long as it stands, the call lives."""
        ...

    def media_closed(self, call_id: UUID) -> None:
        """The call's AudioSocket is closed."""
        ...

    async def transfer(self, call_id: UUID, target: str) -> None:
        """Hand the callee over to the human at this E.164 number; the agent's leg ends, and with it `place`.

        Raises:
            BadInput: the target is not a number.
            Refused: there is no callee to hand over.
            Unavailable: the line cannot be reached.
        """
        ...

    async def place(self, order: CallOrder, report: Callable[[CallProgress], None]) -> LineResult:
        """Place one call and return when it is over; cancelling this coroutine hangs up."""
        ...

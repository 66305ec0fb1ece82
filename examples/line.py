"""A line: whatever carries calls. On this one a machine picks up at once, listens for a second, and hangs up."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from opendeep_kit.errors import Refused
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.audiosocket import encode_call_id
from opendeep_kit.phone.line import CallOrder, CallProgress, LineResult


class MachineLine:
    """A `Line`: copy it, and put another telephone system behind it."""

    name, reaches_people = "machine", False

    def media_opened(self, call_id: UUID) -> None: ...
    def media_closed(self, call_id: UUID) -> None: ...

    async def transfer(self, call_id: UUID, target: str) -> None:
        """There is nobody to hand over."""
        raise Refused("a machine cannot be handed over", do="hang up")

    async def place(self, order: CallOrder, report: Callable[[CallProgress], None]) -> LineResult:
        """Connect the call's sound as Asterisk would, then tell how the call ended."""
        _, writer = await asyncio.open_connection(order.media_host, order.media_port)
        writer.write(encode_call_id(order.call_id))
        report(CallProgress.ANSWERED)
        await asyncio.sleep(1.0)
        writer.close()
        return LineResult(phone_result=PhoneResult.ANSWERED, ended_by=EndedBy.CALLEE, cause=16)

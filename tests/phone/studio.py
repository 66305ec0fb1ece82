"""A line through a real Asterisk with a media server beside it, for tests that place calls."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from opendeep_kit.asterisk.instance import AsteriskInstance
from opendeep_kit.commands.media import tone
from opendeep_kit.errors import Unavailable
from opendeep_kit.outcomes import PhoneResult
from opendeep_kit.phone.ami_client import AmiAccount, AmiLimits
from opendeep_kit.phone.asterisk_line import AsteriskLine, LineLimits
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.phone.line import CallOrder, CallProgress, LineResult
from opendeep_kit.phone.originate import Structure
from opendeep_kit.settings import PhoneSettings
from tests.phone.asterisk_end import until

QUICK = LineLimits(originate_s=1, settle_s=0.3, linger_s=0.2, outage_s=10, outage_grace_s=0.1)
AMI = AmiLimits(answer_s=2, first_wait_s=0.05, longest_wait_s=0.2)
ECHO, RINGS, EARLY_HANGUP, MUTE, BUSY = "32", "21", "26", "29", "20"
"""Last digits of `rehearsal/public.py` (and of `asterisk/callees/` for the echo)."""


@dataclass
class Studio:
    """A line with its media server, which sends a tone into every call."""

    line: AsteriskLine
    media: AudioSocketServer
    callees: AsteriskInstance
    sockets: dict[UUID, AudioSocketConnection] = field(default_factory=dict)
    happened: list[str] = field(default_factory=list)

    def order(self, last_digits: str, *, ring_limit_s: float = 20.0) -> CallOrder:
        return CallOrder(
            call_id=uuid4(),
            number=f"+121255501{last_digits}",
            media_host="127.0.0.1",
            media_port=self.media.port,
            ring_limit_s=ring_limit_s,
        )

    def place(self, order: CallOrder) -> asyncio.Task[LineResult]:
        """Place the call and note what is reported."""
        return asyncio.create_task(self.line.place(order, lambda progress: self.happened.append(progress)))

    async def handle(self, connection: AudioSocketConnection) -> None:
        self.sockets[connection.call_id] = connection
        self.happened.append("sound")
        self.line.media_opened(connection.call_id)
        try:
            await tone(connection, rate_hz=self.media.line_rate_hz)
        finally:
            self.line.media_closed(connection.call_id)

    async def talking(self, order: CallOrder) -> asyncio.Task[LineResult]:
        """Place the call and wait for the answer."""
        call = self.place(order)
        await until(lambda: CallProgress.ANSWERED in self.happened and order.call_id in self.sockets)
        return call

    async def calls_seen_by_the_public(self) -> int:
        """How many calls ever reached the callees' Asterisk."""
        found = re.search(r"(\d+) calls? processed", await self.callees.cli("core show channels count"))
        assert found is not None
        return int(found[1])


@contextlib.asynccontextmanager
async def studio(
    line: AsteriskInstance,
    callees: AsteriskInstance | None,
    *,
    structure: Structure = Structure.CHANNEL_DRIVER,
    port: int | None = None,
    ami: AmiLimits = AMI,
    limits: LineLimits = QUICK,
    has_wideband: bool | None = None,
) -> AsyncIterator[Studio]:
    """Everything for calls; at the end nothing may be left of them."""
    assert callees is not None
    before = asyncio.all_tasks()

    async def yes(_: UUID) -> bool:
        return True

    async def handle(connection: AudioSocketConnection) -> None:
        await made.handle(connection)

    account = AmiAccount(port=port or line.ports.ami, username=line.ami_user, secret=line.ami_secret)
    asterisk_line = AsteriskLine(account, structure=structure, limits=limits, ami_limits=ami, has_wideband=has_wideband)
    settings = PhoneSettings(line_format="slin" if has_wideband is False else "slin24")
    async with AudioSocketServer(admit=yes, handle=handle, settings=settings) as media, asterisk_line:
        made = Studio(asterisk_line, media, callees)
        yield made
        with contextlib.suppress(Unavailable):
            await until_gone(made)
    assert (asterisk_line.calls.unmatched, asterisk_line.calls.foreign) == (0, 0)
    await until(lambda: asyncio.all_tasks() == before)


async def until_gone(made: Studio) -> None:
    """No channel in Asterisk, no call in the table."""
    async with asyncio.timeout(5):
        while await made.line.living_calls() or len(made.line.calls):  # noqa: ASYNC110 - Asterisk is asked
            await asyncio.sleep(0.05)


WE_HUNG_UP = LineResult(phone_result=PhoneResult.ANSWERED, ended_by=None, cause=16, detail="our side hung up")
"""By way of the sound's connection."""
LINE_HUNG_UP = replace(WE_HUNG_UP, detail="we hung up")
"""The line was asked to."""

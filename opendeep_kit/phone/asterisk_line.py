"""Places calls through Asterisk, and tells truthfully how each ended.

Given orders, originates each at most once, reports what the callee's leg says, and returns when the call is over,
also when the link to Asterisk or Asterisk itself is lost meanwhile. Never touches sound, and never dials again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from opendeep_kit.asterisk.program import WIDEBAND_SINCE, parsed_version
from opendeep_kit.errors import BadInput, Refused, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.numbers import checked
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.ami_client import AmiAccount, AmiClient, AmiLimits, LinkLost, LinkRestored, News
from opendeep_kit.phone.ami_message import AmiEvent, call_id_of, channel_id
from opendeep_kit.phone.line import CallOrder, CallProgress, LineResult
from opendeep_kit.phone.originate import TRANSFER, Structure, originate
from opendeep_kit.phone.switchboard import CallTable, LiveCall, Switchboard

REHEARSAL_VARIABLE = "OPENDEEP_REHEARSAL"
"""Global in `asterisk/extensions.conf`: `yes` where the trunk leads to the rehearsal's public."""
TRANSFER_TRIES, TRANSFER_PAUSE_S = 5, 0.1
"""Asterisk tells of an answer some milliseconds before callee and agent are joined; until then it cannot transfer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimits:
    """Time limits of the line, in seconds."""

    connect_s: float = 1.0
    """For the media server's port, before anybody's phone rings."""
    originate_s: float = 6.0
    """An Originate that Asterisk reads later than this dials nobody."""
    settle_s: float = 1.0
    """For the stragglers of a call that is ending, and for Asterisk to end one whose sound has ended."""
    give_up_s: float = 30.0
    """A call that Asterisk does not end, though it was asked for so long, is given up."""
    linger_s: float = 5.0
    """A call over stays known, so that its last events find it."""
    outage_s: float = 30.0
    """Without a link for so long, calls whose sound we know nothing of are given up."""
    outage_grace_s: float = 2.0
    """Without a link for so long, calls whose sound has ended are over."""
    farewell_s: float = 3.0
    """For calls to end when the line closes."""


class AsteriskLine:
    """A line through one Asterisk. `async with` it, or `start` and `close`.

    Args:
        has_wideband: whether its AudioSocket carries more than 8 kHz; None asks Asterisk for its version.
    """

    def __init__(
        self,
        account: AmiAccount,
        *,
        structure: Structure = Structure.CHANNEL_DRIVER,
        caller_id: str = "",
        limits: LineLimits | None = None,
        ami_limits: AmiLimits | None = None,
        has_wideband: bool | None = None,
    ) -> None:
        self._structure = structure
        self._caller_id = caller_id
        self._limits = limits or LineLimits()
        self._has_wideband = has_wideband
        self._reaches_people = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._outage: asyncio.Task[None] | None = None
        self.outages = 0
        """How often the link to Asterisk was lost: calls that ended badly meanwhile speak of nothing else."""
        self._board = Switchboard(
            drop=lambda call_id: self._in_background(self._drop(call_id)),
            settle_s=self._limits.settle_s,
            linger_s=self._limits.linger_s,
        )
        self.ami = AmiClient(account, on_news=self._on_news, limits=ami_limits)

    @property
    def calls(self) -> CallTable:
        """Every call that Asterisk may still speak of, and how many events found theirs."""
        return self._board.calls

    @property
    def name(self) -> str:
        """As told in events."""
        return "asterisk"

    @property
    def has_wideband(self) -> bool:
        """Whether its AudioSocket carries more than 8 kHz; known once it is started."""
        return self._has_wideband is not False

    @property
    def is_ready(self) -> bool:
        """Whether it is linked to Asterisk now."""
        return self.ami.is_ready

    @property
    def outlives_us(self) -> bool:
        """Asterisk is a process of its own."""
        return True

    @property
    def reaches_people(self) -> bool:
        """Whether its trunk leads to telephones, not to the rehearsal's public; known once it is started."""
        return self._reaches_people

    async def start(self) -> None:
        """Connect to Asterisk. Raises as `AmiClient.start` does."""
        try:
            await self.ami.start()
            # Our dialplan knows where its trunk leads; an Asterisk that has no such variable is somebody's own.
            reply = await self.ami.ask("Getvar", {"Variable": REHEARSAL_VARIABLE})
            self._reaches_people = reply.headers.get("value") != "yes"
            if self._has_wideband is None:
                self._has_wideband = await carries_wideband(self.ami)
        except BaseException:  # cancelled, too: nobody will close what was not opened
            await self.ami.close()
            raise

    async def close(self) -> None:
        """Hang up what lives, wait a moment for it, and leave."""
        for live in self._board:
            self._part(live)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._limits.farewell_s)
            for task in late:
                task.cancel()
        self._board.close()
        if self._outage is not None:
            self._outage.cancel()
        await self.ami.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # ---- calls --------------------------------------------------------------------------------------

    async def place(self, order: CallOrder, report: Callable[[CallProgress], None]) -> LineResult:
        """Place one call and return when it is over; cancelling this coroutine hangs up.

        Raises:
            BadInput: the number or address is not one, or Asterisk's set-up does not allow the call.
            Refused: this call id was placed before.
            Unavailable: there is no link to Asterisk. Nothing was sent.
        """
        expires_at = int(time.time() + self._limits.originate_s)
        headers = originate(
            order, structure=self._structure, expires_at=expires_at, caller_id=order.caller_id or self._caller_id
        )
        if order.line_format != "slin" and not self.has_wideband:
            return _nobody_called("this Asterisk's AudioSocket carries 8 kHz only, and phone.line_format is wider")
        if not await is_listening(order.media_host, order.media_port, within_s=self._limits.connect_s):
            return _nobody_called(f"nothing listens for sound at {order.media_host}:{order.media_port}")
        if self.calls.get(order.call_id) is not None:
            raise Refused("this call was placed before", do="give every attempt an id of its own")
        self.ami.require()
        live = self._board.open(order, report, certain_in_s=self._limits.originate_s + 2)
        try:
            await self._originate(live, headers)
            await asyncio.wait({live.over}, timeout=self._limits.originate_s + 2)
            await self._ask_again(live, 0.0)
            return await asyncio.shield(live.over)
        finally:
            if not live.over.done():
                self._part(live)

    async def hang_up(self, call_id: UUID) -> None:
        """End a call; one that is gone already is fine."""
        if (live := self._board.get(call_id)) is not None:
            live.call.is_cancelled = True
        await self.ami.ask("Hangup", {"Channel": channel_id(call_id)})

    async def transfer(self, call_id: UUID, target: str) -> None:
        """Hand the callee over to the human at `target`; the AI's leg ends, and with it `place`."""
        number = checked(target, "the number to hand over to")
        move = {"Channel": channel_id(call_id), "Context": TRANSFER, "Exten": number}
        for _ in range(TRANSFER_TRIES):
            reply = await self.ami.ask("BlindTransfer", move)
            if reply.is_success:
                return
            await asyncio.sleep(TRANSFER_PAUSE_S)
        raise Refused(
            f"Asterisk cannot hand the callee over ({reply.message})", do="wait until the callee has answered"
        )

    async def living_calls(self) -> frozenset[UUID]:
        """The calls of ours that Asterisk holds now, whoever placed them."""
        channels = await self.ami.ask_list("CoreShowChannels")
        return frozenset(call_id for channel in channels if (call_id := call_id_of(channel)) is not None)

    def media_opened(self, call_id: UUID) -> None:
        """The call's sound flows: as long as it does, the call lives."""
        if (live := self._board.get(call_id)) is not None:
            live.has_sound = True

    def media_closed(self, call_id: UUID) -> None:
        """The call's AudioSocket is closed, and so the call must end; one handed over has left it."""
        if (live := self._board.get(call_id)) is not None:
            live.has_sound = False
            self._in_background(self._end_with_its_sound(live))

    # ---- placing and ending -------------------------------------------------------------------------

    async def _originate(self, live: LiveCall, headers: dict[str, str | list[str]]) -> None:
        try:
            reply = await self.ami.ask("Originate", headers)
        except Unavailable:
            # Sent, and no answer. The link is cut; what comes after it tells whether there is such a call.
            log().warning("! an Originate is in doubt")
            return
        if not reply.is_success:
            live.call.refuse(f"Asterisk refuses the call ({reply.message})")
            self._board.look_at(live)
            raise BadInput(
                f"Asterisk refuses to place calls ({reply.message})",
                do="compare its dialplan and manager.conf with ours in the folder asterisk/",
            )

    def _part(self, live: LiveCall) -> None:
        """Hang up in the background: whoever placed the call does not wait for it any more."""
        if live.is_parting:
            return
        live.is_parting = live.call.is_cancelled = True
        self._in_background(self._see_off(live))

    async def _drop(self, call_id: UUID) -> None:
        with contextlib.suppress(Unavailable, BadInput):
            await self.ami.ask("Hangup", {"Channel": channel_id(call_id)})

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="asterisk-line")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end_with_its_sound(self, live: LiveCall) -> None:
        """Hang up what Asterisk leaves standing: our own leg, which of a call handed over is gone."""
        await asyncio.wait({live.over}, timeout=self._limits.settle_s)
        if not live.over.done():
            log().warning("! a call did not end with its sound", call_id=str(live.call.call_id))
            await self._see_off(live)

    async def _see_off(self, live: LiveCall) -> None:
        """Hang up until the call is over: it may not have begun yet, or the link may be down."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._limits.give_up_s
        while not live.over.done():
            if loop.time() > until:
                self._board.lose(live, EndedBy.FAILURE, "Asterisk does not end it")
                return
            live.stirred.clear()
            with contextlib.suppress(Unavailable, BadInput):
                reply = await self.ami.ask("Hangup", {"Channel": channel_id(live.call.call_id)})
                if not reply.is_success and not live.call.is_seen and loop.time() > live.certain_at:
                    self._board.lose(live, None, "we hung up before it began")
                    return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.settle_s):
                    await live.stirred.wait()

    # ---- news ---------------------------------------------------------------------------------------

    def _on_news(self, news: News) -> None:
        match news:
            case AmiEvent():
                self._board.take(news)
            case LinkLost():
                self.outages += 1
                self._outage = asyncio.create_task(sit_out(self._board, self._limits), name="ami-outage")
            case LinkRestored(channels=channels, is_restart=is_restart):
                if self._outage is not None:
                    self._outage.cancel()
                    self._outage = None
                now = asyncio.get_running_loop().time()
                for live in self._board.compare(channels, is_restart=is_restart):
                    self._in_background(self._ask_again(live, live.certain_at - now))

    # ---- outages ------------------------------------------------------------------------------------

    async def _ask_again(self, live: LiveCall, delay_s: float) -> None:
        """An Originate in doubt: once Asterisk can no longer carry it out, ask whether the call exists."""
        await asyncio.sleep(delay_s)
        if live.call.is_seen or live.over.done():
            return
        with contextlib.suppress(Unavailable, BadInput):  # then the link is cut, and its return asks again
            self._board.restore(live, tuple(await self.ami.ask_list("CoreShowChannels")))


async def sit_out(board: Switchboard, limits: LineLimits) -> None:
    """While the link is down, the sound says whether a call lives; in the end we give up."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(limits.outage_grace_s)
    while len(board):
        is_long = loop.time() - began > limits.outage_s
        for live in board:
            if live.has_sound is False:
                board.lose(live, EndedBy.FAILURE, "its sound ended while Asterisk could not be reached")
            elif live.has_sound is None and is_long:
                board.lose(live, EndedBy.FAILURE, "Asterisk could not be reached any more")
        await asyncio.sleep(limits.outage_grace_s / 4)


def _nobody_called(why: str) -> LineResult:
    return LineResult(phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, detail=f"{why}, so nobody was called")


async def carries_wideband(ami: AmiClient) -> bool:
    """Whether this Asterisk's AudioSocket does, by its version; an unknown version counts as a new one."""
    version = parsed_version((await ami.ask("CoreSettings")).headers.get("asteriskversion", ""))
    return not version or version >= WIDEBAND_SINCE


async def is_listening(host: str, port: int, *, within_s: float) -> bool:
    """Whether the media server is there: with it gone, Asterisk would ring the callee for nothing."""
    try:
        async with asyncio.timeout(within_s):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True

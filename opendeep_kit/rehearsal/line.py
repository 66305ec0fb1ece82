"""The line simulator: stands in for Asterisk and the telephone network behind it.

Given an order, connects to the media server over a real AudioSocket exactly as Asterisk does, and lets the number's
subscriber (`rehearsal.public`) answer or not; personas are reached at their own AudioSocket server. Never touches
sound: frames pass through at once, both ways, on their sender's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any
from uuid import UUID

from opendeep_kit.audio.pacing import SLOT_S, Pacer
from opendeep_kit.audio.pcm import LINE_RATES_HZ, frame_bytes, silence
from opendeep_kit.audio.tones import tone
from opendeep_kit.errors import Refused, Unavailable
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.audiosocket import encode_digit, encode_sound
from opendeep_kit.phone.causes import MEDIA_LOST, unanswered
from opendeep_kit.phone.line import (
    HANDED_OVER,
    OUR_LEG_ENDED,
    OUR_LEG_ENDED_EARLY,
    WE_HUNG_UP,
    WE_HUNG_UP_EARLY,
    CallOrder,
    CallProgress,
    LineResult,
)
from opendeep_kit.rehearsal.asterisk_leg import QUIET_LIMIT_S, AsteriskLeg, LegEnd, connect
from opendeep_kit.rehearsal.public import Behaviour, callee_uuid, subscriber

NORMAL_CLEARING = 16
SERVER_ERROR = 38
SETUP_S = 0.1
"""From the dial to the network's first response: 100 Trying, no sound in either direction."""
EARLY_HANGUP_S = 1.0
KEYS = "12#"
BEFORE_KEY_S = 0.5
KEY_S = 0.1
"""Duration of a key press, during which no sound flows."""
REFUSALS: dict[Behaviour, tuple[int, int]] = {
    Behaviour.BUSY: (17, 486),
    Behaviour.REJECTED: (21, 403),
    Behaviour.UNKNOWN_NUMBER: (1, 404),
    Behaviour.CONGESTION: (34, 503),
}
"""Q.850 cause and SIP code of numbers that do not even ring."""
SPECIAL_INFORMATION_HZ = (950.0, 1400.0, 1800.0)
"""The three rising tones before "the number you have dialled" (ITU-T E.180)."""


class SimulatedLine:
    """A `Line` without Asterisk.

    Args:
        callees_host: where the personas' AudioSocket server listens.
        time_scale: of the network's own times (ringing, time limits); sound keeps its 20 ms clock.
    """

    def __init__(self, callees_host: str, callees_port: int, *, time_scale: float = 1.0) -> None:
        self._callees = (callees_host, callees_port)
        self._time_scale = time_scale
        self._calls: dict[UUID, _Call] = {}
        """Calls under way."""

    @property
    def name(self) -> str:
        """This line's name in the record."""
        return "simulator"

    @property
    def reaches_people(self) -> bool:
        """Never: everything is simulated."""
        return False

    @property
    def has_wideband(self) -> bool:
        """Any format is carried as it comes."""
        return True

    @property
    def is_ready(self) -> bool:
        """It is always there."""
        return True

    @property
    def outages(self) -> int:
        """It is never lost."""
        return 0

    @property
    def outlives_us(self) -> bool:
        """Its calls die with the process that placed them."""
        return False

    async def living_calls(self) -> frozenset[UUID]:
        """Those that this process placed: no others can live."""
        return frozenset(self._calls)

    async def hang_up(self, call_id: UUID) -> None:
        """End a call of this process; of others' none is left."""
        if (call := self._calls.get(call_id)) is not None:
            call.part(_parted(call, WE_HUNG_UP, WE_HUNG_UP_EARLY))

    def media_opened(self, call_id: UUID) -> None:
        """Nothing to do: this line sees the socket itself."""

    def media_closed(self, call_id: UUID) -> None:
        """Nothing to do: this line sees the socket itself."""

    async def transfer(self, call_id: UUID, target: str) -> None:
        """Hand the callee over. Nobody is at the other number here, so the call simply leaves the agent."""
        del target
        call = self._calls.get(call_id)
        if call is None or not call.is_answered:
            raise Refused("there is no callee to hand over", do="wait until the callee has answered")
        call.part(_parted(call, HANDED_OVER, HANDED_OVER))

    async def place(self, order: CallOrder, report: Callable[[CallProgress], None]) -> LineResult:
        """Place one call and return when it is over; cancelling this coroutine hangs up."""
        quiet_limit_s = QUIET_LIMIT_S * self._time_scale
        try:
            # Like the AudioSocket channel driver: without a media server no phone rings.
            media = await connect(order.media_host, order.media_port, order.call_id, quiet_limit_s=quiet_limit_s)
        except Unavailable as error:
            return LineResult(phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, detail=error.what)
        call = _Call(order, media, report, self._callees, self._time_scale)
        network = asyncio.create_task(call.run(), name="simulated-call")
        self._calls[order.call_id] = call
        ends: tuple[asyncio.Future[Any], ...] = (network, media.ended, call.parted)
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if call.parted.done():
                return call.parted.result()
            return network.result() if network.done() else call.ended_by_us()
        finally:
            del self._calls[order.call_id]
            network.cancel()
            await asyncio.gather(network, return_exceptions=True)
            await media.close()


class _Call:
    """One call, as the network and the callee see it."""

    def __init__(
        self,
        order: CallOrder,
        media: AsteriskLeg,
        report: Callable[[CallProgress], None],
        callees: tuple[str, int],
        time_scale: float,
    ) -> None:
        self._order = order
        self._media = media
        self._report = report
        self._callees = callees
        self._time_scale = time_scale
        self._who = subscriber(order.number)
        self._rate_hz = LINE_RATES_HZ[order.line_format]
        self._quiet = silence(self._rate_hz)
        self.is_answered = False
        self.parted: asyncio.Future[LineResult] = asyncio.get_running_loop().create_future()
        """Our side left: the callee was handed over, or hung up on."""

    def part(self, result: LineResult) -> None:
        """Our side leaves, with this result; the first one counts."""
        if not self.parted.done():
            self.parted.set_result(result)

    async def run(self) -> LineResult:
        """Play the far end, to the end of the call."""
        try:
            async with asyncio.timeout(self._order.ring_limit_s * self._time_scale):
                refusal = await self._set_up()
        except TimeoutError:
            return _unanswered(0, 0)
        return refusal or await self._conversation()

    def ended_by_us(self) -> LineResult:
        """The result when the media server ended the call; what makes Asterisk end a call counts as our failure."""
        if self._media.ended.result() in (LegEnd.BROKEN, LegEnd.QUIET):
            return _broken(PhoneResult.ANSWERED if self.is_answered else PhoneResult.FAILED, self._media.detail)
        result = PhoneResult.ANSWERED if self.is_answered else PhoneResult.CANCELLED
        detail = OUR_LEG_ENDED if self.is_answered else OUR_LEG_ENDED_EARLY
        return LineResult(phone_result=result, ended_by=None, cause=NORMAL_CLEARING, detail=detail)

    # ---- before the answer --------------------------------------------------------------------------

    async def _set_up(self) -> LineResult | None:
        """Wait until the callee picks up; a result when they never will."""
        await asyncio.sleep(SETUP_S * self._time_scale)
        behaviour = self._who.behaviour
        if behaviour in REFUSALS:
            return _unanswered(*REFUSALS[behaviour])
        if behaviour is Behaviour.TRYING_ONLY:
            await asyncio.get_running_loop().create_future()
        if behaviour is Behaviour.ANNOUNCEMENT:
            await self._play(self._announcement())
            return _unanswered(1, 404)
        self._report(CallProgress.RINGING)
        if behaviour is Behaviour.NO_ANSWER:
            await self._play(repeat(self._quiet))
        # A silent ringing tone, as in our indications.conf: keeps the line alive and is not mistaken for a voice.
        await self._play(self._silence(self._who.ring_s))
        return _unanswered(19, 480) if behaviour is Behaviour.UNAVAILABLE else None

    def _announcement(self) -> Iterable[bytes]:
        pcm = b"".join(tone(hz, self._rate_hz, 330) for hz in SPECIAL_INFORMATION_HZ)
        length = frame_bytes(self._rate_hz)
        for at in range(0, len(pcm), length):
            yield pcm[at : at + length].ljust(length, b"\0")
        yield from self._silence(1.0)

    # ---- after the answer ---------------------------------------------------------------------------

    async def _conversation(self) -> LineResult:
        match self._who.behaviour:
            case Behaviour.TALKS:
                return await self._talk()
            case Behaviour.MUTE:
                self._answer()
                await asyncio.get_running_loop().create_future()
            case Behaviour.SENDS_DIGITS:
                self._answer()
                for key in KEYS:
                    await self._play(self._silence(BEFORE_KEY_S))
                    await asyncio.sleep(KEY_S * self._time_scale)
                    self._media.send(encode_digit(key))
                await self._play(repeat(self._quiet))
            case _:
                self._answer()
                await self._play(self._silence(EARLY_HANGUP_S))
        return _hung_up()

    async def _talk(self) -> LineResult:
        """Connect persona and agent; Asterisk has no buffer, so every frame passes at once."""
        try:
            callee = await connect(*self._callees, callee_uuid(self._order.number))
        except Unavailable as error:
            return LineResult(
                phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, cause=SERVER_ERROR, detail=error.what
            )
        try:
            callee.on_sound = self._media.send
            self._media.on_sound = callee.send
            self._answer()
            how = await callee.ended
        finally:
            await callee.close()
        if how in (LegEnd.HUNG_UP, LegEnd.CLOSED):
            return _hung_up()
        if how is LegEnd.QUIET:  # ours as well: what we send goes to the callee
            return _broken(PhoneResult.ANSWERED, callee.detail)
        return LineResult(
            phone_result=PhoneResult.ANSWERED,
            ended_by=EndedBy.NETWORK,
            cause=MEDIA_LOST,
            detail="the sound from the callee's side stopped",
        )

    def _answer(self) -> None:
        self.is_answered = True
        self._report(CallProgress.ANSWERED)

    # ---- sound of the network's own -----------------------------------------------------------------

    def _silence(self, seconds: float) -> Iterable[bytes]:
        return repeat(self._quiet, round(seconds * self._time_scale / SLOT_S))

    async def _play(self, frames: Iterable[bytes]) -> None:
        """Send these frames on a 20 ms clock of their own; returns when the last one has been played."""
        loop = asyncio.get_running_loop()
        pacer = Pacer(loop.time(), lead_ms=0)
        due = 0
        for pcm in frames:
            while not due:
                await asyncio.sleep(max(0.0, pacer.wake_at() - loop.time()))
                due = len(pacer.due(loop.time()))
            due -= 1
            self._media.send(encode_sound(pcm, self._rate_hz))
        await asyncio.sleep(max(0.0, pacer.wake_at() - loop.time()))


def _unanswered(cause: int, sip_code: int) -> LineResult:
    result, detail = unanswered(cause, sip_code)
    return LineResult(phone_result=result, ended_by=EndedBy.NETWORK, cause=cause, detail=detail)


def _broken(result: PhoneResult, detail: str) -> LineResult:
    return LineResult(phone_result=result, ended_by=EndedBy.FAILURE, cause=NORMAL_CLEARING, detail=detail)


def _parted(call: _Call, answered: str, unanswered_: str) -> LineResult:
    result, detail = (PhoneResult.ANSWERED, answered) if call.is_answered else (PhoneResult.CANCELLED, unanswered_)
    return LineResult(phone_result=result, ended_by=None, cause=NORMAL_CLEARING, detail=detail)


def _hung_up() -> LineResult:
    return LineResult(
        phone_result=PhoneResult.ANSWERED,
        ended_by=EndedBy.CALLEE,
        cause=NORMAL_CLEARING,
        detail="the callee hung up",
    )

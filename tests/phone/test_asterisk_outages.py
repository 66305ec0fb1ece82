"""Calls while the link to Asterisk is cut, while Asterisk is frozen, and when it is killed."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from opendeep_kit.asterisk.configuration import configure_line
from opendeep_kit.asterisk.exchange import Exchange, rehearsal_trunk
from opendeep_kit.errors import Unavailable
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.ami_client import AmiLimits
from opendeep_kit.phone.asterisk_line import LineLimits
from opendeep_kit.phone.line import OUR_LEG_ENDED, WE_HUNG_UP, CallOrder, CallProgress, LineResult
from tests.phone.ami_proxy import ami_proxy
from tests.phone.asterisk_end import until
from tests.phone.studio import AMI, BUSY, EARLY_HANGUP, ECHO, LINE_HUNG_UP, MUTE, RINGS, Studio, studio, until_gone
from tests.soak.sip_record import calls_in, switch_on


async def test_call_survives_a_cut_link(exchange: Exchange) -> None:
    """With the AMI connection cut the call goes on, and is ended by us afterwards."""
    async with (
        ami_proxy(exchange.line.ports.ami) as cable,
        studio(exchange.line, exchange.callees, port=cable.port) as made,
    ):
        order = made.order(ECHO)
        call = await made.talking(order)
        await cable.pull()
        await until(lambda: not made.line.ami.is_ready)
        with pytest.raises(Unavailable):
            await made.place(made.order(ECHO))
        await asyncio.sleep(0.3)
        await cable.plug()
        await until(lambda: made.line.ami.is_ready)
        await made.line.hang_up(order.call_id)

        assert await call == LINE_HUNG_UP


async def test_call_that_ends_during_an_outage(exchange: Exchange) -> None:
    """A callee who hung up while the link was down is known to have answered, and the call to be over."""
    async with (
        ami_proxy(exchange.line.ports.ami) as cable,
        studio(exchange.line, exchange.callees, port=cable.port) as made,
    ):
        order = made.order(EARLY_HANGUP)
        call = await made.talking(order)
        made.line.media_opened(order.call_id)
        await cable.pull()
        await asyncio.wait({made.sockets[order.call_id].closed})
        result = await call
        await cable.plug()

    assert (result.phone_result, result.ended_by) == (PhoneResult.ANSWERED, EndedBy.FAILURE)


async def test_answer_during_an_outage_is_reported_afterwards(exchange: Exchange) -> None:
    """A callee who answered while the link was down is reported when it returns."""
    async with (
        ami_proxy(exchange.line.ports.ami) as cable,
        studio(exchange.line, exchange.callees, port=cable.port) as made,
    ):
        order = made.order(MUTE)
        call = made.place(order)
        await until(lambda: CallProgress.RINGING in made.happened)
        await cable.pull()
        await asyncio.sleep(1.5)  # the callee answers after a second
        assert CallProgress.ANSWERED not in made.happened
        await cable.plug()
        await until(lambda: CallProgress.ANSWERED in made.happened)
        await made.line.hang_up(order.call_id)

        assert (await call).phone_result is PhoneResult.ANSWERED


async def test_frozen_asterisk_places_no_phantom_call(exchange: Exchange) -> None:
    """What was asked of a frozen Asterisk is not carried out when it wakes; the call that was up goes on."""
    pid = exchange.line.pid
    assert pid is not None
    async with studio(exchange.line, exchange.callees, ami=replace(AMI, answer_s=0.3)) as made:
        order = made.order(ECHO)
        call = await made.talking(order)
        before = await made.calls_seen_by_the_public()
        os.kill(pid, signal.SIGSTOP)
        try:
            doubtful = made.place(made.order(ECHO))
            await asyncio.sleep(3)
        finally:
            os.kill(pid, signal.SIGCONT)
        async with asyncio.timeout(5):
            result = await doubtful
        await asyncio.sleep(1)

        assert (result.phone_result, result.ended_by) == (PhoneResult.FAILED, EndedBy.FAILURE)
        assert await made.calls_seen_by_the_public() == before
        await made.line.hang_up(order.call_id)
        assert await call == LINE_HUNG_UP


async def test_killed_asterisk(exchange: Exchange, short_dir: Path) -> None:
    """With Asterisk killed in mid-call the outcome is told, and after its return the next call works."""
    assert exchange.callees is not None
    trunk = rehearsal_trunk(exchange.callees)
    own = configure_line(short_dir / "line", program=exchange.line.program, trunk=trunk)
    running = await own.start()
    async with studio(own, exchange.callees) as made:
        call = await made.talking(made.order(ECHO))
        before = await made.calls_seen_by_the_public()
        assert own.pid is not None
        os.kill(own.pid, signal.SIGKILL)
        result = await call
        await running.stop()

        assert result == LineResult(
            phone_result=PhoneResult.ANSWERED,
            ended_by=EndedBy.FAILURE,
            detail="its sound ended while Asterisk could not be reached",
        )
        async with await own.start():
            await until(lambda: made.line.ami.is_ready)
            assert (await made.place(made.order("20"))).phone_result is PhoneResult.BUSY
            assert await made.calls_seen_by_the_public() == before + 1
            await until_gone(made)


# ---- full length ------------------------------------------------------------------------------------

FULL = LineLimits(linger_s=1)
LOST = "its sound ended while Asterisk could not be reached"
UNKNOWN = LineResult(phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, detail=LOST)
OUTAGE_S = 10.0


class Campaign:
    """Calls in flight, and calls that somebody goes on placing whatever happens to Asterisk."""

    def __init__(self, made: Studio) -> None:
        self.made = made
        self.talking: dict[CallOrder, asyncio.Task[LineResult]] = {}
        self.ringing: dict[CallOrder, asyncio.Task[LineResult]] = {}
        self.refused: list[CallOrder] = []
        self.meanwhile: dict[CallOrder, LineResult] = {}
        self._attempts: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Three calls that talk, two that ring for four seconds more."""
        for _ in range(3):
            order = self.made.order(ECHO)
            self.talking[order] = self.made.place(order)
        for _ in range(2):
            order = self.made.order(RINGS, ring_limit_s=4)
            self.ringing[order] = self.made.place(order)
        await until(lambda: self.made.happened.count(CallProgress.ANSWERED) == 3)
        await until(lambda: self.made.happened.count(CallProgress.RINGING) >= 2 and len(self.made.sockets) == 5)

    async def go_on(self) -> None:
        """One more attempt every second; what the line refuses is given up."""
        for _ in range(int(OUTAGE_S)):
            self._attempts.append(asyncio.create_task(self._attempt(self.made.order(BUSY))))
            await asyncio.sleep(1)

    async def attempts_over(self) -> None:
        """Until each of those has its result."""
        await asyncio.gather(*self._attempts)

    async def hang_up(self) -> list[LineResult]:
        """End the talks; how they ended."""
        for order in self.talking:
            await self.made.line.hang_up(order.call_id)
        return [await call for call in self.talking.values()]

    async def ended_ringing(self) -> list[LineResult]:
        """How the calls that rang ended."""
        return [await call for call in self.ringing.values()]

    def check_the_record(self, record: Path) -> None:
        """The callees' Asterisk saw every call once that got a result, and none that was refused or given up."""
        seen = Counter(call.call_id for call in calls_in(record))
        placed = [order for order, result in self.meanwhile.items() if result.phone_result is PhoneResult.BUSY]
        assert seen == {str(order.call_id): 1 for order in (*self.talking, *self.ringing, *placed)}

    async def _attempt(self, order: CallOrder) -> None:
        try:
            self.meanwhile[order] = await self.made.line.place(order, lambda _: None)
        except Unavailable:
            self.refused.append(order)


@pytest.fixture
async def record(exchange: Exchange) -> AsyncIterator[Path]:
    """What the callees' Asterisk writes down of every SIP message."""
    assert exchange.callees is not None
    file = await switch_on(exchange.callees)
    yield file
    await exchange.callees.cli("pjsip", "set", "logger", "off")
    await exchange.callees.cli("logger", "remove", "channel", file.name)
    await exchange.callees.cli("channel", "request", "hangup", "all")
    file.unlink()


@pytest.mark.soak
async def test_link_cut_for_ten_seconds(exchange: Exchange, record: Path) -> None:
    """Talks survive, what rang is told of by its sound, what is asked meanwhile is refused, and it goes on by itself."""
    async with (
        ami_proxy(exchange.line.ports.ami) as cable,
        studio(exchange.line, exchange.callees, port=cable.port, ami=AmiLimits(), limits=FULL) as made,
    ):
        campaign = Campaign(made)
        await campaign.begin()
        await cable.pull()
        await until(lambda: not made.line.ami.is_ready)
        await campaign.go_on()
        await campaign.attempts_over()
        rang = await campaign.ended_ringing()
        await cable.plug()
        await until(lambda: made.line.ami.is_ready)
        talked = await campaign.hang_up()
        after = await made.line.place(made.order(BUSY), lambda _: None)

        assert (rang, talked, after.phone_result) == ([UNKNOWN] * 2, [LINE_HUNG_UP] * 3, PhoneResult.BUSY)
        assert len(campaign.refused) == OUTAGE_S
        await asyncio.sleep(2)
        assert sum(call.number.endswith(BUSY) for call in calls_in(record)) == 1


@pytest.mark.soak
async def test_asterisk_frozen_for_ten_seconds(exchange: Exchange, record: Path) -> None:
    """Talks are told truly, though our leg may not outlive it; what was asked of the frozen Asterisk is either carried out and told, or never: no phantom call."""
    pid = exchange.line.pid
    assert pid is not None
    async with studio(exchange.line, exchange.callees, ami=AmiLimits(), limits=FULL) as made:
        campaign = Campaign(made)
        await campaign.begin()
        os.kill(pid, signal.SIGSTOP)
        try:
            await campaign.go_on()
        finally:
            os.kill(pid, signal.SIGCONT)
        await campaign.attempts_over()
        await until(lambda: made.line.ami.is_ready, limit_s=20)
        rang, talked = await campaign.ended_ringing(), await campaign.hang_up()

        assert {(one.phone_result, one.detail) for one in talked} <= {
            (PhoneResult.ANSWERED, WE_HUNG_UP),
            (PhoneResult.ANSWERED, OUR_LEG_ENDED),
        }
        assert {result.phone_result for result in rang} <= {PhoneResult.NO_ANSWER, PhoneResult.FAILED}
        assert campaign.refused
        await asyncio.sleep(2)
        campaign.check_the_record(record)


@pytest.mark.soak
async def test_asterisk_killed_with_calls_in_flight(exchange: Exchange, record: Path, short_dir: Path) -> None:
    """Every call gets its outcome, and once Asterisk is back calls go out again, each exactly once."""
    assert exchange.callees is not None
    own = configure_line(short_dir / "line", program=exchange.line.program, trunk=rehearsal_trunk(exchange.callees))
    running = await own.start()
    async with studio(own, exchange.callees, ami=AmiLimits(), limits=FULL) as made:
        campaign = Campaign(made)
        await campaign.begin()
        attempts = asyncio.create_task(campaign.go_on())
        await asyncio.sleep(2.5)
        assert own.pid is not None
        os.kill(own.pid, signal.SIGKILL)
        talked, rang = [await call for call in campaign.talking.values()], await campaign.ended_ringing()
        await running.stop()
        async with await own.start():
            await attempts
            await campaign.attempts_over()
            await until(lambda: made.line.ami.is_ready)
            await until_gone(made)

            assert talked == [replace(UNKNOWN, phone_result=PhoneResult.ANSWERED)] * 3
            assert rang == [UNKNOWN] * 2
            assert len(campaign.refused) + len(campaign.meanwhile) == OUTAGE_S
            assert {result.phone_result for result in campaign.meanwhile.values()} == {PhoneResult.BUSY}
            campaign.check_the_record(record)

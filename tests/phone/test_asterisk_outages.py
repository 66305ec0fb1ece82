"""Calls while the link to Asterisk is cut, while Asterisk is frozen, and when it is killed."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from opendeep_kit.errors import Unavailable
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.asterisk import Exchange, rehearsal_trunk
from opendeep_kit.phone.asterisk_config import configure_line
from opendeep_kit.phone.line import LineResult, Progress
from tests.phone.ami_proxy import ami_proxy
from tests.phone.asterisk_end import until
from tests.phone.studio import AMI, EARLY_HANGUP, ECHO, MUTE, WE_HUNG_UP, studio, until_gone


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

        assert await call == WE_HUNG_UP


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
        await until(lambda: Progress.RINGING in made.happened)
        await cable.pull()
        await asyncio.sleep(1.5)  # the callee answers after a second
        assert Progress.ANSWERED not in made.happened
        await cable.plug()
        await until(lambda: Progress.ANSWERED in made.happened)
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
        assert await call == WE_HUNG_UP


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

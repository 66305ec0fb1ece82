"""Sound through real calls: AudioSocket at both ends, SIP and RTP between two Asterisks."""

import asyncio
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import soundfile

from opendeep_kit.asterisk.configuration import configure_line
from opendeep_kit.asterisk.exchange import Exchange, rehearsal_trunk
from opendeep_kit.asterisk.program import AsteriskProgram
from opendeep_kit.rehearsal.public import callee_uuid
from tests.phone.agent import Agent, hang_up, number, place, strongest_hz, until
from tests.phone.raw_ami import RawAmi

pytestmark = pytest.mark.usefixtures("quiet_log")


async def recorded_hz(file: Path) -> int:
    """The loudest frequency of a recording, once it is written."""
    await until(lambda: file.exists() and file.stat().st_size > 8000)
    samples, rate_hz = soundfile.read(file, dtype="int16")
    return strongest_hz(samples[np.flatnonzero(samples)[0] :], rate_hz)


async def test_persona_and_agent_hear_each_other(exchange: Exchange, personas_port: int) -> None:
    """A talking number's UUID reaches the personas' server; each side hears the other's tone."""
    agent, persona = Agent(1000), Agent(700, 8000)
    async with RawAmi(exchange.line) as ami, agent.listening() as server, persona.listening(personas_port):
        call_id = await place(ami, server.port, number("01"))
        agent_heard = await agent.hears(call_id, 0.5)
        persona_heard = await persona.hears(callee_uuid(number("01")), 0.5)
        await hang_up(ami, call_id)

    assert (strongest_hz(agent_heard, 24000), agent.rates) == (700, {24000})
    assert (strongest_hz(persona_heard, 8000), persona.rates) == (1000, {8000})


async def test_public_keeps_what_a_persona_heard_and_said(exchange: Exchange, personas_port: int) -> None:
    """The callee side records by number and by our call id: heard is the agent, said is the persona."""
    assert exchange.callees is not None
    agent, persona = Agent(1000), Agent(700, 8000)
    async with RawAmi(exchange.line) as ami, agent.listening() as server, persona.listening(personas_port):
        call_id = await place(ami, server.port, number("02"))
        await agent.hears(call_id, 1.0)
        await hang_up(ami, call_id)
        record = exchange.callees.recordings_dir / f"12125550102-{call_id}"

        assert await recorded_hz(record.with_name(record.name + ".heard.wav")) == 1000
        assert await recorded_hz(record.with_name(record.name + ".said.wav")) == 700


async def test_local_and_app_structure_carries_sound(exchange: Exchange) -> None:
    """The other structure, a Local channel and the AudioSocket application, works with the same contexts."""
    agent = Agent(1000, 8000)
    async with RawAmi(exchange.line) as ami, agent.listening() as server:
        call_id = uuid4()
        await ami.originate(
            "Local/s@opendeep-ai-leg/n",
            call_id,
            OPENDEEP_MEDIA=f"127.0.0.1:{server.port}",
            OPENDEEP_NUMBER=number("32"),
        )
        heard = await agent.hears(call_id, 0.5)
        await hang_up(ami, call_id)

    assert (strongest_hz(heard, 8000), agent.rates) == (1000, {8000})


async def test_g722_trunk_is_wideband(exchange: Exchange, asterisk_program: AsteriskProgram, short_dir: Path) -> None:
    """With g722 a 6 kHz tone goes to the callee and comes back through c(slin24)."""
    assert exchange.callees is not None
    trunk = rehearsal_trunk(exchange.callees, codecs=("g722",))
    line = configure_line(short_dir / "wide", program=asterisk_program, trunk=trunk)
    agent = Agent(6000)
    async with await line.start(), RawAmi(line) as ami, agent.listening() as server:
        call_id = await place(ami, server.port, number("32"))
        heard = await agent.hears(call_id, 0.5)
        await hang_up(ami, call_id)

    assert (strongest_hz(heard, 24000), agent.rates) == (6000, {24000})
    assert np.abs(heard).max() > 3000


async def test_pressed_keys_arrive(exchange: Exchange) -> None:
    """The number that presses keys is heard as keys, not as sound."""
    agent = Agent()
    async with RawAmi(exchange.line) as ami, agent.listening() as server:
        call_id = await place(ami, server.port, number("28"))
        await until(lambda: len(agent.digits.get(call_id, "")) == 3)
        await hang_up(ami, call_id)

    assert agent.digits[call_id] == "12#"


async def test_mute_callee_does_not_end_the_call(exchange: Exchange) -> None:
    """A callee that sends no packet at all stays connected, and is heard as nothing."""
    agent = Agent()
    async with RawAmi(exchange.line) as ami, agent.listening() as server:
        call_id = await place(ami, server.port, number("29"))
        await ami.event(lambda event: event.get("Event") == "DialEnd" and "PJSIP/" in event["DestChannel"])
        await asyncio.sleep(2.5)
        response = await ami.act(f"Channel: od-{call_id}", action="Status")
        await hang_up(ami, call_id)

    assert response["Response"] == "Success"
    assert not np.any(np.frombuffer(bytes(agent.heard[call_id]), dtype="<i2"))


async def test_announcement_is_heard_before_any_answer(exchange: Exchange) -> None:
    """Early media reaches the agent, though nobody answered."""
    agent = Agent()
    async with RawAmi(exchange.line) as ami, agent.listening() as server:
        call_id = await place(ami, server.port, number("27"))
        await agent.hears(call_id, 1.0)
        word = await ami.told("OpenDeepHumanLeg", call_id)

    assert (word["DialStatus"], word["Cause"]) == ("CHANUNAVAIL", "1")


async def test_ringing_is_silence(exchange: Exchange) -> None:
    """While it rings the agent hears frames of silence: no ringback tone that could pass for speech."""
    agent = Agent()
    async with RawAmi(exchange.line) as ami, agent.listening() as server:
        call_id = await place(ami, server.port, number("21"), ring_s=2)
        await ami.human_leg_ended(call_id)

    assert not np.any(np.frombuffer(bytes(agent.heard[call_id]), dtype="<i2"))


async def test_answering_machine_keeps_the_message(exchange: Exchange) -> None:
    """The machine greets, beeps, records the agent, and keeps the message when the agent hangs up."""
    assert exchange.callees is not None
    agent = Agent(1000)
    async with RawAmi(exchange.line) as ami, agent.listening() as server:
        call_id = await place(ami, server.port, number("31"))
        await agent.hears(call_id, 4.0)
        recordings = exchange.callees.recordings_dir
        await until(lambda: any(recordings.glob("12125550131-*.message.wav")))
        await asyncio.sleep(1.0)
        await hang_up(ami, call_id)

    assert await recorded_hz(next(recordings.glob("12125550131-*.message.wav"))) == 1000


async def test_human_is_handed_over(exchange: Exchange, personas_port: int) -> None:
    """A blind transfer of the agent's leg keeps the callee, and rings the other human."""
    agent, personas = Agent(1000), Agent(700, 8000)
    async with RawAmi(exchange.line) as ami, agent.listening() as server, personas.listening(personas_port):
        call_id = await place(ami, server.port, number("13"))
        await agent.hears(call_id, 0.3)
        await ami.act(
            f"Channel: od-{call_id}", "Context: opendeep-transfer", f"Exten: {number('03')}", action="BlindTransfer"
        )
        await personas.hears(callee_uuid(number("03")), 0.3)
        await ami.event(lambda event: event.get("Event") == "Hangup" and event["Uniqueid"] == f"od-{call_id}")
        leg = await ami.event(lambda event: event.get("Event") == "Newchannel" and "PJSIP" in event["Channel"])
        await ami.act(f"Channel: {leg['Uniqueid']}", action="Hangup")
        word = await ami.told("OpenDeepTransfer", call_id)

    assert word["DialStatus"] == "ANSWER"

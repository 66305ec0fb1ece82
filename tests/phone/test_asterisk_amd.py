"""Answering-machine detection by Asterisk, when it is asked for: a hint that comes with the answer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from opendeep_kit import events
from opendeep_kit.app import open_service
from opendeep_kit.asterisk.configuration import configure_line
from opendeep_kit.asterisk.exchange import Exchange, rehearsal_trunk
from opendeep_kit.asterisk.instance import AsteriskInstance
from opendeep_kit.asterisk.program import AsteriskProgram
from opendeep_kit.audio.pcm import silence
from opendeep_kit.audio.tones import frames
from opendeep_kit.config import load_settings
from opendeep_kit.engine.by_hand import CallRequest
from opendeep_kit.errors import Unavailable
from opendeep_kit.line_choice import LineName
from opendeep_kit.outcomes import PhoneResult
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.phone.line import MACHINE_HINT, CallProgress
from opendeep_kit.rehearsal.public import number_called
from opendeep_kit.settings import PhoneSettings
from opendeep_kit.tasks.script import load_script
from tests.phone.asterisk_end import until
from tests.phone.asterisk_log import complaints
from tests.phone.studio import WE_HUNG_UP, Studio, studio

ROOT = Path(__file__).parents[2]
MACHINE, PERSON, SAYS_NOTHING = "31", "01", "09"


async def says_hello(connection: AudioSocketConnection) -> None:
    """A person: half a second of voice, then they listen; one of them says nothing at all."""
    voice, spoken = frames(700.0, 8000), 0 if number_called(connection.call_id).endswith(SAYS_NOTHING) else 25
    for slot in range(500):
        connection.send_frame(next(voice) if slot < spoken else silence(8000), 8000)
        if (await asyncio.wait({connection.closed}, timeout=0.02))[0]:
            return


@pytest.fixture
async def person(personas_port: int) -> AsyncIterator[None]:
    """Answers at the personas' numbers."""

    async def anybody(_: UUID) -> bool:
        return True

    settings = PhoneSettings(port=personas_port, line_format="slin")
    async with AudioSocketServer(admit=anybody, handle=says_hello, settings=settings):
        yield


@pytest.fixture
async def listening_line(exchange: Exchange, short_dir: Path) -> AsyncIterator[AsteriskInstance]:
    """A line with the setting on."""
    assert exchange.callees is not None
    line = configure_line(
        short_dir / "line", program=exchange.line.program, trunk=rehearsal_trunk(exchange.callees), amd=True
    )
    async with await line.start():
        yield line
    assert complaints(line) == []


async def told(made: Studio, last_digits: str) -> list[str]:
    """What is reported of one call, until a moment after its answer."""
    order, progress = made.order(last_digits), list[str]()
    call = asyncio.create_task(made.line.place(order, progress.append))
    await until(lambda: CallProgress.ANSWERED in progress)
    await asyncio.sleep(0.3)
    made.sockets[order.call_id].hang_up()
    assert await call == WE_HUNG_UP
    return progress


@pytest.mark.usefixtures("person")
async def test_machine_is_hinted_at(exchange: Exchange, listening_line: AsteriskInstance) -> None:
    """The answering machine's greeting gives the hint after the answer; a short hello, and plain silence, give none."""
    async with studio(listening_line, exchange.callees) as made:
        numbers = (MACHINE, PERSON, SAYS_NOTHING)
        machine, person, says_nothing = await asyncio.gather(*(told(made, number) for number in numbers))

    assert machine == ["ringing", "answered", "machine"]
    assert person == says_nothing == ["ringing", "answered"]


@pytest.mark.slow
async def test_callee_who_leaves_meanwhile_has_answered(exchange: Exchange, listening_line: AsteriskInstance) -> None:
    """Hanging up while Asterisk listens is an answer, and the callee's hang-up."""
    async with studio(listening_line, exchange.callees) as made:
        result = await made.place(made.order("26"))

    assert (result.phone_result, result.ended_by) == (PhoneResult.ANSWERED, "callee")


async def test_nobody_listens_unasked(exchange: Exchange) -> None:
    """Without the setting the module is not loaded, and a machine answers like anybody."""
    async with studio(exchange.line, exchange.callees) as made:
        assert await told(made, MACHINE) == ["ringing", "answered"]
    assert "0 modules loaded" in await exchange.line.cli("module show like app_amd")


@pytest.fixture
def without_module(asterisk_program: AsteriskProgram, short_dir: Path) -> AsteriskProgram:
    """The same program, its modules in a folder that lacks one."""
    folder = short_dir / "modules"
    folder.mkdir()
    for module in asterisk_program.modules_dir.iterdir():
        if module.name != "app_amd.so":
            (folder / module.name).symlink_to(module)
    return replace(asterisk_program, modules_dir=folder)


def test_missing_module_is_told(without_module: AsteriskProgram, exchange: Exchange, short_dir: Path) -> None:
    """Asked for without its module, it is refused in a sentence; not asked for, the line does without."""
    assert exchange.callees is not None
    trunk = rehearsal_trunk(exchange.callees)
    with pytest.raises(Unavailable, match=r"lacks app_amd\.so, which .*: .*or set asterisk\.amd to false\."):
        configure_line(short_dir / "a", program=without_module, trunk=trunk, amd=True)
    assert configure_line(short_dir / "b", program=without_module, trunk=trunk).etc_dir.is_dir()


@pytest.mark.slow
async def test_agent_is_told(asterisk_program: AsteriskProgram, short_dir: Path) -> None:
    """In a whole service the hint is an event of the call, and a word to the agent."""
    folder = asterisk_program.modules_dir.parents[1]
    settings = load_settings(
        data_dir=short_dir / "data",
        asterisk={"folder": folder, "run_dir": short_dir / "ast", "amd": True},
        rehearsal={"engine": "tones"},
    )
    script = load_script(ROOT / "notebooks" / "scripts" / "confirm_appointment.md")
    happened: list[events.Event] = []
    async with open_service(settings, line=LineName.ASTERISK) as service:
        request = CallRequest(number=f"+121255501{MACHINE}", script=script, facts=script.task.example_facts)
        call = asyncio.create_task(service.by_hand.call(request, watch=happened.append))
        await until(lambda: any(isinstance(one, events.Supervised) for one in happened), limit_s=30)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert any(isinstance(one, events.CallEnded) for one in happened)
    (hint,) = [one for one in happened if isinstance(one, events.Supervised)]
    assert (hint.what, hint.argument, hint.by) == ("coach", MACHINE_HINT, "answering-machine detection")
    assert any(isinstance(one, events.Answered) and one.at_ms <= hint.at_ms for one in happened)

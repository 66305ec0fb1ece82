"""The examples do what they say, on the real thing they extend."""

import asyncio
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from examples.line import MachineLine
from examples.persona import HARD_OF_HEARING, TALK
from examples.tool import FREE_SLOTS, ask
from examples.view import best_hours
from examples.voice_engine import Parrot
from opendeep_kit import events
from opendeep_kit.audio.playout import Playout
from opendeep_kit.bridge import Bridge, CallParts
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.audiosocket import encode_sound
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.phone.line import CallOrder, CallProgress, Line
from opendeep_kit.rehearsal.personas import Mind
from opendeep_kit.settings import CallSettings, PhoneSettings
from opendeep_kit.voice.engine import VoiceEngine
from opendeep_kit.voice.tools import Toolbox
from tests.docs.documents import ROOT
from tests.past import fill
from tests.phone.asterisk_end import asterisk_end, next_sound, until

EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem != "__init__")
MAX_LINES = 40


async def admit(call_id: object) -> bool:
    """Whoever comes."""
    return True


def test_examples_are_short() -> None:
    """Each can be read at one look."""
    assert {path.name: lines for path in EXAMPLES if (lines := len(path.read_text().splitlines())) >= MAX_LINES} == {}
    assert {path.stem for path in EXAMPLES} == {"tool", "persona", "voice_engine", "line", "view"}


async def test_tool() -> None:
    """The model reads its docstring; it is given the contact's facts, and its answer is read out."""
    schema = FREE_SLOTS.schema()

    assert schema["description"].startswith("Look up which appointments are free")
    assert schema["parameters"]["properties"]["day"]["description"] == "the day, as YYYY-MM-DD."
    assert (await ask("2027-03-01")).output == "Free for Maria Alvarez on 2027-03-01: 09:00, 10:30."
    assert (await ask("2027-12-24")).output.endswith("nothing, try another day.")


def test_persona() -> None:
    """It answers in its own words before the general ones, and hangs up on a goodbye."""
    mind = Mind(HARD_OF_HEARING)
    answers = [mind.answer(words) for words in TALK]

    assert [answer.say for answer in answers] == [
        "Who? You have to speak up.",
        "A what? A machine?",
        "Pardon?",
        "Yes, yes. Goodbye.",
    ]
    assert answers[-1].hang_up


@pytest.mark.parametrize("module", ["tool", "persona"])
def test_runs_by_itself(module: str) -> None:
    """As its docstring says."""
    shown = subprocess.run(
        [sys.executable, "-m", f"examples.{module}"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert {"tool": "Free for Maria Alvarez", "persona": "callee  Pardon?"}[module] in shown.stdout


async def test_voice_engine() -> None:
    """In a real bridge on a real AudioSocket connection the callee hears their own voice again."""
    happened: list[events.Event] = []
    playout = Playout(24000)
    parrot: VoiceEngine = Parrot(playout)

    async def hold(connection: AudioSocketConnection) -> None:
        parts = CallParts(
            call_id="c",
            settings=CallSettings(),
            line_rate_hz=24000,
            playout=playout,
            toolbox=Toolbox([]),
            emit=happened.append,
        )
        bridge = Bridge(parts, connection)
        bridge.answer()
        await bridge.run(parrot)

    said = b"\x00\x10" * 480
    async with (
        AudioSocketServer(admit=admit, handle=hold, settings=PhoneSettings()) as server,
        asterisk_end(server.port, uuid4()) as peer,
    ):
        await until(lambda: any(isinstance(event, events.AudioConnected) for event in happened))
        peer.send(encode_sound(said, 24000))
        _, heard = await next_sound(peer)

    assert heard == said


async def test_line() -> None:
    """A real AudioSocket server gets the call that was ordered, and the line tells its end."""
    came: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    line: Line = MachineLine()
    reports: list[CallProgress] = []

    async def hold(connection: AudioSocketConnection) -> None:
        came.set_result(connection.call_id)
        await connection.closed

    async with AudioSocketServer(admit=admit, handle=hold, settings=PhoneSettings()) as server:
        order = CallOrder(call_id=uuid4(), number="+12125550101", media_host="127.0.0.1", media_port=server.port)
        result = await line.place(order, reports.append)

    assert came.result() == order.call_id
    assert (result.phone_result, result.ended_by) == (PhoneResult.ANSWERED, EndedBy.CALLEE)
    assert reports == [CallProgress.ANSWERED]


def test_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over six recorded calls, five of them answered, all in one hour."""
    (tmp_path / "data").mkdir()
    fill(tmp_path / "data")
    monkeypatch.chdir(tmp_path)

    assert best_hours() == [(9, 6, 5, 83.0)]

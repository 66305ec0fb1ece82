"""One process with everything that stands in for the outside world: the voice model and the callees' telephones.

Given ports and the kind of engine, runs the local Realtime server and the personas' AudioSocket server on loopback
until told to stop. Holds the speech models (and with them piper, GPL-3) out of the process that holds calls.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

from opendeep_kit.audio.resample import warm_up
from opendeep_kit.child_process import announce, listen_for_stop
from opendeep_kit.config import Settings
from opendeep_kit.rehearsal.callees_server import CalleesServer
from opendeep_kit.rehearsal.engines import (
    Dialogue,
    Ears,
    FixedDialogue,
    FixedEars,
    LoudnessVoice,
    Mouth,
    Say,
    ToneMouth,
    UseTool,
    VoiceProbability,
)
from opendeep_kit.rehearsal.realtime_server import RealtimeServer
from opendeep_kit.rehearsal.reply import ScriptDialogue
from opendeep_kit.rehearsal.reply_llm import ChatDialogue
from opendeep_kit.settings import PhoneSettings

LOOPBACK = "127.0.0.1"
SHORT_CALL = ((Say("Hello, an AI calls."),), (UseTool("end_call", '{"reason": "completed"}'),))
"""What the agent of the tones says and does: a whole call takes about five seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the host listens."""

    realtime_url: str
    """For `voice.base_url`."""
    callees_host: str
    callees_port: int

    @property
    def realtime_port(self) -> int:
        """Of the voice model."""
        return int(self.realtime_url.rsplit(":", 1)[1].split("/")[0])

    def as_json(self) -> str:
        """One line, for the parent process."""
        return json.dumps(
            {"realtime": self.realtime_url, "callees_host": self.callees_host, "callees_port": self.callees_port}
        )

    @classmethod
    def from_json(cls, line: str) -> Addresses:
        """What `as_json` wrote."""
        data = json.loads(line)
        return cls(realtime_url=data["realtime"], callees_host=data["callees_host"], callees_port=data["callees_port"])


async def run_host(settings: Settings, *, is_child: bool) -> None:
    """Serve until told to stop or, as a child, until its parent is gone.

    Raises:
        BadInput: a port is taken, or a model or voice is not where the settings say.
        Unavailable: the rehearsal's packages are not installed.
    """
    rehearsal, stopped = settings.rehearsal, asyncio.Event()
    await listen_for_stop(stopped, is_child=is_child)
    warm_up()
    kit = _tones() if rehearsal.engine == "tones" else _speech(settings)
    phones = PhoneSettings(
        host=LOOPBACK,
        port=rehearsal.callees_port,
        line_format=settings.phone.line_format,
        max_connections=rehearsal.max_sessions,
    )
    server = RealtimeServer(
        dialogue=kit.dialogue, ears=kit.ears, mouth=kit.mouth, new_detector=kit.new_detector, settings=rehearsal
    )
    callees = CalleesServer(ears=kit.ears, mouth=kit.mouth, new_detector=kit.new_detector, settings=phones)
    try:
        port = await server.start(LOOPBACK, rehearsal.realtime_port)
        async with callees:
            addresses = Addresses(
                realtime_url=f"http://{LOOPBACK}:{port}/v1", callees_host=LOOPBACK, callees_port=callees.port
            )
            if is_child:
                announce(addresses.as_json())
            else:
                print(addresses.as_json(), flush=True)  # noqa: T201 - a person asked for it
            await stopped.wait()
    finally:
        await server.close()
        kit.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kit:
    """The engines of one host."""

    ears: Ears
    mouth: Mouth
    dialogue: Dialogue
    new_detector: Callable[[], VoiceProbability]
    close: Callable[[], None] = lambda: None


def _speech(settings: Settings) -> _Kit:
    from opendeep_kit.rehearsal.speech import PiperMouth, SileroDetector, WhisperEars

    ears, mouth = WhisperEars(settings.rehearsal.stt_model), PiperMouth(settings.rehearsal.tts_voice)

    def close() -> None:
        ears.close()
        mouth.close()

    dialogue = ChatDialogue(settings.llm) if settings.llm.base_url else ScriptDialogue()
    return _Kit(ears=ears, mouth=mouth, dialogue=dialogue, new_detector=SileroDetector, close=close)


def _tones() -> _Kit:
    return _Kit(ears=FixedEars(), mouth=ToneMouth(), dialogue=FixedDialogue(SHORT_CALL), new_detector=LoudnessVoice)

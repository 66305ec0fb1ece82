"""One process with everything that stands in for the outside world: the voice model and the callees' telephones.

Given ports and the kind of engine, runs the local Realtime server and the personas' AudioSocket server on loopback
until told to stop. Holds the speech models (and with them piper, GPL-3) out of the process that holds calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from dataclasses import dataclass

from opendeep_kit.config import PhoneSettings, Settings
from opendeep_kit.rehearsal.callees_server import CalleesServer
from opendeep_kit.rehearsal.realtime_server import RealtimeServer
from opendeep_kit.rehearsal.reply import ScriptDialogue
from opendeep_kit.rehearsal.reply_llm import ChatDialogue

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the host listens."""

    realtime_url: str
    """For `voice.base_url`."""
    callees_host: str
    callees_port: int

    def as_json(self) -> str:
        """One line, for the parent process."""
        return json.dumps(
            {"realtime": self.realtime_url, "callees_host": self.callees_host, "callees_port": self.callees_port}
        )

    @classmethod
    def from_json(cls, line: str) -> Addresses:
        """What `as_json` wrote."""
        data = json.loads(line)
        return cls(
            realtime_url=data["realtime"], callees_host=data["callees_host"], callees_port=data["callees_port"]
        )


async def run_host(settings: Settings, *, ends_with_stdin: bool) -> None:
    """Serve until SIGTERM, SIGINT or, for a child process, the end of standard input.

    Raises:
        BadInput: a port is taken, or a model or voice is not where the settings say.
        Unavailable: the rehearsal's packages are not installed.
    """
    from opendeep_kit.rehearsal.listen import SileroDetector, WhisperEars
    from opendeep_kit.rehearsal.speak import PiperMouth

    rehearsal = settings.rehearsal
    ears, mouth = WhisperEars(rehearsal.stt_model), PiperMouth(rehearsal.tts_voice)
    dialogue = ChatDialogue(settings.llm) if settings.llm.base_url else ScriptDialogue()
    phones = PhoneSettings(host=LOOPBACK, port=rehearsal.callees_port, line_format=settings.phone.line_format)
    server = RealtimeServer(
        dialogue=dialogue, ears=ears, mouth=mouth, new_detector=SileroDetector, settings=rehearsal
    )
    callees = CalleesServer(ears=ears, mouth=mouth, new_detector=SileroDetector, settings=phones)
    try:
        port = await server.start(LOOPBACK, rehearsal.realtime_port)
        async with callees:
            told = Addresses(
                realtime_url=f"http://{LOOPBACK}:{port}/v1", callees_host=LOOPBACK, callees_port=callees.port
            )
            sys.stdout.write(told.as_json() + "\n")
            sys.stdout.flush()
            await _until_stopped(ends_with_stdin)
    finally:
        await server.close()
        ears.close()
        mouth.close()


async def _until_stopped(ends_with_stdin: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(name, stopped.set)
    if ends_with_stdin:
        # The parent holds the other end and writes nothing: its death, however sudden, closes it.
        await loop.connect_read_pipe(lambda: _UntilClosed(stopped), sys.stdin)
    await stopped.wait()


class _UntilClosed(asyncio.Protocol):
    def __init__(self, stopped: asyncio.Event) -> None:
        self._stopped = stopped

    def connection_lost(self, exc: Exception | None) -> None:
        self._stopped.set()

"""Plays four scenes with the real clients of other projects against the local Realtime server.

Each client conflicts with the others, so each gets an environment of its own, made here and thrown away. A scene
counts when the client was content and the server's dialogue saw what it should have: the words, the cut, the tool's
result. Run: `python benchmarks/realtime_clients.py [--only openai-agents] [--keep DIR]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from opendeep_kit.rehearsal.engines import (
    FixedEars,
    LoudnessVoice,
    ReplyRequest,
    Say,
    ToneMouth,
    Turn,
    TurnRole,
    UseTool,
)
from opendeep_kit.rehearsal.realtime_server import RealtimeServer
from opendeep_kit.settings import RehearsalSettings

DRIVERS = Path(__file__).parent / "realtime_drivers"
CLIENT_LIMIT_S = 120
HEARD = "Yes, I am here."
SPEECH = (
    "This answer is long, so that there is time to interrupt it.",
    "It goes on and on about the weather and the time of day.",
    "And it has a third sentence, which hardly anybody will hear.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One of the clients."""

    name: str
    requirement: str
    driver: str


CLIENTS = (
    Client(name="openai", requirement="openai[realtime]==3.54.0", driver="openai_sdk.py"),
    Client(name="openai-agents", requirement="openai-agents==0.24.0", driver="openai_agents.py"),
    Client(name="livekit", requirement="livekit-plugins-openai==1.8.9", driver="livekit_agents.py"),
    Client(name="pipecat", requirement="pipecat-ai[openai]==1.14.0", driver="pipecat_service.py"),
)


class Witness:
    """A dialogue that speaks, calls the first tool once, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[ReplyRequest] = []

    async def reply(self, request: ReplyRequest) -> AsyncIterator[Say | UseTool]:
        """A tool call when there is one to make; else a long speech, or a short one after a cut."""
        self.requests.append(request)
        roles = {turn.role for turn in request.history}
        if request.tools and TurnRole.TOOL_OUTPUT not in roles:
            yield UseTool(str(request.tools[0]["name"]), '{"city": "Paris"}')
        elif any(turn.is_cut for turn in request.history):
            yield Say("Please, go ahead.")
        else:
            for sentence in SPEECH:
                yield Say(sentence)

    def saw(self, scenario: str) -> str:
        """What is missing in the last conversation of this scene; empty when nothing is."""
        asked = [request for request in self.requests if scenario in request.session_instructions]
        history: tuple[Turn, ...] = tuple(asked[-1].history) if asked else ()
        met = {
            "text_turn": bool(asked),
            "vad_turn": any(turn.role is TurnRole.USER and turn.text == HEARD for turn in history),
            "barge_in": any(turn.is_cut and 0 < len(turn.text) < len(" ".join(SPEECH)) for turn in history),
            "tool_round": any(turn.role is TurnRole.TOOL_OUTPUT and "sunny" in turn.text for turn in history),
        }
        return "" if met[scenario] else f"the dialogue saw {[(str(turn.role), turn.text) for turn in history]}"


def environment(client: Client, folder: Path) -> tuple[Path | None, str]:
    """The client's own Python, made when it is not there yet; None and the reason when it cannot be."""
    home = folder / client.name
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", client.requirement]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        return None, done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip failed"
    return python, ""


async def play(client: Client, python: Path) -> bool:
    """All scenes of one client, one line each."""
    witness = Witness()
    server = RealtimeServer(
        dialogue=witness,
        ears=FixedEars([HEARD]),
        mouth=ToneMouth(),
        new_detector=LoudnessVoice,
        settings=RehearsalSettings(),
    )
    is_ok, scenes = True, 0
    async with server:
        driver = await asyncio.create_subprocess_exec(
            str(python),
            str(DRIVERS / client.driver),
            server.base_url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, errors = await asyncio.wait_for(driver.communicate(), CLIENT_LIMIT_S)
        except TimeoutError:
            driver.kill()
            out, errors = await driver.communicate()
        for line in out.decode().splitlines():
            if not line.startswith("{"):
                continue
            scene = json.loads(line)
            missing = witness.saw(scene["scenario"])
            is_good = scene["ok"] and not missing
            is_ok &= is_good
            scenes += 1
            verdict = "ok    " if is_good else "FAILED"
            remark = scene["remark"] if not missing else f"{scene['remark']}; {missing}"
            print(f"{client.name:14} {scene['scenario']:11} {verdict} {scene['took_s']:5.1f} s  {remark}", flush=True)
    if scenes < 4:
        last = errors.decode().strip().splitlines()[-1:] or ["no output"]
        print(f"{client.name:14} {'':11} FAILED only {scenes} of 4 scenes: {last[0]}", flush=True)
    return is_ok and scenes == 4


def run(folder: Path, only: str) -> int:
    """Every client; the number of those that are not content."""
    bad = 0
    for client in CLIENTS:
        if only and client.name != only:
            continue
        python, reason = environment(client, folder)
        if python is None:
            print(f"{client.name:14} {'':11} cannot be installed here: {reason}", flush=True)
            bad += 1
        else:
            bad += not asyncio.run(play(client, python))
    return bad


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", choices=["", *(client.name for client in CLIENTS)])
    parser.add_argument("--keep", type=Path, help="folder in which the environments stay for the next run")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        sys.exit(run(options.keep, options.only))
    with tempfile.TemporaryDirectory(prefix="realtime-clients-") as folder:
        sys.exit(run(Path(folder), options.only))


if __name__ == "__main__":
    main()

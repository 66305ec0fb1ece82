"""What the drivers of the Realtime clients share. Runs in each client's own environment: standard library only."""

from __future__ import annotations

import asyncio
import json
import math
import struct
import sys
import time
from collections.abc import Awaitable, Callable, Mapping

RATE_HZ = 24000
CHUNK_MS = 100
LIMIT_S = 20.0
TOOL_OUTPUT = "It is sunny in Paris."

Scenario = Callable[[str], Awaitable[str]]
"""Given the server's `http://…/v1`, plays a scene; returns a remark, raises AssertionError when it went wrong."""


def tone(ms: int) -> bytes:
    """A 440 Hz tone, which the server's loudness detector takes for a voice."""
    samples = (int(9000 * math.sin(2 * math.pi * 440 * at / RATE_HZ)) for at in range(RATE_HZ * ms // 1000))
    return b"".join(struct.pack("<h", sample) for sample in samples)


async def speak(send: Callable[[bytes], Awaitable[None]], *, voice_ms: int = 500, silence_ms: int = 900) -> None:
    """A callee's turn at its own pace: a voice, then silence that ends it."""
    sound = tone(voice_ms) + bytes(RATE_HZ * 2 * silence_ms // 1000)
    step = RATE_HZ * 2 * CHUNK_MS // 1000
    for at in range(0, len(sound), step):
        await send(sound[at : at + step])
        await asyncio.sleep(CHUNK_MS / 1000)


def main(scenarios: Mapping[str, Scenario]) -> None:
    """Play every scene against the server named on the command line; one JSON line for each."""
    asyncio.run(_play_all(scenarios, sys.argv[1]))


async def _play_all(scenarios: Mapping[str, Scenario], url: str) -> None:
    for name, scenario in scenarios.items():
        begun = time.perf_counter()
        try:
            remark = await asyncio.wait_for(scenario(url), LIMIT_S)
            is_ok = True
        except (AssertionError, TimeoutError) as error:
            is_ok, remark = False, f"{type(error).__name__} {error}"
        took_s = round(time.perf_counter() - begun, 2)
        print(json.dumps({"scenario": name, "ok": is_ok, "remark": remark, "took_s": took_s}), flush=True)

"""A voice engine: whatever stands on the other side of the bridge. This one is a parrot: it says back what it hears."""

import asyncio

from opendeep_kit.audio.playout import Frame, Playout


class Parrot:
    """A `VoiceEngine`: copy it, and put a model with another protocol behind it."""

    is_quiet = is_connected = True
    dropped_ms = 0.0

    def __init__(self, playout: Playout) -> None:
        self._playout = playout
        self._is_over = asyncio.Event()

    async def run(self) -> None:
        """Hold the session until it is closed."""
        await self._is_over.wait()

    def hear(self, pcm: bytes) -> None:
        """The callee's sound, at the line's rate: into the queue of what the agent has yet to say."""
        self._playout.add("response", "item", 0, pcm)

    def close(self) -> None:
        """The call is over."""
        self._is_over.set()

    # What a parrot has no use for; `voice/engine.py` says what each is for.
    def frame_sent(self, frame: Frame) -> None: ...
    def speak_now(self, instructions: str = "") -> None: ...
    def say(self, text: str) -> None: ...
    def coach(self, text: str) -> None: ...
    def fall_silent(self) -> None: ...
    def tool_finished(self, tool_call_id: str, output: str, *, wants_reply: bool) -> None: ...

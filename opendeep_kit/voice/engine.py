"""What the bridge needs of a voice model, whichever it is.

One implementation today (`realtime_client`, the OpenAI Realtime GA protocol); a model with another protocol is a
second file. Sound goes in through `hear` and comes out through the call's `Playout`.
"""

from __future__ import annotations

from typing import Protocol

from opendeep_kit.audio.playout import Frame


class VoiceEngine(Protocol):
    """One call's voice."""

    async def run(self) -> None:
        """Hold the session until `close`.

        Raises:
            Unavailable: the model could not be reached, or was lost for good.
            BadInput: the model refused our key or settings.
        """
        ...

    def hear(self, pcm: bytes) -> None:
        """Callee's sound at the line's rate. Never blocks; what cannot be sent in time is dropped and counted."""
        ...

    def frame_sent(self, frame: Frame) -> None:
        """A frame with agent sound was written to the line."""
        ...

    def speak_now(self, instructions: str = "") -> None:
        """Let the agent take a turn."""
        ...

    def say(self, text: str) -> None:
        """Cut the agent and let it say exactly this."""
        ...

    def coach(self, text: str) -> None:
        """A word to the agent that the callee does not hear."""
        ...

    def fall_silent(self) -> None:
        """Cut the agent, and let it say no more but what `say` asks for: a person has taken over."""
        ...

    def tool_finished(self, tool_call_id: str, output: str, *, wants_reply: bool) -> None:
        """Hand a tool's result to the model."""
        ...

    def close(self) -> None:
        """End the session; `run` returns."""
        ...

    @property
    def is_quiet(self) -> bool:
        """Nobody speaks and nobody is about to."""
        ...

    @property
    def is_connected(self) -> bool:
        """A configured session stands."""
        ...

    @property
    def dropped_ms(self) -> float:
        """Callee's sound that never reached the model."""
        ...

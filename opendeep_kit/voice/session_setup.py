"""The session that the model is asked for: instructions, tools, voice, and how it finds the callee's turns. Pure.

Given the settings and what the call is about, writes `session.update`. Nothing is left to a server's own defaults,
which differ between models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opendeep_kit.settings import VoiceSettings
from opendeep_kit.tasks.prompt import LOCAL_TASK, SpokenTask
from opendeep_kit.voice import wire


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSetup:
    """What the model is told at the start of each session."""

    instructions: str
    tools: Sequence[Mapping[str, Any]]
    language: str = ""
    """BCP 47, what the callee speaks; empty: not known."""
    task: SpokenTask | None = None
    """The same as the instructions, in structure, for a local model that follows rules."""


def session_update(setup: SessionSetup, voice: VoiceSettings) -> str:
    """`session.update` with everything we rely on. Without a language the transcription finds out by itself."""
    language = {"language": setup.language.split("-")[0]} if setup.language else {}
    transcription = {"model": voice.transcription_model} | language
    source: dict[str, Any] = {
        "format": _format(voice.audio_format),
        "turn_detection": _turn_detection(voice),
        "noise_reduction": {"type": voice.noise_reduction} if voice.noise_reduction else None,
        "transcription": transcription if voice.transcription_model else None,
    }
    sound = {"format": _format(voice.audio_format), "voice": voice.voice, "speed": voice.speed}
    session: dict[str, Any] = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": setup.instructions,
        "audio": {"input": source, "output": sound},
        "tools": list(setup.tools),
        "tool_choice": "auto",
        "max_output_tokens": voice.max_output_tokens,
    }
    if setup.task is not None and voice.provider == "local":
        session[LOCAL_TASK] = setup.task.model_dump(mode="json", exclude_defaults=True)
    return wire.event("session.update", session=session)


def detection_update(voice: VoiceSettings) -> str:
    """`session.update` of the turn detection alone: what else stands is left alone."""
    return wire.event(
        "session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": _turn_detection(voice)}}}
    )


def _format(name: str) -> dict[str, Any]:
    return {"type": "audio/pcm", "rate": 24000} if name == "pcm24" else {"type": f"audio/{name}"}


def _turn_detection(voice: VoiceSettings) -> dict[str, Any]:
    turn = voice.turn_detection
    shared = {"create_response": turn.create_response, "interrupt_response": turn.interrupt_response}
    if turn.type == "semantic_vad":
        return {"type": "semantic_vad", "eagerness": turn.eagerness} | shared
    detection: dict[str, Any] = {
        "type": "server_vad",
        "threshold": turn.threshold,
        "prefix_padding_ms": turn.prefix_padding_ms,
        "silence_duration_ms": turn.silence_duration_ms,
    }
    if turn.idle_timeout_ms is not None:
        detection["idle_timeout_ms"] = turn.idle_timeout_ms
    return detection | shared

"""One session's settings: the defaults, and how a `session.update` changes them.

Given the model's name and validated updates, merges as OpenAI does: what is not named stays; `""`, `[]` and `null`
clear; the whole is echoed. Never talks to the client.
"""

from __future__ import annotations

import secrets
from typing import Any

from opendeep_kit.rehearsal.realtime.client_events import SessionUpdate
from opendeep_kit.rehearsal.realtime.rejections import Rejected, voice_is_fixed
from opendeep_kit.tasks.prompt import LOCAL_TASK, SpokenTask

DEFAULT_INSTRUCTIONS = "You are a helpful, friendly assistant on a voice call. Be brief."
EAGERNESS_SILENCE_MS = {"high": 350, "medium": 600, "auto": 600, "low": 1200}
"""What `semantic_vad` becomes here: OpenAI waits at most 2, 4 and 8 s, usually far less."""
_MERGED = frozenset(["audio", "input", "output", "noise_reduction"])
"""Parts whose names change one by one; other objects are replaced as a whole."""


def new_id(prefix: str) -> str:
    """An id that looks like the real ones: `item_…`, `resp_…`, `event_…`."""
    return f"{prefix}_{secrets.token_hex(11)}"


def defaults(model: str, *, expires_at: int) -> dict[str, Any]:
    """A new session's settings, as recorded from OpenAI's servers."""
    is_new = model.startswith("gpt-realtime-2")
    turn_detection = {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500 if is_new else 200,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }
    source = {
        "format": {"type": "audio/pcm", "rate": 24000},
        "transcription": None,
        "noise_reduction": None,
        "turn_detection": turn_detection,
    }
    sound = {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin" if is_new else "alloy", "speed": 1.0}
    session = {
        "type": "realtime",
        "object": "realtime.session",
        "id": new_id("sess"),
        "model": model,
        "output_modalities": ["audio"],
        "instructions": DEFAULT_INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at,
        "audio": {"input": source, "output": sound},
        "include": None,
    }
    return session | ({"parallel_tool_calls": True, "reasoning": None} if is_new else {})


class SessionSettings:
    """The settings in force. `echo` is what `session.created` and `session.updated` show."""

    def __init__(self, model: str, *, expires_at: int) -> None:
        self.echo = defaults(model, expires_at=expires_at)

    def update(self, wanted: SessionUpdate, *, has_spoken: bool) -> None:
        """Apply a `session.update` completely, or not at all.

        Raises:
            Rejected: the type or model would change, or the voice after the first sound.
        """
        if wanted.type != "realtime":
            raise Rejected(
                "Passing a transcription session update event to a realtime session is not allowed.",
                code="invalid_value",
                param="session.type",
            )
        changes = wanted.model_dump(mode="json", exclude_unset=True)
        if changes.get("model", self.echo["model"]) != self.echo["model"]:
            raise Rejected("The model of a session cannot be changed.", code="invalid_value", param="session.model")
        merged = _merge(self.echo, changes)
        if has_spoken and merged["audio"]["output"]["voice"] != self.echo["audio"]["output"]["voice"]:
            raise voice_is_fixed()
        detection = wanted.audio.input.turn_detection
        if detection is not None and "turn_detection" in wanted.audio.input.model_fields_set:
            before = self.echo["audio"]["input"]["turn_detection"] or {}
            current = before if before.get("type") == detection.type else detection.model_dump(mode="json")
            given = changes["audio"]["input"]["turn_detection"]
            merged["audio"]["input"]["turn_detection"] = current | given
        self.echo = merged

    @property
    def input(self) -> dict[str, Any]:
        """How the client sends sound."""
        part: dict[str, Any] = self.echo["audio"]["input"]
        return part

    @property
    def output(self) -> dict[str, Any]:
        """How the client wants sound."""
        part: dict[str, Any] = self.echo["audio"]["output"]
        return part

    @property
    def detection(self) -> dict[str, Any] | None:
        """The turn detection; None when the client commits by hand."""
        part: dict[str, Any] | None = self.input["turn_detection"]
        return part

    @property
    def task(self) -> SpokenTask | None:
        """The call's task, when the client is ours."""
        given = self.echo.get(LOCAL_TASK)
        return None if given is None else SpokenTask.model_validate(given)


def law_of(audio_format: dict[str, Any]) -> str:
    """`pcmu`, `pcma`, or empty for PCM at 24 kHz."""
    name = str(audio_format["type"]).removeprefix("audio/")
    return "" if name == "pcm" else name


def silence_ms(detection: dict[str, Any]) -> int:
    """The length of silence that ends a turn."""
    if detection["type"] == "semantic_vad":
        return EAGERNESS_SILENCE_MS[detection["eagerness"]]
    return int(detection["silence_duration_ms"])


def _merge(have: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(have)
    for name, value in changes.items():
        before = merged.get(name)
        is_part = name in _MERGED and isinstance(before, dict) and isinstance(value, dict)
        merged[name] = _merge(before, value) if is_part and before is not None else value
    return merged

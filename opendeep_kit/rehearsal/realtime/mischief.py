"""Spoils a session's outgoing stream as its faults ask. Pure.

Given each event on its way out, returns what goes out in its place; given a fault whose time has come, the same.
Never keeps a clock: the session's shell arms the timed faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opendeep_kit.rehearsal.realtime.faults import Fault
from opendeep_kit.rehearsal.realtime.rejections import error_event

EXPIRED = (1001, "Your session hit the maximum duration of 60 minutes.")
"""Code and reason as OpenAI closes an expired session."""
LATE_DELTAS = 3
_FIRST_SIGNS = frozenset(
    ["response.output_audio.delta", "response.output_text.delta", "response.function_call_arguments.delta"]
)
_TEXT_DELTAS = frozenset(
    [
        "response.output_audio_transcript.delta",
        "response.output_text.delta",
        "response.function_call_arguments.delta",
        "conversation.item.input_audio_transcription.delta",
    ]
)


@dataclass(frozen=True, slots=True)
class CloseNow:
    """The connection is to be closed, in order with the events before."""

    code: int
    reason: str


Outgoing = dict[str, Any] | CloseNow


class Mischief:
    """One session's faults at work. Without faults every event passes unchanged."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.timed = [fault for fault in faults if fault.at_s is not None]
        """To be given to `strike` when their time has come."""
        self._faults = [fault for fault in faults if fault.at_s is None]
        self._names = {fault.name for fault in faults}
        self._numbers: dict[str, int] = {}
        self._begun: set[str] = set()
        self._last_delta: dict[str, dict[str, Any]] = {}
        self._is_stalled = False

    def pass_on(self, event: dict[str, Any]) -> list[Outgoing]:
        """What goes out instead of this event."""
        if not self._names:
            return [event]
        if self._is_stalled:
            return []
        out: list[Outgoing] = [event]
        kind = event["type"]
        response_id = event.get("response_id") or event.get("response", {}).get("id", "")
        if kind == "response.created":
            self._numbers[response_id] = len(self._numbers) + 1
            if self._has("no_created", response_id):
                out.clear()
        elif kind == "response.output_audio.delta":
            self._last_delta[response_id] = event
        elif kind == "response.done":
            out += self._late(event["response"])
        if kind in _FIRST_SIGNS and response_id not in self._begun:
            self._begun.add(response_id)
            for fault in self._faults:
                if fault.response == self._numbers.get(response_id) and fault.name in _STRIKES:
                    out += self.strike(fault)
        return self._decorated(out, kind)

    def strike(self, fault: Fault) -> list[Outgoing]:
        """Let a connection fault happen."""
        if self._is_stalled:
            return []
        match fault.name:
            case "close":
                return [CloseNow(int(fault.detail), "asked for by the rehearsal")]
            case "expire":
                return [CloseNow(*EXPIRED)]
            case "stall":
                self._is_stalled = True
                return []
            case _:
                kind = "server_error" if fault.detail == "server_error" else "invalid_request_error"
                return [error_event("The rehearsal asked for this error.", code=fault.detail, kind=kind)]

    def _late(self, response: dict[str, Any]) -> list[Outgoing]:
        last = self._last_delta.pop(response["id"], None)
        if last is None or response["status"] != "cancelled" or not self._has("late_deltas", response["id"]):
            return []
        return [dict(last) for _ in range(LATE_DELTAS)]

    def _has(self, name: str, response_id: str) -> bool:
        number = self._numbers.get(response_id, 0)
        return any(fault.name == name and fault.hits(number) for fault in self._faults)

    def _decorated(self, out: list[Outgoing], kind: str) -> list[Outgoing]:
        if "unknown_events" in self._names and kind in ("session.created", "response.created"):
            out = [*out, {"type": "ping", "timestamp": 0}, {"type": "session.mood.updated", "mood": "mischievous"}]
        if "extra_keys" in self._names:
            out = [_with_extra_keys(event) if isinstance(event, dict) else event for event in out]
        return out


_STRIKES = frozenset(["close", "expire", "stall", "error"])


def _with_extra_keys(event: dict[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {"ts": 0, "latency": {"server_ms": 0}}
    if event["type"] in _TEXT_DELTAS:
        extra["obfuscation"] = "xK2qP0s"
    return event | extra

"""What can be made to go wrong in a rehearsal, how to ask for it, and how the outgoing stream is spoilt. Pure.

Given the `fault` parameters of a connection's address, names the faults; given each event on its way out, or a fault
whose time has come, returns what goes out instead. Never keeps a clock (the server arms the timed faults) and never
touches what is said (`responses` does).

A fault is `name`, `name_detail`, or either with `@t=SECONDS` (since the session began) or `@response=N` (the Nth
response of the session, from 1). Several: repeat the parameter or separate them by commas.

| fault | what happens | when |
|---|---|---|
| `http_STATUS` | the handshake is refused: 401, 403, 404, 429, 500, 503 | |
| `close_CODE` | the connection is closed with 1000–4999 | at once, t, or at the response's first sound |
| `expire` | closed with 1001 and OpenAI's words for the 60th minute | the same |
| `error_CODE` | an `error` event with this code; nothing else changes | the same |
| `stall` | the connection stays, nothing more is sent | the same |
| `fail_CODE` | the response ends `failed` after its first sound | every response, or one |
| `rate_limited` | it ends `failed` with `rate_limit_exceeded`, nothing remaining | the same |
| `incomplete_REASON` | it ends `incomplete`: `max_output_tokens`, `content_filter` | the same |
| `late_deltas` | three sound deltas more after a cancelled response is done | the same |
| `no_created` | its `response.created` is missing | the same |
| `two_items` | its speech is spread over two items | the same |
| `think_MS` | it begins so much later | the same |
| `unknown_events` | event types that no protocol lists, `ping` among them | |
| `extra_keys` | keys nobody asked for, `obfuscation` on deltas | |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from opendeep_kit.errors import BadInput
from opendeep_kit.rehearsal.realtime.rejections import error_event


class When(StrEnum):
    """What a fault may be tied to."""

    NEVER = "never"
    """It cannot be timed."""
    RESPONSE = "response"
    """A response; without one, every response."""
    MOMENT = "moment"
    """A time or a response; without either, the start of the session."""


_GRAMMAR: dict[str, tuple[str, When]] = {
    "http": (r"401|403|404|429|500|503", When.NEVER),
    "close": (r"[1-4]\d{3}", When.MOMENT),
    "expire": ("", When.MOMENT),
    "error": (r"[a-z_]+", When.MOMENT),
    "stall": ("", When.MOMENT),
    "fail": (r"[a-z_]+", When.RESPONSE),
    "rate_limited": ("", When.RESPONSE),
    "incomplete": (r"max_output_tokens|content_filter", When.RESPONSE),
    "late_deltas": ("", When.RESPONSE),
    "no_created": ("", When.RESPONSE),
    "two_items": ("", When.RESPONSE),
    "think": (r"\d{1,6}", When.RESPONSE),
    "unknown_events": ("", When.NEVER),
    "extra_keys": ("", When.NEVER),
}
_UNSENDABLE = frozenset([1004, 1005, 1006, 1015])
"""Codes that RFC 6455, 7.4.1 reserves: no close frame may carry them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFault:
    """One thing that goes wrong."""

    name: str
    detail: str = ""
    """Status, code, reason or milliseconds."""
    at_s: float | None = None
    response: int | None = None

    def hits(self, response: int) -> bool:
        """Whether it strikes this response."""
        return self.response in (None, response)


def parse_faults(texts: Iterable[str]) -> tuple[SessionFault, ...]:
    """The requested faults.

    Raises:
        BadInput: one of them does not exist, or cannot happen at that time.
    """
    return tuple(_parse(text) for texts_of_one in texts for text in texts_of_one.split(",") if text)


def _parse(text: str) -> SessionFault:
    what, _, when = text.partition("@")
    for name, (details, moment) in _GRAMMAR.items():
        match = re.fullmatch(f"{name}_({details})" if details else f"{name}()", what)
        if match is None or match[1] in map(str, _UNSENDABLE):
            continue
        at_s, response = _moment(text, when, moment)
        return SessionFault(name=name, detail=match[1], at_s=at_s, response=response)
    raise BadInput(f"there is no fault {text!r}", do=f"choose among {', '.join(_GRAMMAR)}; details follow after '_'")


def _moment(text: str, when: str, allowed: When) -> tuple[float | None, int | None]:
    if not when:
        return (0.0 if allowed is When.MOMENT else None), None
    if allowed is not When.NEVER and (match := re.fullmatch(r"response=([1-9]\d{0,3})", when)):
        return None, int(match[1])
    if allowed is When.MOMENT and (match := re.fullmatch(r"t=(\d{1,4}(?:\.\d{1,3})?)", when)):
        return float(match[1]), None
    ways = {When.NEVER: "no '@'", When.RESPONSE: "@response=N", When.MOMENT: "@t=SECONDS or @response=N"}
    raise BadInput(f"the fault {text!r} cannot happen at {when!r}", do=f"write {ways[allowed]}")


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
    """Close the connection, after the events before it."""

    code: int
    reason: str


Outgoing = dict[str, Any] | CloseNow


class Mischief:
    """One session's faults in action. Without faults every event passes unchanged."""

    def __init__(self, faults: Sequence[SessionFault]) -> None:
        self.timed = [fault for fault in faults if fault.at_s is not None]
        """To be passed to `strike` when they are due."""
        self._faults = [fault for fault in faults if fault.at_s is None]
        self._names = {fault.name for fault in faults}
        self._numbers: dict[str, int] = {}
        self._begun: set[str] = set()
        self._last_delta: dict[str, dict[str, Any]] = {}
        self._is_stalled = False

    def pass_on(self, event: dict[str, Any]) -> list[Outgoing]:
        """What goes out in place of this event."""
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

    def strike(self, fault: SessionFault) -> list[Outgoing]:
        """Make a connection fault happen."""
        if self._is_stalled:
            return []
        match fault.name:
            case "close":
                return [CloseNow(int(fault.detail), "requested by the rehearsal")]
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

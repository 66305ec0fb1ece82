"""What AMI says, as immutable facts; by which ids of ours a call is known in it; and what may be said to it.

Given headers, checks them against a whitelist so that no value can end its line and begin an action of its own, nor
hold anything that the dialplan would expand. Never sends, never waits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from opendeep_kit.errors import BadInput

Headers = Mapping[str, str | Sequence[str]]
"""An action's headers; a sequence is the same header repeated."""
MAX_VALUE = 500
"""Asterisk cuts a line at 1024 bytes (main/manager.c, `inbuf`)."""
CALL_ID_VARIABLE = "OPENDEEP_CALL_ID"
_ID_HEADERS = ("Linkedid", "Uniqueid", "DestLinkedid", "DestUniqueid", "LocalOneUniqueid", "ActionID")
"""Linkedid first: all legs of a call share it, also those that a transfer adds."""
_UUID_LENGTH = 36
_NAME = re.compile(r"[A-Za-z]{1,40}")
_VALUE = re.compile(r"[0-9A-Za-z+*#._=@/:()-]*")


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """One event, or one entry of a list."""

    name: str
    """`Hangup`, `DialBegin` …"""
    headers: Mapping[str, str]
    """By lower-case name; a repeated header's values stand on lines of their own."""

    def get(self, header: str) -> str:
        """The header's value; empty when it is not there."""
        return self.headers.get(header.lower(), "")

    def variable(self, name: str) -> str:
        """A channel variable that `channelvars` of manager.conf adds to every channel event."""
        for line in self.get("ChanVariable").split("\n"):
            key, _, value = line.partition("=")
            if key == name:
                return value
        return ""


@dataclass(frozen=True, slots=True)
class AmiReply:
    """Asterisk's answer to one action."""

    is_success: bool
    message: str
    headers: Mapping[str, str]


def checked(headers: Headers) -> dict[str, str | list[str]]:
    """The same headers, safe to write.

    Raises:
        BadInput: a name or value holds a character that has no business there; the text never repeats the value.
    """
    safe: dict[str, str | list[str]] = {}
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise BadInput("an AMI header's name may contain letters only", do="correct the name")
        values = [value] if isinstance(value, str) else list(value)
        for line in values:
            if len(line) > MAX_VALUE or not _VALUE.fullmatch(line):
                raise BadInput(
                    f"the value of the AMI header {name} is too long or contains a character that is not allowed",
                    do="use letters, digits and + * # . _ = @ / : ( ) - only",
                )
        safe[name] = values[0] if isinstance(value, str) else values
    return safe


# ---- whose event it is ------------------------------------------------------------------------------


def channel_id(call_id: UUID) -> str:
    """The Uniqueid of our own leg, and the Linkedid of every leg of the call."""
    return f"od-{call_id}"


def call_id_of(event: AmiEvent) -> UUID | None:
    """Our id of the call that the event is about, when it is one of our calls at all."""
    for header in _ID_HEADERS:
        prefix, _, rest = event.get(header).partition("-")
        if prefix in ("od", "orig"):
            return _uuid(rest[:_UUID_LENGTH])
    return _uuid(event.variable(CALL_ID_VARIABLE))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

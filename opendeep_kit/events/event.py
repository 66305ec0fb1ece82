"""What every event is, and how it is written down and read back.

Given an event, returns text; given such text, the event. Serialisation is generic: an event class needs no code here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec

MAX_RAW_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact of one call."""

    registry: ClassVar[dict[str, type[Event]]] = {}

    call_id: str
    """Our id of the call, a UUID's text."""
    at_ms: float
    """Milliseconds since the call's clock began."""

    def __init_subclass__(cls) -> None:
        Event.registry[cls.__name__] = cls


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """An event of a type we do not know: sent by the voice model, or recorded by a newer version of this package."""

    type: str
    """The type's name, as sent or recorded."""
    raw: str
    """First 500 characters."""


def to_json(event: Event) -> str:
    """The event's fields as JSON, without its type (a column of its own in the record)."""
    return msgspec.json.encode(event).decode()


def from_json(type_name: str, data: str) -> Event:
    """The event that `to_json` wrote; `Unknown` when no event has this name.

    During a rolling upgrade older processes read newer records: one event they do not know must not hide the call.
    """
    cls = Event.registry.get(type_name)
    if cls is None:
        head = msgspec.json.decode(data, type=Event)
        return Unknown(call_id=head.call_id, at_ms=head.at_ms, type=type_name, raw=data[:MAX_RAW_CHARS])
    event: Event = msgspec.json.decode(data, type=cls)
    return event


def to_line(event: Event) -> str:
    """The event as one self-contained JSON object, its type included as `event`: a line of a `.jsonl` file."""
    return msgspec.json.encode({"event": type(event).__name__, **msgspec.to_builtins(event)}).decode()


def from_line(line: str) -> Event:
    """The event that `to_line` wrote."""
    return from_json(str(msgspec.json.decode(line)["event"]), line)

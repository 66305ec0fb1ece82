"""What every event is, and how it is written down and read again.

Given an event, returns text; given such text, the event. Adding an event = adding a class in the module of its
subject and its name in `__init__`; serialising is generic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec

from opendeep_kit.errors import OurMistake


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


def to_json(event: Event) -> str:
    """The event's fields as JSON, without its type (a column of its own in the store)."""
    return msgspec.json.encode(event).decode()


def from_json(type_name: str, data: str) -> Event:
    """The event that `to_json` wrote.

    Raises:
        OurMistake: no event has this name.
    """
    cls = Event.registry.get(type_name)
    if cls is None:
        raise OurMistake(f"no event is called {type_name!r}", do="migrate the store or upgrade opendeep_kit")
    event: Event = msgspec.json.decode(data, type=cls)
    return event


def to_line(event: Event) -> str:
    """The event as one self-contained JSON object, its type included as `event`: a line of a `.jsonl` file."""
    return msgspec.json.encode({"event": type(event).__name__, **msgspec.to_builtins(event)}).decode()


def from_line(line: str) -> Event:
    """The event that `to_line` wrote.

    Raises:
        OurMistake: no event has this name.
    """
    return from_json(str(msgspec.json.decode(line)["event"]), line)

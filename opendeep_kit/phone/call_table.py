"""Finds the call to which an AMI event belongs. Pure.

Given calls registered before Asterisk hears of them, matches events by the ids that we chose. An event of ours whose
call is not known is counted: there must be none.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from opendeep_kit.errors import OurMistake
from opendeep_kit.phone.ami_message import AmiEvent
from opendeep_kit.phone.call_state import Call, channel_id

CALL_ID_VARIABLE = "OPENDEEP_CALL_ID"
_HEADERS = ("Linkedid", "Uniqueid", "DestLinkedid", "DestUniqueid", "LocalOneUniqueid", "ActionID")
"""Linkedid first: all legs of a call share it, also those that a transfer adds."""
_UUID_LENGTH = 36


def call_id_of(event: AmiEvent) -> UUID | None:
    """Our id of the call that the event is about, when it is one of our calls at all."""
    for header in _HEADERS:
        prefix, _, rest = event.get(header).partition("-")
        if prefix in ("od", "orig"):
            return _uuid(rest[:_UUID_LENGTH])
    return _uuid(event.variable(CALL_ID_VARIABLE))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class CallTable:
    """The calls that Asterisk may speak of."""

    def __init__(self) -> None:
        self._calls: dict[UUID, Call] = {}
        self.matched = 0
        self.unmatched = 0
        """Events of our calls that are not in the table: zero, or a bug."""
        self.foreign = 0
        """Events of other people's channels on the same Asterisk."""

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls.values()))

    def add(self, call_id: UUID) -> Call:
        """Register a call, before anybody is told of it.

        Raises:
            OurMistake: this id was used before.
        """
        if call_id in self._calls:
            raise OurMistake("this call id is in use", do="give every attempt an id of its own")
        call = self._calls[call_id] = Call(call_id)
        return call

    def remove(self, call_id: UUID) -> None:
        """Forget a call of which nothing more will be heard."""
        self._calls.pop(call_id, None)

    def get(self, call_id: UUID) -> Call | None:
        """The call, if it is here."""
        return self._calls.get(call_id)

    def find(self, event: AmiEvent) -> Call | None:
        """The event's call; counts the events that have none."""
        call_id = call_id_of(event)
        call = self._calls.get(call_id) if call_id is not None else None
        if call is not None:
            self.matched += 1
        elif call_id is not None:
            self.unmatched += 1
        elif event.get("Uniqueid") or event.get("DestUniqueid"):
            self.foreign += 1
        return call

    @staticmethod
    def channels_of(call: Call, channels: tuple[AmiEvent, ...]) -> list[AmiEvent]:
        """Those of the living channels that belong to the call."""
        ours = channel_id(call.call_id)
        return [
            channel for channel in channels if call_id_of(channel) == call.call_id or channel.get("Linkedid") == ours
        ]

"""What happens to the connection with the voice model."""

from __future__ import annotations

from dataclasses import dataclass

from opendeep_kit.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConnected(Event):
    """A Realtime session stands and is configured."""

    model: str
    session_id: str
    attempt: int
    """1 for the first connection of the call."""
    replayed_items: int
    """Conversation items sent again after a reconnection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLost(Event):
    """The connection to the voice model broke."""

    code: int
    """WebSocket close code; 0 when there was none."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelGivenUp(Event):
    """The voice model could not be had, or was lost for good; the call ends politely."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelErred(Event):
    """The voice model reported an error that did not end the session."""

    code: str
    message: str
    benign: bool
    """True for the races that are expected (cancel with nothing active, truncate past the end)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """The voice model sent an event type we do not know."""

    type: str
    raw: str
    """First 500 characters."""

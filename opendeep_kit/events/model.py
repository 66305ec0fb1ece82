"""What happens to the connection with the voice model."""

from __future__ import annotations

from dataclasses import dataclass

from opendeep_kit.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConnected(Event):
    """A Realtime session stands and is configured."""

    model: str
    """As the model's side names it; a price is found under this name."""
    session_id: str
    """The model's side's own id, for its support."""
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
    """As the peer gave it, or the error's kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelGivenUp(Event):
    """The voice model could not be had, or was lost for good; the call ends politely."""

    reason: str = ""
    """One clause for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelErred(Event):
    """The voice model reported an error that did not end the session."""

    code: str
    """The model's side's own code, such as `response_cancel_not_active`."""
    message: str
    """Its words."""
    benign: bool
    """True for the races that are expected (cancel with nothing active, truncate past the end)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """The voice model sent an event type we do not know."""

    type: str
    """As the model's side named it."""
    raw: str
    """First 500 characters."""

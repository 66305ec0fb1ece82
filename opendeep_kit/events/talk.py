"""What is said and heard, the voice model that says it, and what a supervisor does to the conversation."""

from __future__ import annotations

from dataclasses import dataclass

from opendeep_kit.events.event import Event

NOT_UNDERSTOOD = "(not understood)"
"""Stands for an utterance that could not be transcribed: the model heard it, so the call was not silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalleeSoundStarted(Event):
    """Our own detector heard the callee begin (b0 of barge-in latency). `at_ms` is back-dated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalleeSoundStopped(Event):
    """Our own detector heard the callee end (t0 of reply latency). `at_ms` is the last loud frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted(Event):
    """The model's detector heard the callee begin (`input_audio_buffer.speech_started` received)."""

    item_id: str
    """The conversation item that the callee's turn becomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStopped(Event):
    """The model's detector decided the turn is over (`input_audio_buffer.speech_stopped` received)."""

    item_id: str
    """The conversation item that the callee's turn becomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalleeSaid(Event):
    """What the callee said, as the model's side transcribed it."""

    item_id: str
    """The conversation item, as in `SpeechStarted`."""
    text: str
    """The words, or `NOT_UNDERSTOOD`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyBegan(Event):
    """The model began a response (`response.created`)."""

    response_id: str
    """The model's id of the response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAudioArrived(Event):
    """First audio of a response arrived from the model."""

    response_id: str
    """As in `ReplyBegan`."""
    item_id: str
    """The agent's utterance, as in `AgentSaid`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyEnded(Event):
    """The model finished a response (`response.done`); its sound may still be playing."""

    response_id: str
    """As in `ReplyBegan`."""
    status: str
    """`completed`, `cancelled`, `incomplete`, `failed`."""
    input_tokens: int = 0
    """Tokens heard or read for it."""
    output_tokens: int = 0
    """Tokens said or written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSoundStarted(Event):
    """First frame of an agent item was written to the line."""

    item_id: str
    """The agent's utterance, as in `AgentSaid`."""
    first_sound_ms: float
    """When the first non-silent frame was written, on the call's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSaid(Event):
    """An agent item is over: played to its end, or cut."""

    item_id: str
    """The agent's utterance: the model's id, or ours for prepared speech."""
    meant: str
    """What the model wanted to say."""
    heard: str
    """What the callee can have heard; an estimate when it was cut."""
    heard_ms: float
    """Sound of this item that was sent and has reached the callee."""
    received_ms: float
    """Sound of this item the model sent."""
    is_cut: bool
    """It was not played to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInterrupted(Event):
    """The callee spoke over the agent; queued sound was dropped."""

    item_id: str
    """The agent's utterance that was cut."""
    heard_ms: float
    """Sound of it that the callee can have heard."""
    dropped_ms: float
    """Sound that was queued and never sent."""
    last_frame_ms: float
    """When the last frame of agent sound was written, on the call's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureHeard(Event):
    """The callee heard to its end the sentence that they are speaking with an AI."""

    text: str
    """The words that say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudged(Event):
    """The callee was silent for a long time; the agent was asked to check that they are still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised(Event):
    """A person, or the line, intervened: `hang_up`, `say`, `coach`, `take_over` or `transfer`."""

    what: str
    """One of the five above."""
    argument: str
    """The words to say, or the number to transfer to; empty for the others."""
    by: str
    """Who it was, as they named themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConnected(Event):
    """A Realtime session is open and configured."""

    model: str
    """As the model's side names it; prices are looked up under this name."""
    session_id: str
    """The provider's id of the session, for its support."""
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
    """The voice model was not available, or was lost for good; the call ends politely."""

    reason: str = ""
    """One clause for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelErred(Event):
    """The voice model reported an error that did not end the session."""

    code: str
    """The provider's code, such as `response_cancel_not_active`."""
    message: str
    """The provider's words."""
    benign: bool
    """True for expected races (cancel with nothing active, truncate past the end)."""

"""Everything that can happen in a call, as immutable facts in past tense.

Given by the bridge and the stations, appended in order to the call's one event list, folded by `insight`
into transcript, latency and outcome. Never holds sound, never refers to live objects.

Times: `at_ms` is milliseconds since the call's clock began (the AudioSocket UUID frame, or the dial when the
call never got that far), a float, monotonic. Adding an event = adding a class here; serialising is generic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec

from opendeep_kit.errors import OurMistake
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult


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


# ---- the line ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled(Event):
    """We asked the telephone network for the callee."""

    line: str
    """Which line carried it: `simulator`, `asterisk`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioConnected(Event):
    """The AudioSocket's UUID frame arrived; the call's clock starts here."""

    rate_hz: int
    """Line format's sample rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Event):
    """The callee's leg was answered. Sound before this is not speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitReceived(Event):
    """The callee pressed a key (AudioSocket kind 0x03)."""

    digit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioClosed(Event):
    """The AudioSocket is closed."""

    reason: str
    """`peer_closed`, `we_hung_up`, `peer_reset`, `protocol_error`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaMeasured(Event):
    """What the media loop did in this call, once, at its end."""

    frames_sent: int
    frames_received: int
    slots_skipped: int
    """20 ms slots given up after a stall: the callee heard a gap."""
    max_late_ms: float
    """Latest frame behind its due time."""
    underruns: int
    """Silence frames inside a sentence because the model was slower than speech."""
    heard_dropped_ms: float
    """Callee's sound dropped on the way to the model (queue full or no connection)."""
    said_dropped_ms: float
    """Agent's sound dropped because more was queued than the limit allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSaved(Event):
    """The stereo recording is complete: left the callee, right the agent."""

    path: str
    """Relative to the project's recordings folder."""
    sha256: str
    duration_ms: float


# ---- the voice model's connection -------------------------------------------------------------------


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


# ---- the talk ---------------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStopped(Event):
    """The model's detector decided the turn is over (`input_audio_buffer.speech_stopped` received)."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalleeSaid(Event):
    """What the callee said, as transcribed by the model's side."""

    item_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyBegan(Event):
    """The model began a response (`response.created`)."""

    response_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAudioArrived(Event):
    """First audio of a response arrived from the model."""

    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyEnded(Event):
    """The model finished a response (`response.done`); its sound may still be playing."""

    response_id: str
    status: str
    """`completed`, `cancelled`, `incomplete`, `failed`."""
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSoundStarted(Event):
    """First frame of an agent item was written to the line."""

    item_id: str
    first_sound_ms: float
    """When the first frame that is not silence was written, on the call's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSaid(Event):
    """An agent item is over: played to its end, or cut."""

    item_id: str
    meant: str
    """What the model wanted to say."""
    heard: str
    """What the callee can have heard; an estimate when cut."""
    heard_ms: float
    """Sound of this item that left us and is no longer in flight."""
    received_ms: float
    """Sound of this item the model sent."""
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInterrupted(Event):
    """The callee spoke over the agent; queued sound was dropped."""

    item_id: str
    heard_ms: float
    dropped_ms: float
    """Sound that was queued and never sent."""
    last_frame_ms: float
    """When the last frame of agent sound was written, on the call's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureHeard(Event):
    """The callee heard, to its end, that they speak with an AI."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudged(Event):
    """The callee was silent for long; the agent was asked to check that they are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised(Event):
    """Somebody stepped into the call: `hang_up`, `say`, `coach`, `take_over` or `transfer`. A person, or the line."""

    what: str
    argument: str
    by: str


# ---- tools ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled(Event):
    """The model called a tool."""

    tool_call_id: str
    name: str
    arguments: str
    """JSON as the model wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReturned(Event):
    """A tool finished, failed or ran out of time; the call went on."""

    tool_call_id: str
    name: str
    output: str
    took_ms: float
    is_failure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecorded(Event):
    """The agent noted the answer to a question of the task."""

    question: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackScheduled(Event):
    """The callee asked to be called at another time."""

    when: str
    """As said, or ISO 8601 when the agent could tell."""
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut(Event):
    """The callee asked never to be called again."""

    utterance: str
    """The callee's own words: the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferAsked(Event):
    """The agent hands the callee over to a human."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsSent(Event):
    """The agent pressed keys."""

    digits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailLeft(Event):
    """A machine answered and the agent left a message."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAsked(Event):
    """The agent decided to end the call; the goodbye finishes first."""

    reason: str


# ---- the end ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(Event):
    """The call is over. Exactly one per call, always the last but `CallJudged`."""

    phone_result: PhoneResult
    ended_by: EndedBy
    detail: str = ""
    """One clause for a person: why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallJudged(Event):
    """What the attempt achieved, by the analysis named."""

    disposition: Disposition
    by: str
    """`rules` or the model's name."""


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

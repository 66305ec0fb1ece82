"""What happens on the line: from the dial to the end, and what was measured and recorded on the way."""

from __future__ import annotations

from dataclasses import dataclass

from opendeep_kit.events.event import Event
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult


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
    """One of 0–9, *, #, A–D."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioClosed(Event):
    """The AudioSocket is closed."""

    reason: str
    """`peer_closed`, `we_hung_up`, `peer_reset`, `protocol_error`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaMeasured(Event):
    """What the media loop did in this call, once, at its end."""

    frames_sent: int
    """Frames of 20 ms written to the line, silence included."""
    frames_received: int
    """Sound messages read from the line: usually 20 ms each, as the callee's telephone frames them."""
    slots_skipped: int
    """20 ms slots skipped after a stall: the callee heard a gap."""
    max_late_ms: float
    """Latest frame behind its due time."""
    underruns: int
    """Frames of silence inside a sentence, because the model was slower than speech."""
    heard_dropped_ms: float
    """The callee's sound dropped on the way to the model (queue full or no connection)."""
    said_dropped_ms: float
    """The agent's sound dropped because the queue was full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSaved(Event):
    """The stereo recording is complete: callee left, agent right."""

    path: str
    """Relative to the project's recordings folder."""
    sha256: str
    """Of the file, in hex: proves that it is unchanged."""
    duration_ms: float
    """Length of the recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(Event):
    """The call is over. Exactly one per call, the last event before `CallJudged`."""

    phone_result: PhoneResult
    """What the telephone network did."""
    ended_by: EndedBy
    """Who ended it."""
    detail: str = ""
    """One clause for a person: why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallJudged(Event):
    """What the attempt achieved, by the analysis that `by` names."""

    disposition: Disposition
    """What the attempt achieved."""
    by: str
    """`rules` or the model's name."""

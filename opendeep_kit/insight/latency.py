"""Where the milliseconds of a call went. A fold over its events.

Given one call's events, returns one `TurnLatency` per reply of the agent and one `BargeIn` per interruption. All
times are at our socket, on the call's clock; the way to the callee's ear (network, phone) is not in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opendeep_kit import events

CUT_WITHIN_MS = 100.0
"""A cut that comes later than so after a detection has another cause."""
SAME_SOUND_MS = 1000.0
"""A sound of the callee's that ended so long before a detection is not what was detected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLatency:
    """From the callee's last sound to the agent's first. None: not seen."""

    callee_stopped_ms: float
    """t0: the callee's last loud frame, by our own detector."""
    detected_ms: float | None
    """t2: the model's detector said so."""
    reply_began_ms: float | None
    """t3: the model began a response."""
    audio_arrived_ms: float
    """t4: its first sound reached us."""
    written_ms: float
    """t5: its first frame was written to the line."""
    sounded_ms: float
    """t6: its first frame that is not silence was written."""
    has_tool: bool
    """A tool ran in between: compare such turns among themselves."""

    @property
    def voice_to_voice_ms(self) -> float:
        """What the callee waits: t6 - t0."""
        return self.sounded_ms - self.callee_stopped_ms

    @property
    def stages(self) -> dict[str, float]:
        """The wait, cut into its stages, in milliseconds."""
        detected = self.callee_stopped_ms if self.detected_ms is None else self.detected_ms
        began = detected if self.reply_began_ms is None else self.reply_began_ms
        return {
            "detect": detected - self.callee_stopped_ms,
            "begin": began - detected,
            "model": self.audio_arrived_ms - began,
            "ours": self.written_ms - self.audio_arrived_ms,
            "lead-in": self.sounded_ms - self.written_ms,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BargeIn:
    """From the callee's first sound over the agent to the agent's last frame."""

    callee_began_ms: float
    """b0: first loud frame, by our own detector."""
    detected_ms: float
    """b1: the model's detector said so."""
    last_frame_ms: float
    """b2: the last frame of agent sound was written."""

    @property
    def stop_ms(self) -> float:
        """How long the agent talked on: b2 - b0."""
        return max(0.0, self.last_frame_ms - self.callee_began_ms)


def turns(happened: Sequence[events.Event]) -> list[TurnLatency]:
    """Every reply of the agent to something the callee said."""
    replies: list[TurnLatency] = []
    arrived = _arrivals(happened)
    stopped: float | None = None
    detected = began = None
    has_tool = False
    for event in sorted(happened, key=lambda e: e.at_ms):
        match event:
            case events.CalleeSoundStopped(at_ms=at):
                stopped, detected, began, has_tool = at, None, None, False
            case events.SpeechStopped(at_ms=at):
                detected = at
            case events.ReplyBegan(at_ms=at):
                began = at if began is None else began
            case events.ToolCalled():
                has_tool = True
            case events.AgentSoundStarted(at_ms=at, item_id=item_id, first_sound_ms=sounded):
                audio = arrived.get(item_id)
                if stopped is not None and detected is not None and audio is not None and audio >= stopped:
                    replies.append(
                        TurnLatency(
                            callee_stopped_ms=stopped,
                            detected_ms=detected,
                            reply_began_ms=began,
                            audio_arrived_ms=min(audio, at),
                            written_ms=at,
                            sounded_ms=sounded,
                            has_tool=has_tool,
                        )
                    )
                stopped = None
    return replies


def _arrivals(happened: Iterable[events.Event]) -> dict[str, float]:
    """By item: when its first sound reached us.

    By item, and not by what came before what: a frame bears the time of its 20 ms slot, and sound that arrives within
    the slot may still go out with it, a moment "before" it came.
    """
    arrived: dict[str, float] = {}
    for event in happened:
        if isinstance(event, events.ReplyAudioArrived):
            arrived.setdefault(event.item_id, event.at_ms)
    return arrived


def barge_ins(happened: Sequence[events.Event]) -> list[BargeIn]:
    """Every time the callee cut the agent; where a supervisor cut it there is no detection, and no barge-in."""
    barge_ins: list[BargeIn] = []
    detections = _times(happened, events.SpeechStarted)
    for event in happened:
        if not isinstance(event, events.AgentInterrupted):
            continue
        detected = max((at for at in detections if at <= event.at_ms), default=None)
        if detected is None or event.at_ms - detected > CUT_WITHIN_MS:
            continue
        first = _sound_before(happened, detected)
        barge_ins.append(BargeIn(callee_began_ms=first, detected_ms=detected, last_frame_ms=event.last_frame_ms))
    return barge_ins


def _sound_before(happened: Sequence[events.Event], detected_ms: float) -> float:
    """When the sound that was detected began, by our own detector; the detection itself when ours missed it."""
    began = max((at for at in _times(happened, events.CalleeSoundStarted) if at <= detected_ms), default=detected_ms)
    stops = _times(happened, events.CalleeSoundStopped)
    is_another = any(began <= at < detected_ms - SAME_SOUND_MS for at in stops)
    return detected_ms if is_another else began


def _times(happened: Sequence[events.Event], kind: type[events.Event]) -> list[float]:
    return [event.at_ms for event in happened if isinstance(event, kind)]


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which `share` (0..1) of the values lie, between neighbours if need be; None of nothing.

    >>> percentile([100, 300, 200], 0.5), percentile([100, 200], 0.95)
    (200.0, 195.0)
    """
    if not len(values):
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))

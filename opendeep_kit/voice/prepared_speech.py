"""Sentences and keys (DTMF) that the call itself puts on the line, with no model behind them.

Given prepared sound, queues it, and reports when its words were heard to their end, as `agent_speech` does for the
model's. A prepared sentence that the callee cuts is reported by `agent_speech`; keys are never cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from opendeep_kit import events
from opendeep_kit.audio.playout import Frame, Playout

PREPARED = "own"
"""Response id of prepared sound."""


@dataclass(frozen=True, slots=True)
class PreparedSpeech:
    """Sound that the call can play by itself."""

    pcm: bytes = field(repr=False)
    """At the line's rate."""
    words: str = ""
    """Empty for keys: an interruption does not cut them."""


NO_SPEECH = PreparedSpeech(b"")


class PreparedSpeechPlayer:
    """Puts prepared sound into the same queue as the model's."""

    def __init__(
        self, playout: Playout, *, call_id: str, now_ms: Callable[[], float], emit: Callable[[events.Event], None]
    ) -> None:
        self._playout = playout
        self._call_id = call_id
        self._now_ms = now_ms
        self._emit = emit
        self._count = 0

    def say(self, speech: PreparedSpeech) -> None:
        """Queue it behind what is being said."""
        if speech.pcm:
            item_id = f"{PREPARED}:{self._count}"
            self._count += 1
            item = self._playout.add(PREPARED, item_id, 0, speech.pcm)
            item.words, item.is_firm = speech.words, not speech.words
            self._playout.complete(item_id, 0)

    def frame_sent(self, frame: Frame) -> bool:
        """A frame was written to the line. Returns False when it is the model's."""
        item = frame.item
        if item is None or item.response_id != PREPARED:
            return False
        words, now_ms = item.words, self._now_ms()
        if words and frame.is_first_sound:
            self._emit(
                events.AgentSoundStarted(
                    call_id=self._call_id, at_ms=now_ms, item_id=item.item_id, first_sound_ms=now_ms
                )
            )
        if words and item in frame.over:
            self._emit(
                events.AgentSaid(
                    call_id=self._call_id,
                    at_ms=now_ms,
                    item_id=item.item_id,
                    meant=words,
                    heard=words,
                    heard_ms=item.sent_ms,
                    received_ms=item.received_ms,
                    is_cut=False,
                )
            )
        return True

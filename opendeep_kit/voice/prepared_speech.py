"""Sentences and keys that the call itself puts on the line, with no model behind them.

Given prepared sound, queues it, and tells when its words were heard to their end, as `agent_speech` does for the
model's. What was heard of a sentence that the callee cut, `agent_speech` tells; keys are not cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from opendeep_kit import events
from opendeep_kit.audio.playout import Frame, Playout

OWN = "own"
"""Response id of sound that is ours."""


@dataclass(frozen=True, slots=True)
class PreparedSpeech:
    """Something that the call can say by itself."""

    pcm: bytes = field(repr=False)
    """At the line's rate."""
    words: str = ""
    """Empty for what is no speech: an interruption does not cut it."""


NO_SPEECH = PreparedSpeech(b"")


class PreparedSpeechPlayer:
    """The call's own sound, in the same queue as the model's."""

    def __init__(
        self, playout: Playout, *, call_id: str, now_ms: Callable[[], float], emit: Callable[[events.Event], None]
    ) -> None:
        self._playout = playout
        self._call_id = call_id
        self._now_ms = now_ms
        self._emit = emit
        self._count = 0

    def say(self, own: PreparedSpeech) -> None:
        """Queue it after what is being said."""
        if own.pcm:
            item_id = f"{OWN}:{self._count}"
            self._count += 1
            item = self._playout.add(OWN, item_id, 0, own.pcm)
            item.words, item.is_firm = own.words, not own.words
            self._playout.complete(item_id, 0)

    def frame_sent(self, frame: Frame) -> bool:
        """Take notice of a frame that was written; False when it is the model's."""
        item = frame.item
        if item is None or item.response_id != OWN:
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

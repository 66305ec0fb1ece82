"""The agent's sentences of one call: their words, their sound, and how much of them was heard. Pure.

Given the model's words and sound as they arrive and the frames as they leave, reports each sentence as heard to its
end or cut, what the model must forget, and when the callee has been told that an AI speaks. Never decides *when* to
cut: that is up to `conversation`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from opendeep_kit import events
from opendeep_kit.audio.pcm import FRAME_MS
from opendeep_kit.audio.playout import Frame, Item, Playout
from opendeep_kit.voice import wire
from opendeep_kit.voice.heard import SpeakingRate, has_disclosed, heard_part, whole_sentences
from opendeep_kit.voice.history import History


@dataclass(slots=True)
class Effects:
    """What the shell must do now."""

    sends: list[str] = field(default_factory=list)
    """Client events, in order."""
    happened: list[events.Event] = field(default_factory=list)
    tool_calls: list[wire.FunctionCallDone] = field(default_factory=list)

    def take(self) -> Effects | None:
        """Everything collected so far, if anything; leaves this one empty."""
        if not (self.sends or self.happened or self.tool_calls):
            return None
        taken = Effects(self.sends, self.happened, self.tool_calls)
        self.sends, self.happened, self.tool_calls = [], [], []
        return taken


@dataclass(slots=True)
class _Words:
    """Text of one agent content part."""

    text: str = ""
    is_whole: bool = False


class AgentSpeech:
    """Words and sound of the agent, joined by item.

    Args:
        in_flight_ms: sound sent but not yet at the callee's ear: the pacer's lead plus the way down.
        disclosure: the sentence that tells the callee about the AI; empty: nothing is watched for.
    """

    def __init__(
        self,
        call_id: str,
        playout: Playout,
        effects: Effects,
        history: History,
        *,
        in_flight_ms: float,
        disclosure: str,
    ) -> None:
        self._call_id = call_id
        self._playout = playout
        self._effects = effects
        self._history = history
        self._in_flight_ms = in_flight_ms
        self._disclosure = disclosure
        self._heard_so_far = ""
        self._words: dict[tuple[str, int], _Words] = {}
        self._waiting: list[Item] = []
        """Their sound is over, their words are still on their way."""
        self._rate = SpeakingRate()
        self._broken: set[str] = set()
        """Items whose rest was lost with the connection."""
        self._items: set[str] = set()
        """Items that the present session knows: only these can be truncated."""

    # ---- from the model -----------------------------------------------------------------------------

    def add_sound(self, delta: wire.AudioDelta, pcm: bytes) -> None:
        """Sound at the line's rate."""
        self._items.add(delta.item_id)
        self._playout.add(delta.response_id, delta.item_id, delta.content_index, pcm)

    def add_words(self, item_id: str, index: int, text: str) -> None:
        """More words of an item; they run ahead of its sound."""
        self._words_of(item_id, index).text += text

    def words_done(self, item_id: str, index: int, text: str, now_ms: float) -> None:
        """All words of an item."""
        words = self._words_of(item_id, index)
        words.text, words.is_whole = text or words.text, True
        self._settle(now_ms)

    def sound_done(self, item_id: str, index: int, now_ms: float) -> None:
        """The model sent all sound of an item."""
        if over := self._playout.complete(item_id, index):
            self._over(over, now_ms)

    def response_done(self, response_id: str, now_ms: float) -> None:
        """Nothing more will come of this response."""
        for item in self._playout.items:
            if item.response_id == response_id:
                self.sound_done(item.item_id, item.content_index, now_ms)
        self._settle(now_ms, response_id)

    def model_lost(self, now_ms: float) -> None:
        """The connection broke: what was received is played on, and is all there will be."""
        for words in self._words.values():
            words.is_whole = True
        for item in self._playout.items:
            text = self._words_of(item.item_id, item.content_index).text
            self._history.said(item.item_id, "agent", text, is_cut=not item.is_complete)
            if not item.is_complete:
                self._broken.add(item.item_id)
            self.sound_done(item.item_id, item.content_index, now_ms)
        self._settle(now_ms)
        self._items.clear()

    # ---- from the line ------------------------------------------------------------------------------

    def frame_sent(self, frame: Frame, now_ms: float) -> None:
        """A frame with agent sound was written to the line."""
        item = frame.item
        if item is not None and frame.is_first_sound:
            self._effects.happened.append(
                events.AgentSoundStarted(
                    call_id=self._call_id,
                    at_ms=max(0.0, now_ms - item.lead_in_ms),
                    item_id=item.item_id,
                    first_sound_ms=now_ms,
                )
            )
        for over in frame.over:
            self._over(over, now_ms)

    def cut(self, now_ms: float) -> None:
        """Drop what is queued and make the model forget what was not heard."""
        queued_ms = self._playout.queued_ms
        items = self._playout.drop()
        for item in items:
            if item.words:  # ours: the model knows nothing of it
                self._report(item, item.words, self._heard_words(item), self.heard_ms(item), now_ms, is_cut=True)
                continue
            self._forget_unheard(item)
            self._said(item, self._heard_words(item), self.heard_ms(item), now_ms, is_cut=True)
        if items and items[0].sent_ms > 0:
            head = items[0]
            self._effects.happened.append(
                events.AgentInterrupted(
                    call_id=self._call_id,
                    at_ms=now_ms,
                    item_id=head.item_id,
                    heard_ms=self.heard_ms(head),
                    dropped_ms=queued_ms - self._playout.queued_ms,
                    last_frame_ms=(head.last_slot + 1) * FRAME_MS,
                )
            )

    def heard_ms(self, item: Item) -> float:
        """Sound of this item that has reached the callee's ear."""
        return min(max(0.0, item.sent_ms - self._in_flight_ms), item.received_ms)

    # ---- inside -------------------------------------------------------------------------------------

    def _forget_unheard(self, item: Item) -> None:
        if item.item_id not in self._items:
            return
        heard_ms = int(self.heard_ms(item))
        if heard_ms >= 1:
            event_id = f"truncate:{item.item_id}:{item.content_index}"
            self._effects.sends.append(wire.truncate_item(item.item_id, item.content_index, heard_ms, event_id))
        else:
            self._effects.sends.append(wire.delete_item(item.item_id, f"delete:{item.item_id}"))

    def _heard_words(self, item: Item) -> str:
        words = _Words(item.words, True) if item.words else self._words_of(item.item_id, item.content_index)
        return heard_part(
            words.text,
            heard_ms=self.heard_ms(item) - item.lead_in_ms,
            received_ms=item.received_ms - item.lead_in_ms,
            is_whole=words.is_whole and item.is_complete and item.item_id not in self._broken,
            rate=self._rate,
        )

    def _over(self, item: Item, now_ms: float) -> None:
        if self._words_of(item.item_id, item.content_index).is_whole:
            self._finish(item, now_ms)
        else:
            self._waiting.append(item)

    def _settle(self, now_ms: float, response_id: str = "") -> None:
        for item in [*self._waiting]:
            if item.response_id == response_id or self._words_of(item.item_id, item.content_index).is_whole:
                self._waiting.remove(item)
                self._finish(item, now_ms)

    def _finish(self, item: Item, now_ms: float) -> None:
        text = self._words_of(item.item_id, item.content_index).text
        if item.item_id in self._broken:
            self._said(item, self._heard_words(item), item.received_ms, now_ms, is_cut=True)
            return
        self._rate.learn(text, item.received_ms - item.lead_in_ms)
        self._said(item, text, item.received_ms, now_ms, is_cut=False)

    def _said(self, item: Item, heard: str, heard_ms: float, now_ms: float, *, is_cut: bool) -> None:
        meant = self._words.pop((item.item_id, item.content_index), _Words()).text
        self._history.said(item.item_id, "agent", heard, is_cut=is_cut)
        self._report(item, meant, heard, heard_ms, now_ms, is_cut=is_cut)
        if self._disclosure:
            self._watch_disclosure(heard, now_ms, is_cut=is_cut)

    def _report(self, item: Item, meant: str, heard: str, heard_ms: float, now_ms: float, *, is_cut: bool) -> None:
        self._effects.happened.append(
            events.AgentSaid(
                call_id=self._call_id,
                at_ms=now_ms,
                item_id=item.item_id,
                meant=meant,
                heard=heard,
                heard_ms=heard_ms,
                received_ms=item.received_ms,
                is_cut=is_cut,
            )
        )

    def _watch_disclosure(self, heard: str, now_ms: float, *, is_cut: bool) -> None:
        self._heard_so_far = f"{self._heard_so_far} {heard}".strip()
        if has_disclosed(self._heard_so_far, self._disclosure):
            self._disclosure = ""
            self._effects.happened.append(events.DisclosureHeard(call_id=self._call_id, at_ms=now_ms, text=heard))
        elif is_cut:  # half a sentence is not made whole by the one that comes after it
            self._heard_so_far = whole_sentences(self._heard_so_far)

    def _words_of(self, item_id: str, index: int) -> _Words:
        return self._words.setdefault((item_id, index), _Words())

"""The agent's sentences by themselves: words and sound that end in any order, are lost, or begin with silence."""

import json

import pytest

from opendeep_kit import events
from opendeep_kit.audio.pcm import silence
from opendeep_kit.audio.playout import Playout
from opendeep_kit.audio.tones import dtmf, tone
from opendeep_kit.voice import wire
from opendeep_kit.voice.agent_speech import AgentSpeech, Effects
from opendeep_kit.voice.history import History
from opendeep_kit.voice.prepared_speech import PreparedSpeech, PreparedSpeechPlayer

TEXT = "Can you come on Tuesday?"


class Line:
    """The agent's speech, its queue, and a line that takes a frame every 20 ms."""

    def __init__(self) -> None:
        self.playout, self.effects, self.history = Playout(24000), Effects(), History()
        self.speech = AgentSpeech("c", self.playout, self.effects, self.history, in_flight_ms=40, disclosure="")
        self.now_ms = 0.0
        happened = self.effects.happened
        self.own = PreparedSpeechPlayer(self.playout, call_id="c", now_ms=lambda: self.now_ms, emit=happened.append)

    def sound(self, ms: int, *, lead_in_ms: int = 0, item: str = "a1") -> None:
        """Sound from the model."""
        pcm = silence(24000, lead_in_ms) + tone(440.0, 24000, ms)
        self.speech.add_sound(wire.AudioDelta("r1", item, pcm), pcm)

    def play(self, ms: int) -> None:
        """Let time pass."""
        for _ in range(ms // 20):
            frame = self.playout.next_frame(int(self.now_ms / 20))
            self.now_ms += 20
            if frame.item and not self.own.frame_sent(frame):
                self.speech.frame_sent(frame, self.now_ms)

    def said(self) -> list[tuple[str, bool]]:
        """What was heard, and whether it was cut."""
        return [(event.heard, event.is_cut) for event in self.effects.happened if isinstance(event, events.AgentSaid)]


@pytest.fixture
def line() -> Line:
    """A call before the agent's first word."""
    return Line()


def test_response_done_ends_what_was_never_declared_done(line: Line) -> None:
    """A server that sends neither audio.done nor transcript.done still ends its sentence with the response."""
    line.speech.add_words("a1", 0, TEXT)
    line.sound(200)
    line.speech.response_done("r1", 0)
    line.play(240)
    before = line.said()
    line.speech.response_done("r1", line.now_ms)

    assert (before, line.said()) == ([], [(TEXT, False)])


def test_silence_before_the_first_word_is_not_its_begin(line: Line) -> None:
    """The first frame was written with the lead-in; the first sound comes later, and both are told."""
    line.sound(200, lead_in_ms=100)
    line.play(300)
    (started,) = [event for event in line.effects.happened if isinstance(event, events.AgentSoundStarted)]

    assert (started.at_ms, started.first_sound_ms) == (20.0, 120.0)


def test_silence_before_the_first_word_carries_no_words(line: Line) -> None:
    """Cut within the lead-in: nothing was heard, though milliseconds were played."""
    line.speech.add_words("a1", 0, TEXT)
    line.sound(2000, lead_in_ms=200)
    line.play(220)
    line.speech.cut(line.now_ms)

    assert line.said() == [("", True)]


def test_broken_connection_lets_the_rest_be_heard(line: Line) -> None:
    """What was received is played; the sentence counts as cut, and no truncation goes to the next session."""
    line.speech.add_words("a1", 0, TEXT)
    line.sound(1000)
    line.play(200)
    line.speech.model_lost(line.now_ms)
    line.play(1000)
    (said,) = line.said()

    assert said == ("Can you come on", True)
    assert line.effects.sends == []


def test_two_items_are_told_apart(line: Line) -> None:
    """Cutting truncates the one that plays and deletes the one that waits."""
    line.sound(1000, item="a1")
    line.sound(1000, item="a2")
    line.play(500)
    line.speech.cut(line.now_ms)
    sent = [json.loads(text) for text in line.effects.sends]

    assert [(event["type"], event["item_id"]) for event in sent] == [
        ("conversation.item.truncate", "a1"),
        ("conversation.item.delete", "a2"),
    ]
    assert sent[0]["audio_end_ms"] == 460


def test_effects_are_handed_out_once(line: Line) -> None:
    """What was taken is not there a second time."""
    line.sound(100)
    line.speech.cut(0)
    first, second = line.effects.take(), line.effects.take()

    assert first is not None
    assert (len(first.sends), second) == (1, None)


# ---- our own ----------------------------------------------------------------------------------------


def test_own_sentence_that_was_cut_tells_what_was_heard(line: Line) -> None:
    """The callee speaks over "One moment": the words until then are told, and the model is told nothing."""
    line.own.say(PreparedSpeech(tone(440.0, 24000, 1000), "One moment, please."))
    line.play(640)
    line.speech.cut(line.now_ms)
    said, interrupted = line.effects.happened[-2:]

    assert isinstance(said, events.AgentSaid)
    assert (said.meant, said.heard, said.heard_ms, said.is_cut) == ("One moment, please.", "One moment,", 600, True)
    assert isinstance(interrupted, events.AgentInterrupted)
    assert interrupted.dropped_ms == 360
    assert (line.effects.sends, line.history.replay()) == ([], [])


def test_keys_are_not_cut(line: Line) -> None:
    """A menu talks on while keys are pressed: they are sounded to their end, what the model meant to say is not."""
    line.own.say(PreparedSpeech(dtmf("12", 24000)))
    line.sound(2000)
    line.play(60)
    line.speech.cut(line.now_ms)
    left_ms = line.playout.queued_ms
    line.play(500)

    assert (left_ms, line.playout.items, line.said()) == (340, (), [("", True)])
    assert not [event for event in line.effects.happened if isinstance(event, events.AgentInterrupted)]

"""The conversation's rules and races, with scripted model events and a real playout queue."""

import json
from typing import Any

import numpy as np
import pytest

from opendeep_kit import events
from opendeep_kit.audio.pcm import to_bytes
from opendeep_kit.audio.playout import Playout
from opendeep_kit.voice import wire
from opendeep_kit.voice.agent_speech import Effects
from opendeep_kit.voice.conversation import Conversation

IN_FLIGHT_MS = 40
SENTENCE = "Hello there, I am calling about your appointment on Tuesday."


class Talk:
    """A conversation with both sides in the test's hand."""

    def __init__(self, **options: Any) -> None:
        self.playout = Playout(24000)
        self.conversation = Conversation("c", self.playout, in_flight_ms=IN_FLIGHT_MS, **options)
        self.now_ms = 0.0
        self.slot = 0
        self.effects = Effects()

    def model(self, kind: str, **fields: Any) -> None:
        """One event from the model, through the real parser."""
        event = wire.parse(json.dumps({"type": kind, "event_id": "e"} | fields))
        self.conversation.receive(event, self.now_ms)
        self._collect()

    def audio(self, response: str, item: str, ms: float, index: int = 0) -> None:
        """Sound from the model."""
        pcm = to_bytes(np.resize([9000, -9000], int(24 * ms)))
        self.conversation.receive_audio(wire.AudioDelta(response, item, pcm, index), pcm, self.now_ms)
        self._collect()

    def play(self, ms: float) -> None:
        """Let time pass on the line."""
        for _ in range(int(ms / 20)):
            frame = self.playout.next_frame(self.slot)
            self.now_ms += 20
            self.slot += 1
            if frame.item:
                self.conversation.frame_sent(frame, self.now_ms)
        self._collect()

    def wait(self, ms: float) -> None:
        """Let time pass on the line and for the conversation."""
        self.play(ms)
        self.conversation.tick(self.now_ms)
        self._collect()

    def ask(self, words: str = "") -> None:
        """Somebody wants a turn of the agent's."""
        self.conversation.speak_now(words)
        self._collect()

    def asked(self) -> list[str]:
        """The instructions of every response asked for so far."""
        return [event.get("response", {}).get("instructions", "") for event in self.sent("response.create")]

    def tool(self, response: str, call_id: str) -> None:
        """A response that is nothing but a tool call."""
        self.model("response.created", response={"id": response})
        self.model(
            "response.function_call_arguments.done", response_id=response, item_id="f", call_id=call_id, name="x"
        )
        self.model("response.done", response={"id": response, "status": "completed"})

    def tool_returns(self, call_id: str) -> None:
        """The tool's result, which wants to be told."""
        self.conversation.tool_finished(call_id, "ok", wants_reply=True)
        self._collect()

    def error(self, code: str, event_id: str = "") -> None:
        """The model refuses something."""
        self.model("error", error={"type": "invalid_request_error", "code": code, "message": "", "event_id": event_id})

    def reply(self, response: str, item: str, ms: float, text: str = SENTENCE, *, done: bool = True) -> None:
        """A spoken response, as the model sends it: faster than it is heard."""
        self.model("response.created", response={"id": response, "status": "in_progress"})
        self.model("conversation.item.added", item={"id": item, "type": "message", "role": "assistant", "content": []})
        self.model("response.output_audio_transcript.delta", response_id=response, item_id=item, delta=text)
        self.audio(response, item, ms)
        if done:
            self.finish(response, item, text)

    def finish(self, response: str, item: str, text: str = SENTENCE, status: str = "completed") -> None:
        """The closing events of a response."""
        self.model("response.output_audio.done", response_id=response, item_id=item)
        self.model("response.output_audio_transcript.done", response_id=response, item_id=item, transcript=text)
        self.model("response.done", response={"id": response, "status": status})

    def callee_starts(self, item: str = "u1") -> None:
        """The model's detector hears the callee."""
        self.model("input_audio_buffer.speech_started", item_id=item, audio_start_ms=0)

    def callee_stops(self, item: str = "u1") -> None:
        """The model's detector decides that the turn is over."""
        self.model("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=0)

    def _collect(self) -> None:
        effects = self.conversation.take() or Effects()
        self.effects.sends += effects.sends
        self.effects.happened += effects.happened
        self.effects.tool_calls += effects.tool_calls

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """Client events of this type, so far."""
        return [event for text in self.effects.sends if (event := json.loads(text))["type"] == kind]

    def happened(self, kind: type[events.Event]) -> list[Any]:
        """Events of this class, so far."""
        return [event for event in self.effects.happened if isinstance(event, kind)]


def test_sentence_heard_to_its_end() -> None:
    """A sentence that is played whole is heard whole, and its text is the model's."""
    talk = Talk()
    talk.reply("r1", "a1", 1000)
    talk.play(1200)

    (said,) = talk.happened(events.AgentSaid)

    assert (said.heard, said.is_cut, said.heard_ms, said.received_ms) == (SENTENCE, False, 1000, 1000)
    assert talk.effects.sends == []


def test_interruption_truncates_to_what_was_heard() -> None:
    """The model is told the milliseconds that reached the callee's ear, not those that were generated."""
    talk = Talk()
    talk.reply("r1", "a1", 3000)
    talk.play(1000)
    talk.callee_starts()

    (truncate,) = talk.sent("conversation.item.truncate")
    (said,) = talk.happened(events.AgentSaid)

    assert (truncate["item_id"], truncate["audio_end_ms"]) == ("a1", 1000 - IN_FLIGHT_MS)
    assert said.is_cut
    assert SENTENCE.startswith(said.heard)
    assert 10 <= len(said.heard) <= 30
    assert talk.playout.queued_ms == 0


def test_finished_response_is_cut_while_it_plays() -> None:
    """Generated long ago but still playing: the queue is dropped, and nothing is cancelled."""
    talk = Talk()
    talk.reply("r1", "a1", 3000, done=True)
    talk.play(500)
    talk.callee_starts()

    assert talk.sent("response.cancel") == []
    assert len(talk.sent("conversation.item.truncate")) == 1
    (cut,) = talk.happened(events.AgentInterrupted)
    assert (cut.dropped_ms, cut.last_frame_ms) == (2500, 500)


def test_late_sound_of_a_dead_response_is_dropped() -> None:
    """Deltas still in flight when the callee interrupted are not played."""
    talk = Talk()
    talk.reply("r1", "a1", 500, done=False)
    talk.play(100)
    talk.callee_starts()
    talk.audio("r1", "a1", 1000)

    assert talk.playout.queued_ms == 0
    talk.finish("r1", "a1", status="cancelled")
    talk.callee_stops()
    talk.reply("r2", "a2", 100)
    assert talk.playout.queued_ms == 100


def test_unheard_items_are_deleted() -> None:
    """Items of which not a millisecond was heard are deleted: truncating at 0 is an error there."""
    talk = Talk()
    talk.model("response.created", response={"id": "r1"})
    talk.audio("r1", "a1", 1000)
    talk.audio("r1", "a2", 1000)
    talk.play(200)
    talk.callee_starts()

    assert [event["item_id"] for event in talk.sent("conversation.item.truncate")] == ["a1"]
    assert [event["item_id"] for event in talk.sent("conversation.item.delete")] == ["a2"]


def test_interruption_before_the_first_frame_deletes() -> None:
    """Cut before anything left for the callee: delete, not truncate."""
    talk = Talk()
    talk.reply("r1", "a1", 1000)
    talk.callee_starts()

    assert talk.sent("conversation.item.truncate") == []
    assert len(talk.sent("conversation.item.delete")) == 1
    assert talk.happened(events.AgentInterrupted) == []


def test_callee_in_the_first_300_ms_unsays_it() -> None:
    """Speech from before the agent's first word (the detector's prefix reaches back) leaves nothing of it said."""
    talk = Talk()
    talk.reply("r1", "a1", 3000)
    talk.play(IN_FLIGHT_MS)
    talk.model("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)

    assert talk.sent("conversation.item.truncate") == []
    assert [event["item_id"] for event in talk.sent("conversation.item.delete")] == ["a1"]
    assert [said.heard for said in talk.happened(events.AgentSaid)] == [""]


def test_truncation_is_never_longer_than_what_was_received() -> None:
    """All that came so far was heard, and more was to come: the item is cut at its full length, to the millisecond."""
    talk = Talk()
    talk.conversation = Conversation("c", talk.playout, in_flight_ms=0)
    talk.reply("r1", "a1", 1000, done=False)
    talk.play(1400)
    talk.callee_starts()

    (truncate,) = talk.sent("conversation.item.truncate")
    assert truncate["audio_end_ms"] == 1000


def test_second_interruption_finds_nothing_to_cut() -> None:
    """What was truncated or deleted once is not touched again: the model would say that it does not exist."""
    talk = Talk()
    talk.model("response.created", response={"id": "r1"})
    talk.audio("r1", "a1", 1000)
    talk.audio("r1", "a2", 1000)
    talk.play(200)
    talk.callee_starts("u1")
    sent = list(talk.effects.sends)
    talk.callee_stops("u1")
    talk.callee_starts("u2")
    talk.conversation.interrupt(talk.now_ms)

    assert [
        kind for text in talk.effects.sends[len(sent) :] if (kind := json.loads(text)["type"]) != "response.cancel"
    ] == []


def test_fully_played_response_is_left_alone() -> None:
    """Speech after the agent has finished is an answer, not an interruption."""
    talk = Talk()
    talk.reply("r1", "a1", 200)
    talk.play(400)
    talk.callee_starts()

    assert talk.effects.sends == []
    assert talk.happened(events.AgentInterrupted) == []


def test_response_created_while_the_callee_speaks_is_cancelled() -> None:
    """Our request for a response crossed the callee's first word: it is cancelled as soon as it has an id."""
    talk = Talk()
    talk.conversation.speak_now()
    talk.callee_starts()
    talk.model("response.created", response={"id": "r1"})
    talk.audio("r1", "a1", 500)

    assert [event["response_id"] for event in talk.sent("response.cancel")] == ["r1"]
    assert talk.playout.queued_ms == 0


def test_tool_result_waits_for_the_end_of_the_response() -> None:
    """The output is sent at once, the new response is asked for only after `response.done`."""
    talk = Talk()
    talk.model("response.created", response={"id": "r1"})
    talk.model(
        "response.function_call_arguments.done",
        response_id="r1",
        item_id="f",
        call_id="t1",
        name="x",
        arguments="{}",
    )
    talk.conversation.tool_finished("t1", "ok", wants_reply=True)
    talk.play(0)
    before = talk.sent("response.create")
    talk.model("response.done", response={"id": "r1", "status": "completed"})

    assert before == []
    assert len(talk.sent("response.create")) == 1


def test_parallel_tools_make_one_response() -> None:
    """Two tools of one response: two outputs, one `response.create`."""
    talk = Talk()
    talk.model("response.created", response={"id": "r1"})
    for call_id in ("t1", "t2"):
        talk.model(
            "response.function_call_arguments.done", response_id="r1", item_id=call_id, call_id=call_id, name="x"
        )
    talk.model("response.done", response={"id": "r1", "status": "completed"})
    talk.conversation.tool_finished("t1", "1", wants_reply=True)
    talk.play(0)
    between = talk.sent("response.create")
    talk.conversation.tool_finished("t2", "2", wants_reply=True)
    talk.play(0)

    assert between == []
    assert len(talk.sent("response.create")) == 1


def test_tool_result_crossing_a_detector_reply_is_not_answered_twice() -> None:
    """The callee spoke meanwhile: the reply which the detector makes covers the tool's result."""
    talk = Talk()
    talk.model("response.created", response={"id": "r1"})
    talk.model("response.function_call_arguments.done", response_id="r1", item_id="f", call_id="t1", name="x")
    talk.model("response.done", response={"id": "r1", "status": "completed"})
    talk.callee_starts()
    talk.conversation.tool_finished("t1", "ok", wants_reply=True)
    talk.callee_stops()
    talk.model("response.created", response={"id": "r2"})
    talk.model("response.done", response={"id": "r2", "status": "completed"})

    assert talk.sent("response.create") == []


def test_active_response_error_asks_again_later() -> None:
    """A refused `response.create` is repeated when the other response is over; it is not a failure."""
    talk = Talk()
    talk.conversation.speak_now()
    talk.model("response.created", response={"id": "r0"})
    talk.model(
        "error",
        error={
            "type": "invalid_request_error",
            "code": "conversation_already_has_active_response",
            "message": "Conversation already has an active response in progress: r0.",
        },
    )
    talk.model("response.done", response={"id": "r0", "status": "completed"})

    assert len(talk.sent("response.create")) == 2
    assert [error.benign for error in talk.happened(events.ModelErred)] == [True]


def test_truncate_past_the_end_is_repeated_once() -> None:
    """ "Already shorter than": the stated length is sent back, once."""
    talk = Talk()
    talk.reply("r1", "a1", 3000)
    talk.play(1000)
    talk.callee_starts()
    message = "Audio content of 900ms is already shorter than 960ms"
    for event_id in ("truncate:a1:0", "again:a1:0"):
        talk.model("error", error={"type": "invalid_request_error", "message": message, "event_id": event_id})

    assert [event["audio_end_ms"] for event in talk.sent("conversation.item.truncate")] == [960, 900]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("response_cancel_not_active", "Cancellation failed: no active response found"),
        ("unsupported_content_type", "Only model output audio messages can be truncated"),
        ("item_truncate_invalid_item_id", "Item with item_id does not exist"),
    ],
)
def test_benign_errors_change_nothing(code: str, message: str) -> None:
    """Errors of expected races are noted as benign."""
    talk = Talk()
    talk.model("error", error={"type": "invalid_request_error", "code": code, "message": message})

    assert talk.happened(events.ModelErred)[0].benign
    assert talk.conversation.fatal == ""


def test_quota_is_fatal() -> None:
    """Without money there is no point in going on."""
    talk = Talk()
    talk.model("error", error={"type": "server_error", "code": "insufficient_quota", "message": "no quota"})

    assert talk.conversation.fatal == "no quota"


def test_missing_response_created_is_tolerated() -> None:
    """Sound of a response that was never announced is played."""
    talk = Talk()
    talk.audio("r9", "a9", 100)
    talk.finish("r9", "a9")
    talk.play(200)

    assert len(talk.happened(events.AgentSaid)) == 1


def test_noise_that_leads_to_nothing_leaves_no_trace() -> None:
    """A false start cuts the agent; after it the model's reply is played as any other."""
    talk = Talk()
    talk.reply("r1", "a1", 2000)
    talk.play(300)
    talk.callee_starts()
    talk.callee_stops()
    talk.reply("r2", "a2", 200)
    talk.play(400)

    assert [said.is_cut for said in talk.happened(events.AgentSaid)] == [True, False]


def test_cancel_crossing_response_done() -> None:
    """The response ended while our cancel was on its way: the error is benign, the next reply plays."""
    talk = Talk()
    talk.reply("r1", "a1", 1000, done=False)
    talk.conversation.interrupt(talk.now_ms)
    talk.finish("r1", "a1")
    talk.model("error", error={"code": "response_cancel_not_active", "message": "Cancellation failed"})
    talk.reply("r2", "a2", 100)

    assert talk.playout.queued_ms == 100


def test_words_after_the_sound() -> None:
    """When the words are complete only after the last frame, the sentence is told once, with all its words."""
    talk = Talk()
    talk.reply("r1", "a1", 100, text="Hel", done=False)
    talk.model("response.output_audio.done", response_id="r1", item_id="a1")
    talk.play(200)
    early = list(talk.happened(events.AgentSaid))
    talk.model("response.output_audio_transcript.done", response_id="r1", item_id="a1", transcript="Hello.")

    assert early == []
    assert [said.heard for said in talk.happened(events.AgentSaid)] == ["Hello."]


def test_lost_connection_replays_what_was_said() -> None:
    """A fresh session gets both sides' words and the tool rounds, in order, and the agent goes on."""
    talk = Talk()
    talk.reply("r1", "a1", 100, text="Is Tuesday fine?")
    talk.play(200)
    talk.callee_starts("u1")
    talk.callee_stops("u1")
    talk.model(
        "conversation.item.added",
        item={"id": "u1", "type": "message", "role": "user", "content": [{"type": "input_audio"}]},
    )
    talk.model("conversation.item.input_audio_transcription.completed", item_id="u1", transcript="Yes.")
    talk.conversation.connection_lost(talk.now_ms)
    replayed = talk.conversation.connection_restored()
    talk.play(0)

    texts = [event["item"]["content"][0]["text"] for event in talk.sent("conversation.item.create")]
    assert (replayed, texts) == (2, ["Is Tuesday fine?", "Yes."])
    assert len(talk.sent("response.create")) == 1


def test_sentence_broken_by_the_connection_is_replayed_as_cut() -> None:
    """The rest of the sentence never came: what was received plays on, and the fresh session knows it was cut."""
    talk = Talk()
    talk.reply("r1", "a1", 1000, done=False)
    talk.play(200)
    talk.conversation.connection_lost(talk.now_ms)
    talk.conversation.connection_restored()
    talk.play(1000)

    (said,) = talk.happened(events.AgentSaid)
    assert said.is_cut
    assert len(talk.sent("response.create")) == 1


def test_items_of_a_lost_session_are_not_truncated() -> None:
    """The fresh session does not know the old item: nothing is sent about it."""
    talk = Talk()
    talk.reply("r1", "a1", 3000)
    talk.play(200)
    talk.conversation.connection_lost(talk.now_ms)
    talk.conversation.connection_restored()
    talk.callee_starts()
    talk.play(0)

    assert talk.sent("conversation.item.truncate") == []
    assert talk.playout.queued_ms == 0


def test_disclosure_is_told_when_it_was_heard() -> None:
    """The event comes with the last frame of the sentence, not when the model wrote it."""
    talk = Talk(disclosure="This is an automated assistant.")
    talk.reply("r1", "a1", 400, text="Hello, this is an automated assistant.")
    early = list(talk.happened(events.DisclosureHeard))
    talk.play(600)

    assert early == []
    assert [event.at_ms for event in talk.happened(events.DisclosureHeard)] == [400]


def test_cut_disclosure_does_not_count() -> None:
    """A disclosure of which a third was heard was not heard."""
    talk = Talk(disclosure="This is an automated assistant.")
    talk.reply("r1", "a1", 3000, text="Hello, this is an automated assistant of Riverside Dental.")
    talk.play(500)
    talk.callee_starts()

    assert talk.happened(events.DisclosureHeard) == []


def test_cut_disclosure_is_not_completed_by_another_sentence() -> None:
    """Half of a disclosure and a whole sentence after it are not a disclosure; said again to its end, it is one."""
    talk = Talk(disclosure="I am an AI assistant, and this call is recorded.")
    talk.reply("r1", "a1", 3000, text="I am an AI assistant, and this call is recorded.")
    talk.play(1200)
    talk.callee_starts()
    talk.callee_stops()
    talk.reply("r2", "a2", 1000, text="I am calling on behalf of Riverside Dental.")
    talk.play(1500)
    assert talk.happened(events.DisclosureHeard) == []

    talk.reply("r3", "a3", 1000, text="I am an AI assistant.")
    talk.play(1500)
    assert len(talk.happened(events.DisclosureHeard)) == 1


def test_unknown_event_is_kept() -> None:
    """An event type that nobody has heard of is noted and harmless; a known, unused one is not noted."""
    talk = Talk()
    talk.model("response.sung", note="la")
    talk.model("rate_limits.updated", rate_limits=[])

    assert [event.type for event in talk.happened(events.Unknown)] == ["response.sung"]


def test_quiet_only_when_nobody_is_about_to_speak() -> None:
    """Quiet means: nothing queued, nothing asked for, no tool open, the callee silent."""
    talk = Talk()
    assert talk.conversation.is_quiet
    talk.reply("r1", "a1", 100)
    assert not talk.conversation.is_quiet
    talk.play(200)
    assert talk.conversation.is_quiet
    talk.callee_starts()
    assert not talk.conversation.is_quiet


def test_sound_after_the_end_of_its_response_is_dropped() -> None:
    """A server that sends on after a cut response is done starts nothing, and blocks no later reply."""
    talk = Talk()
    talk.reply("r1", "a1", 500, done=False)
    talk.play(100)
    talk.callee_starts()
    talk.callee_stops()
    talk.finish("r1", "a1", status="cancelled")
    talk.audio("r1", "a1", 110)
    talk.reply("r2", "a2", 200, text="Yes?")
    talk.play(400)

    assert [said.heard for said in talk.happened(events.AgentSaid)][1:] == ["Yes?"]
    assert talk.conversation.is_quiet is True


@pytest.mark.parametrize("is_cut_at_birth", [True, False])
def test_item_of_a_cut_response_that_was_never_played_is_deleted(is_cut_at_birth: bool) -> None:
    """The callee cut in before its first sound came: the model must not believe that it was said."""
    talk = Talk()
    if is_cut_at_birth:
        talk.callee_starts()
    talk.model("response.created", response={"id": "r1"})
    talk.callee_starts()
    talk.audio("r1", "a1", 300)
    talk.finish("r1", "a1", status="cancelled")

    assert [event["item_id"] for event in talk.sent("conversation.item.delete")] == ["a1"]


def test_item_that_was_cut_while_played_is_not_deleted() -> None:
    """Its beginning was heard: it stays, truncated; only what came after it in the same response goes."""
    talk = Talk()
    talk.reply("r1", "a1", 2000, done=False)
    talk.play(500)
    talk.callee_starts()
    talk.model("response.output_audio.done", response_id="r1", item_id="a1")
    talk.finish("r1", "a2", status="cancelled")

    assert [event["item_id"] for event in talk.sent("conversation.item.truncate")] == ["a1"]
    assert [event["item_id"] for event in talk.sent("conversation.item.delete")] == ["a2"]


def test_response_that_was_never_announced_can_be_cut() -> None:
    """It begins with its first sound; what comes of it after the callee cut in is dropped."""
    talk = Talk()
    talk.audio("r1", "a1", 500)
    talk.play(100)
    talk.callee_starts()
    talk.audio("r1", "a1", 500)

    assert talk.playout.queued_ms == 0
    assert [began.response_id for began in talk.happened(events.ReplyBegan)] == ["r1"]


def test_tool_that_outlives_the_connection_is_waited_for() -> None:
    """The fresh session is asked for one reply, when the tool has returned, not for one before and one after."""
    talk = Talk()
    talk.tool("r1", "t1")
    talk.conversation.connection_lost(talk.now_ms)
    talk.conversation.connection_restored()
    talk.wait(100)
    before = talk.asked()
    talk.tool_returns("t1")

    assert (before, talk.asked()) == ([], [""])


def test_utterance_without_a_transcription_leaves_a_trace() -> None:
    """The callee spoke: the transcript and a fresh session are told so, and the cause is noted."""
    talk = Talk()
    talk.reply("r1", "a1", 100, text="Is Tuesday fine?")
    talk.play(200)
    error = {"type": "server_error", "code": "audio_unintelligible", "message": "Could not be transcribed."}
    talk.model("conversation.item.input_audio_transcription.failed", item_id="u1", content_index=0, error=error)
    talk.conversation.connection_lost(talk.now_ms)
    talk.conversation.connection_restored()
    talk.play(0)

    assert [(said.item_id, said.text) for said in talk.happened(events.CalleeSaid)] == [("u1", "(not understood)")]
    assert [(error.code, error.benign) for error in talk.happened(events.ModelErred)] == [
        ("audio_unintelligible", False)
    ]
    told = talk.sent("conversation.item.create")[-1]["item"]
    assert (told["role"], told["content"][0]["text"]) == ("system", "The callee spoke (not understood).")
    assert talk.asked() == [""]


def test_words_to_the_agent_outlive_the_connection() -> None:
    """What a supervisor or a pressed key told it, also while there was no session, the fresh one is told in its place."""
    talk = Talk()
    talk.reply("r1", "a1", 100, text="Is Tuesday fine?")
    talk.play(200)
    talk.conversation.coach("Offer Wednesday.")
    talk.conversation.connection_lost(talk.now_ms)
    talk.conversation.coach("The callee pressed the key 1.")
    talk.play(0)
    talk.effects = Effects()
    talk.conversation.connection_restored()
    talk.play(0)

    items = [event["item"] for event in talk.sent("conversation.item.create")]
    assert [(item["role"], item["content"][0]["text"]) for item in items] == [
        ("assistant", "Is Tuesday fine?"),
        ("system", "Offer Wednesday."),
        ("system", "The callee pressed the key 1."),
    ]
    assert talk.asked() == []


def test_answer_whose_words_were_lost_with_the_connection_is_asked_for_again() -> None:
    """The callee had answered: the fresh session knows that, and speaks; an empty turn of the detector's is none."""
    for is_answer in (True, False):
        talk = Talk()
        talk.reply("r1", "a1", 100, text="Is Tuesday fine?")
        talk.play(200)
        if not is_answer:
            talk.model("input_audio_buffer.timeout_triggered", item_id="u1", audio_start_ms=0, audio_end_ms=0)
        user = {"id": "u1", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
        talk.model("conversation.item.added", item=user)
        talk.conversation.connection_lost(talk.now_ms)
        talk.conversation.connection_restored()
        talk.play(0)

        assert [said.text for said in talk.happened(events.CalleeSaid)] == ["(not understood)"] * is_answer
        assert talk.asked() == [""] * is_answer

"""Responses under every order of events: what must hold whoever is faster, the callee, the model or we."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opendeep_kit.voice.response_requests import Responses
from opendeep_kit.voice.response_state import UNDER_WAY, ResponseState
from tests.voice.test_conversation import Talk

MOVES = st.lists(
    st.sampled_from(
        [
            *["serve", "serve", "announce", "sound", "end", "fail", "callee_starts", "callee_stops"],
            *["detector", "speak", "say", "take_over", "lose", "wait", "wait_long", "limits", "tool", "tool_returns"],
        ]
    ),
    max_size=40,
)


class Model:
    """A server that keeps to the protocol: one response at a time, a second request is refused, a cut one ends.

    Requests cross the beginning of its own responses, but it has read them before it has sound to send.
    """

    def __init__(self, talk: Talk, *, announces: bool) -> None:
        self.talk = talk
        self.announces = announces
        self.active = ""
        self.words: dict[str, str] = {}
        """Instructions of each response that we asked for."""
        self.done: set[str] = set()
        """Those of which sound was taken, which came to their end, or which the callee spoke over."""
        self.open_requests: set[str] = set()
        self.sentence = ""
        """What a supervisor asked for last."""
        self.tools: list[str] = []
        self.is_away = self.has_failed = False
        self._read = self._named = 0
        self._inbox: list[dict[str, Any]] = []

    def play(self, move: str) -> None:
        """One move of the callee's, the server's or ours."""
        act: Callable[[], None] = getattr(self, f"_{move}")
        act()
        self._collect()

    def come_to_rest(self) -> None:
        """Nobody does anything new, and the server does what it owes."""
        if self.is_away:
            self._wait()
        self._callee_stops()
        for tool in [*self.tools]:
            self.tools.remove(tool)
            self.talk.tool_returns(tool)
        for _ in range(30):
            self._collect()
            self._serve()
            self._sound()
            self._end()
            self.talk.now_ms += 7000
            self.talk.wait(200)

    def _collect(self) -> None:
        for text in self.talk.effects.sends[self._read :]:
            event = json.loads(text)
            if event["type"] == "response.create":
                assert not self.open_requests, "a second request while one is unanswered"
                self.open_requests.add(event["event_id"])
            self._inbox += [event] * (event["type"] in ("response.create", "response.cancel"))
        self._read = len(self.talk.effects.sends)

    def _name(self, letter: str) -> str:
        self._named += 1
        return f"{letter}{self._named}"

    def _read_requests(self) -> None:
        while any(event["type"] == "response.create" for event in self._inbox):
            self._serve(1)

    def _serve(self, at_most: int = 100) -> None:
        for _ in self._inbox[:at_most]:
            event = self._inbox.pop(0)
            if event["type"] == "response.cancel" and event["response_id"] == self.active:
                self._close("cancelled")
            elif event["type"] == "response.create":
                self.open_requests.discard(event["event_id"])
                if self.active:
                    self.talk.error("conversation_already_has_active_response", event["event_id"])
                else:
                    self._open(event.get("response", {}).get("instructions", ""))

    def _open(self, words: str | None = None) -> None:
        self.active = self._name("r")
        if words is not None:
            self.words[self.active] = words
        if self.announces or words is None:
            self.talk.model("response.created", response={"id": self.active})

    def _close(self, status: str) -> None:
        if status != "cancelled":
            self._read_requests()
        response, self.active = self.active, ""
        if response:
            self.talk.model("response.done", response={"id": response, "status": status})

    def _announce(self) -> None:
        if self.active:
            self.talk.model("response.created", response={"id": self.active})

    def _sound(self) -> None:
        self._read_requests()
        if self.active:
            if self.talk.conversation.wants_audio(self.active):
                self.done.add(self.words.get(self.active, ""))
            self.talk.audio(self.active, f"i{self.active}", 100)

    def _end(self) -> None:
        self._read_requests()
        self.has_failed = self.has_failed and not self.active
        self.done.add(self.words.get(self.active, ""))
        self._close("completed")

    def _fail(self) -> None:
        if self.active and not self.has_failed:
            self.has_failed = True
            self._close("failed")

    def _callee_starts(self) -> None:
        if not (self.talk.conversation.callee_speaks or self.is_away):
            self._read_requests()
            self.done.add(self.words.get(self.active, ""))
            self.talk.callee_starts(self._name("u"))
            self._close("cancelled")

    def _callee_stops(self) -> None:
        if self.talk.conversation.callee_speaks and not self.is_away:
            self.talk.callee_stops(f"u{self._named}")

    def _detector(self) -> None:
        if not (self.active or self.talk.conversation.callee_speaks or self.is_away):
            self._open()

    def _speak(self) -> None:
        self.talk.ask("nudge")

    def _say(self) -> None:
        self.sentence = self._name("sentence ")
        self.talk.conversation.say(self.sentence, self.talk.now_ms)
        self.talk.play(0)

    def _take_over(self) -> None:
        self.sentence = ""
        self.talk.conversation.fall_silent(self.talk.now_ms)
        self.talk.play(0)

    def _lose(self) -> None:
        if not self.is_away:
            self.is_away, self.active = True, ""
            self._inbox.clear()
            self.open_requests.clear()
            self.talk.conversation.connection_lost(self.talk.now_ms)
            self.talk.play(0)

    def _wait(self) -> None:
        if self.is_away:
            self.is_away = False
            self.talk.conversation.connection_restored()
        self.talk.wait(100)

    def _wait_long(self) -> None:
        self.talk.wait(2000)

    def _limits(self) -> None:
        spent = {"name": "tokens", "limit": 100, "remaining": 0, "reset_seconds": 3}
        self.talk.model("rate_limits.updated", rate_limits=[spent])

    def _tool(self) -> None:
        if self.active:
            tool = self._name("t")
            self.talk.model(
                "response.function_call_arguments.done", response_id=self.active, item_id=tool, call_id=tool
            )
            if tool in [call.call_id for call in self.talk.effects.tool_calls]:
                self.tools.append(tool)

    def _tool_returns(self) -> None:
        if self.tools:
            self.talk.tool_returns(self.tools.pop(0))


@settings(max_examples=100, deadline=None)
@given(moves=MOVES, announces=st.booleans(), interrupts=st.booleans())
def test_any_order_comes_to_rest(moves: list[str], *, announces: bool, interrupts: bool) -> None:
    """One request at a time, whatever happens; and in the end nothing is wanted, active or left half cut."""
    talk = Talk(interrupts=interrupts)
    model = Model(talk, announces=announces)
    for move in moves:
        model.play(move)
    model.come_to_rest()

    assert talk.conversation.fatal == ""
    assert (talk.conversation.is_owed, talk.conversation.is_quiet) == (False, True)


@settings(max_examples=100, deadline=None)
@given(before=MOVES, after=MOVES, announces=st.booleans())
def test_sentence_of_a_supervisors_is_never_lost(before: list[str], after: list[str], *, announces: bool) -> None:
    """The last one is begun sooner or later, with its words, though failures and breaks come between."""
    talk = Talk()
    model = Model(talk, announces=announces)
    for move in (*before, "say", *after):
        model.play(move)
    model.come_to_rest()

    assert not model.sentence or model.sentence in model.done


RESPONSES = st.lists(
    st.tuples(
        st.sampled_from(["want", "must", "withdraw", "next", "began", "ended", "failed", "refused", "cut", "tick"]),
        st.sampled_from(["", "r1", "r2", "create:1", "create:2"]),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(steps=RESPONSES)
def test_no_report_of_the_models_is_an_error(steps: list[tuple[str, str]]) -> None:
    """Ids that nobody knows, ends without beginnings, refusals of nothing: at most one response is active."""
    responses, now_ms = Responses(), 0.0
    for step, name in steps:
        now_ms += 600
        match step:
            case "want" | "must":
                responses.want(must=step == "must")
            case "withdraw":
                responses.withdraw()
            case "next":
                is_free = responses.state is ResponseState.IDLE
                assert is_free or responses.next_request() is None
                responses.next_request()
            case "began":
                assert responses.began(name) is (responses.state is ResponseState.ACTIVE)
            case "ended" | "failed":
                responses.ended(name, "failed" if step == "failed" else "completed", now_ms)
            case "refused":
                responses.refused(name, now_ms)
            case "cut":
                responses.cut()
            case "tick":
                responses.tick(now_ms)
        assert responses.is_owed is (responses.state in UNDER_WAY)
        assert responses.is_owed or responses.active_id == ""

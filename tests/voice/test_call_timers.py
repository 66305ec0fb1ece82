"""When the agent opens, asks into a silence, and when the call is over; time is a number the test holds."""

from typing import Any

import pytest

from opendeep_kit import events
from opendeep_kit.outcomes import EndedBy
from opendeep_kit.settings import CallSettings
from opendeep_kit.voice.call_timers import CallAction, CallTimers, DueAction
from opendeep_kit.voice.tools import FollowUp

SETTINGS = CallSettings(greeting_wait_s=1.5, max_duration_s=60, silence_nudge_s=7, max_nudges=2, goodbye_limit_s=15)
AT = {"call_id": "c", "at_ms": 0.0}
STEP_MS = 100


class Watch:
    """`CallTimers` checked ten times a second, with its decisions and their times."""

    def __init__(self) -> None:
        self.timers = CallTimers(SETTINGS)
        self.now_ms = 0
        self.decided: list[tuple[int, CallAction]] = []
        self.last: DueAction | None = None

    def note(self, kind: type[events.Event], **fields: Any) -> None:
        """Something happened now."""
        self.timers.note(kind(**AT, **fields), self.now_ms)

    def wait(self, ms: int, *, is_quiet: bool = True) -> None:
        """Let time pass."""
        for _ in range(ms // STEP_MS):
            self.now_ms += STEP_MS
            decision = self.timers.check(self.now_ms, is_quiet=is_quiet)
            if decision is not None:
                self.last = decision
                self.decided.append((self.now_ms, decision.action))
                if decision.action is CallAction.NUDGE:
                    self.note(events.Nudged)


@pytest.fixture
def watch() -> Watch:
    """A call answered at 0 ms."""
    made = Watch()
    made.note(events.Answered)
    return made


def opened(watch: Watch) -> Watch:
    """The agent has opened and ended its first turn at 2000 ms."""
    watch.note(events.ReplyBegan, response_id="r1")
    watch.wait(2000, is_quiet=False)
    watch.note(events.AgentSaid, item_id="a", meant="", heard="", heard_ms=0, received_ms=0, is_cut=False)
    return watch


def test_nothing_before_the_answer() -> None:
    """While it rings nothing is due, however long it takes."""
    ringing = Watch()
    ringing.wait(120_000)

    assert ringing.decided == []
    assert not ringing.timers.is_answered


def test_agent_opens_when_the_callee_waits(watch: Watch) -> None:
    """After the greeting's time the agent opens, once."""
    watch.wait(3000)

    assert watch.decided == [(1500, CallAction.OPEN)]


def test_callee_who_greets_is_not_opened_upon(watch: Watch) -> None:
    """Who says hello is answered by the model itself; no opening of ours comes on top."""
    watch.wait(500)
    watch.note(events.SpeechStarted, item_id="u1")
    watch.wait(1000, is_quiet=False)
    watch.note(events.SpeechStopped, item_id="u1")
    watch.wait(3000)

    assert watch.decided == []


def test_nobody_is_interrupted_by_the_opening(watch: Watch) -> None:
    """As long as somebody speaks nothing is decided."""
    watch.wait(10_000, is_quiet=False)

    assert watch.decided == []


def test_silence_is_asked_into_then_ended(watch: Watch) -> None:
    """Two unanswered questions into the silence, then the line is closed on our own account."""
    opened(watch).wait(25_000)

    assert watch.decided == [(9100, CallAction.NUDGE), (16100, CallAction.NUDGE), (23100, CallAction.HANG_UP)]
    assert watch.last == DueAction(CallAction.HANG_UP, EndedBy.LIMIT, "the callee stayed silent")


def test_models_own_nudges_count(watch: Watch) -> None:
    """A model whose detector asks into the silence (`idle_timeout_ms`) asks no oftener than we would."""
    opened(watch)
    for n in range(3):
        watch.wait(5000)
        watch.note(events.Nudged)
        watch.wait(100)
        watch.note(events.ReplyBegan, response_id=f"n{n}")
        watch.wait(1000, is_quiet=False)

    assert watch.decided[0] == (19_300, CallAction.HANG_UP)
    assert watch.last == DueAction(CallAction.HANG_UP, EndedBy.LIMIT, "the callee stayed silent")


def test_models_own_nudges_are_forgotten_when_the_callee_speaks(watch: Watch) -> None:
    """However many there were: it is the unanswered ones that count."""
    opened(watch)
    for n in range(4):
        watch.wait(5000)
        watch.note(events.Nudged)
        watch.note(events.ReplyBegan, response_id=f"n{n}")
        watch.wait(1000, is_quiet=False)
        watch.note(events.SpeechStarted, item_id=f"u{n}")
        watch.note(events.SpeechStopped, item_id=f"u{n}")

    assert watch.decided == []


def test_answer_makes_the_count_begin_again(watch: Watch) -> None:
    """A callee who speaks between two nudges is asked twice more before the end."""
    opened(watch).wait(8000)
    watch.note(events.SpeechStarted, item_id="u1")
    watch.note(events.SpeechStopped, item_id="u1")
    watch.wait(15_000)

    assert [do for _, do in watch.decided] == [CallAction.NUDGE, CallAction.NUDGE, CallAction.NUDGE]


def test_pressed_key_is_a_sign_of_life(watch: Watch) -> None:
    """A key pressed puts the nudge off."""
    opened(watch).wait(6000)
    watch.note(events.DigitReceived, digit="1")
    watch.wait(6000)

    assert watch.decided == []


def test_callee_who_answers_by_keys_is_not_silent(watch: Watch) -> None:
    """However long each answer takes, it makes the count begin again."""
    opened(watch)
    for _ in range(4):
        watch.wait(8000)
        watch.note(events.DigitReceived, digit="1")

    assert [do for _, do in watch.decided] == [CallAction.NUDGE] * 4


def test_events_of_no_weight_put_nothing_off(watch: Watch) -> None:
    """A tool's return or a model's error is no talk: the silence counts on."""
    opened(watch).wait(6000)
    watch.note(events.ModelErred, code="x", message="", benign=True)
    watch.wait(1200)

    assert watch.decided == [(9100, CallAction.NUDGE)]


def test_longest_duration_ends_even_a_lively_call(watch: Watch) -> None:
    """The limit holds while somebody speaks; it counts from the answer."""
    watch.note(events.SpeechStarted, item_id="u1")
    watch.wait(60_200, is_quiet=False)

    assert watch.decided[0] == (60_100, CallAction.HANG_UP)
    assert watch.last == DueAction(CallAction.HANG_UP, EndedBy.LIMIT, "maximum duration reached")


def test_goodbye_is_finished_first(watch: Watch) -> None:
    """The line closes half a second after the last word of the goodbye, not with the tool call."""
    opened(watch)
    watch.note(events.EndAsked, reason="completed")
    watch.timers.plan_end(FollowUp.HANG_UP, watch.now_ms)
    watch.wait(3000, is_quiet=False)
    watch.wait(1000)

    assert watch.decided == [(5600, CallAction.HANG_UP)]
    assert watch.last == DueAction(CallAction.HANG_UP, EndedBy.AGENT, "completed")


def test_endless_goodbye_is_cut(watch: Watch) -> None:
    """A model that talks on after `end_call` is cut at the limit."""
    opened(watch)
    watch.timers.plan_end(FollowUp.HANG_UP, watch.now_ms)
    watch.wait(16_000, is_quiet=False)

    assert watch.decided == [(17_000, CallAction.HANG_UP)]


def test_interrupted_goodbye_is_no_end(watch: Watch) -> None:
    """ "Wait, one more thing": the planned end is off and the call goes on."""
    opened(watch)
    watch.timers.plan_end(FollowUp.HANG_UP, watch.now_ms)
    watch.note(events.AgentInterrupted, item_id="a", heard_ms=1, dropped_ms=1, last_frame_ms=1)
    watch.wait(6000)

    assert watch.decided == []


def test_transfer_comes_when_everything_is_said(watch: Watch) -> None:
    """A hand-over waits like a goodbye, and carries the callee's wish."""
    opened(watch)
    watch.note(events.TransferAsked, reason="billing")
    watch.timers.plan_end(FollowUp.TRANSFER, watch.now_ms)
    watch.wait(1000, is_quiet=False)
    watch.wait(1000)

    assert watch.decided == [(3600, CallAction.TRANSFER)]
    assert watch.last == DueAction(CallAction.TRANSFER, EndedBy.AGENT, "billing")


@pytest.mark.parametrize("then", [FollowUp.REPLY, FollowUp.NOTHING])
def test_other_tools_end_nothing(watch: Watch, then: FollowUp) -> None:
    """Only hanging up and transferring are plans."""
    opened(watch)
    watch.timers.plan_end(then, watch.now_ms)
    watch.wait(5000)

    assert watch.decided == []


@pytest.mark.parametrize(("is_given_up", "decided"), [(False, [(2000, CallAction.FILL)]), (True, [])])
def test_word_of_our_own_is_for_a_model_that_may_come_back(
    watch: Watch, *, is_given_up: bool, decided: list[tuple[int, CallAction]]
) -> None:
    """The callee is asked to wait, but not after the goodbye that parts them from a model lost for good."""
    watch.note(events.ModelLost, code=0, reason="lost")
    if is_given_up:
        watch.note(events.ModelGivenUp)
    watch.wait(4000, is_quiet=False)

    assert watch.decided == decided

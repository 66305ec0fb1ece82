"""When the model is asked for a response: crossings, failures and waits, on a whole conversation."""

import pytest

from opendeep_kit import events
from opendeep_kit.voice.response_requests import CROSSED_MS, DETECTOR_MS, LONGEST_RETRY_MS, RETRY_AFTER_MS
from tests.voice.test_conversation import Talk

ACTIVE = "conversation_already_has_active_response"
WORDS = 'Say exactly: "One moment."'


def fail(talk: Talk, response: str, code: str = "server_error") -> None:
    """A response that comes to nothing."""
    talk.model("response.created", response={"id": response})
    details = {"type": "failed", "error": {"code": code}}
    talk.model("response.done", response={"id": response, "status": "failed", "status_details": details})


def done(talk: Talk, response: str, status: str = "completed") -> None:
    """A response's end."""
    talk.model("response.done", response={"id": response, "status": status})


# ---- failures ---------------------------------------------------------------------------------------


def test_failed_response_is_asked_for_again_after_a_while() -> None:
    """Each failure waits twice as long as the one before; the third ends the session."""
    talk = Talk()
    talk.ask(WORDS)
    fail(talk, "r1")
    talk.wait(RETRY_AFTER_MS - 100)
    early = talk.asked()
    talk.wait(100)
    fail(talk, "r2")
    talk.wait(2 * RETRY_AFTER_MS - 100)
    still_early = talk.asked()
    talk.wait(100)
    hopeful = talk.conversation.fatal
    fail(talk, "r3")

    assert (early, still_early, talk.asked()) == ([WORDS], [WORDS] * 2, [WORDS] * 3)
    assert (hopeful, bool(talk.conversation.fatal)) == ("", True)


def test_waiting_for_another_attempt_is_no_quiet_and_no_stall() -> None:
    """Nobody is nudged meanwhile, and the model owes nothing."""
    talk = Talk()
    fail(talk, "r1")

    assert (talk.conversation.is_quiet, talk.conversation.is_owed) == (False, False)


@pytest.mark.parametrize(("reset_s", "waited_ms"), [(3.0, 3000), (60.0, LONGEST_RETRY_MS), (0.1, RETRY_AFTER_MS)])
def test_spent_allowance_is_waited_for(reset_s: float, waited_ms: float) -> None:
    """As long as the model says, but never so long that a goodbye would be kinder."""
    talk = Talk()
    fail(talk, "r1", "rate_limit_exceeded")
    spent = {"name": "tokens", "limit": 40_000, "remaining": 100, "reset_seconds": reset_s}
    plenty = {"name": "requests", "limit": 500, "remaining": 400, "reset_seconds": 59}
    talk.model("rate_limits.updated", rate_limits=[spent, plenty])
    talk.wait(waited_ms - 100)
    early = talk.asked()
    talk.wait(100)

    assert (early, talk.asked()) == ([], [""])


def test_allowances_after_a_success_hold_nothing_up() -> None:
    """They come after every response; only after a failure they say when to try again."""
    talk = Talk()
    talk.reply("r1", "a1", 100)
    talk.model("rate_limits.updated", rate_limits=[{"name": "tokens", "remaining": 0, "reset_seconds": 60}])
    talk.ask()

    assert talk.asked() == [""]


def test_callee_who_speaks_during_the_wait_is_answered_once() -> None:
    """The detector's reply takes the place of the attempt that waited."""
    talk = Talk()
    fail(talk, "r1")
    talk.callee_starts()
    talk.callee_stops()
    talk.reply("r2", "a2", 100)
    talk.wait(2 * RETRY_AFTER_MS)

    assert talk.asked() == []


def test_request_that_is_refused_is_a_failure() -> None:
    """An error about our own request frees the way for the next one."""
    talk = Talk()
    talk.ask(WORDS)
    talk.error("server_error", talk.sent("response.create")[0]["event_id"])
    talk.wait(RETRY_AFTER_MS)

    assert talk.asked() == [WORDS, WORDS]


def test_error_about_something_else_is_none_of_our_request() -> None:
    """A refused truncation does not make us ask twice."""
    talk = Talk()
    talk.ask()
    talk.error("server_error", "truncate:a1:0")
    talk.wait(2 * RETRY_AFTER_MS)

    assert talk.asked() == [""]


def test_request_that_is_refused_after_an_interruption_is_owed_no_more() -> None:
    """Nobody wants it, so it is not asked for again, and a healthy session is not taken for one that stalls."""
    talk = Talk()
    talk.ask(WORDS)
    talk.conversation.interrupt(talk.now_ms)
    talk.error("server_error", talk.sent("response.create")[0]["event_id"])
    talk.wait(RETRY_AFTER_MS)

    assert not talk.conversation.is_owed
    assert talk.asked() == [WORDS]


def test_end_that_is_told_twice_frees_no_way() -> None:
    """The second time it is not taken for the end of what was asked for since: one request at a time."""
    talk = Talk()
    talk.reply("r1", "a1", 100)
    talk.ask(WORDS)
    done(talk, "r1")
    talk.ask("Another.")

    assert talk.asked() == [WORDS]
    assert talk.conversation.is_owed


def test_end_of_a_response_that_was_replaced_frees_no_way() -> None:
    """Another has begun meanwhile: the next request waits for the end of that one."""
    talk = Talk()
    talk.model("response.created", response={"id": "r1"})
    talk.model("response.created", response={"id": "r2"})
    talk.ask()
    done(talk, "r1")
    between = talk.asked()
    done(talk, "r2")

    assert (between, talk.asked()) == ([], [""])


def test_end_without_an_id_is_that_of_the_active_response() -> None:
    """Some servers name none: it does not hold the talk up."""
    talk = Talk()
    talk.model("response.created", response={"id": "r1"})
    talk.ask()
    talk.model("response.done", response={"status": "completed"})

    assert talk.asked() == [""]


# ---- responses never announced ----------------------------------------------------------------------


def test_end_of_a_response_never_announced_frees_the_way() -> None:
    """What we asked for is over though we never heard of its beginning: the next wish is asked for at once."""
    talk = Talk()
    talk.ask()
    done(talk, "r1")
    quiet = talk.conversation.is_quiet
    talk.ask()

    assert (quiet, talk.asked()) == (True, ["", ""])


def test_failure_never_announced_is_asked_for_again() -> None:
    """With the same words."""
    talk = Talk()
    talk.ask(WORDS)
    done(talk, "r1", "failed")
    talk.wait(RETRY_AFTER_MS)

    assert talk.asked() == [WORDS, WORDS]


def test_interruption_does_not_outlive_the_response_it_was_meant_for() -> None:
    """It ended before it was announced: the next reply is not cancelled in its place."""
    talk = Talk()
    talk.ask()
    talk.conversation.interrupt(talk.now_ms)
    done(talk, "r1", "cancelled")
    talk.reply("r2", "a2", 100)

    assert talk.sent("response.cancel") == []
    assert talk.playout.queued_ms == 100


# ---- crossings --------------------------------------------------------------------------------------


def test_refused_words_are_not_lost() -> None:
    """Another response was active: ours is asked for again with its words, when that one is over."""
    talk = Talk()
    talk.ask(WORDS)
    talk.model("response.created", response={"id": "r0"})
    talk.error(ACTIVE)
    done(talk, "r0")

    assert talk.asked() == [WORDS, WORDS]


def test_refusal_without_another_response_in_sight_is_asked_again() -> None:
    """The other response ended before the refusal came: nothing else would wake us."""
    talk = Talk()
    talk.ask()
    talk.error(ACTIVE)
    talk.wait(CROSSED_MS)

    assert talk.asked() == ["", ""]


@pytest.mark.parametrize("has_begun", [True, False])
def test_refused_request_is_not_repeated_after_a_take_over(has_begun: bool) -> None:
    """A person leads the talk now: what was on its way is forgotten."""
    talk = Talk()
    talk.ask()
    if has_begun:
        talk.model("response.created", response={"id": "r0"})
    talk.conversation.fall_silent(talk.now_ms)
    talk.error(ACTIVE)
    if has_begun:
        done(talk, "r0", "cancelled")
    talk.wait(10_000)

    assert talk.asked() == [""]
    assert talk.conversation.is_quiet


def test_failed_response_is_not_repeated_after_a_take_over() -> None:
    """Not even the one that the detector had asked for."""
    talk = Talk()
    talk.model("response.created", response={"id": "r0"})
    talk.conversation.fall_silent(talk.now_ms)
    done(talk, "r0", "failed")
    talk.wait(10_000)

    assert talk.asked() == []


def test_detector_that_does_not_reply_is_replaced() -> None:
    """The tool's result waits for the detector's reply, but not for ever."""
    talk = Talk()
    talk.tool("r1", "t1")
    talk.callee_starts()
    talk.tool_returns("t1")
    talk.callee_stops()
    talk.wait(DETECTOR_MS - 100)
    early = talk.asked()
    talk.wait(100)

    assert (early, talk.asked()) == ([], [""])


def test_words_that_the_detector_made_superfluous_are_forgotten() -> None:
    """A nudge that met the callee's answer is not said in some later turn."""
    talk = Talk()
    talk.callee_starts()
    talk.ask(WORDS)
    talk.callee_stops()
    talk.reply("r1", "a1", 100)
    talk.play(200)
    talk.tool("r2", "t1")
    talk.tool_returns("t1")

    assert talk.asked() == [""]


def test_long_sentence_of_the_callees_is_no_stall() -> None:
    """A tool's result waits for its end; meanwhile the model owes us nothing."""
    talk = Talk()
    talk.tool("r1", "t1")
    talk.callee_starts()
    talk.tool_returns("t1")

    assert not talk.conversation.is_owed
    assert not talk.conversation.is_quiet


# ---- a supervisor's sentence ------------------------------------------------------------------------


def test_sentence_is_said_instead_of_the_detectors_reply() -> None:
    """Given while the callee speaks, it is the next thing the agent says."""
    talk = Talk()
    talk.callee_starts()
    talk.conversation.say(WORDS, talk.now_ms)
    talk.callee_stops()
    talk.model("response.created", response={"id": "r0"})
    done(talk, "r0", "cancelled")

    assert [event["response_id"] for event in talk.sent("response.cancel")] == ["r0"]
    assert talk.asked() == [WORDS]


def test_sentence_that_crosses_a_reply_cuts_it() -> None:
    """The detector was faster: its reply makes way, and the sentence is said."""
    talk = Talk()
    talk.conversation.say(WORDS, talk.now_ms)
    talk.model("response.created", response={"id": "r0"})
    talk.audio("r0", "a0", 500)
    talk.error(ACTIVE, "create:1")
    queued_ms = talk.playout.queued_ms
    done(talk, "r0", "cancelled")
    talk.reply("r1", "a1", 100)

    assert (queued_ms, talk.playout.queued_ms) == (0, 100)
    assert talk.asked() == [WORDS, WORDS]


def test_sentence_is_not_replaced_by_a_wish() -> None:
    """The callee speaks and presses a key: what the supervisor gave is still the next thing the agent says."""
    talk = Talk()
    talk.callee_starts()
    talk.conversation.say(WORDS, talk.now_ms)
    talk.ask()
    talk.callee_stops()
    talk.model("response.created", response={"id": "r0"})
    done(talk, "r0", "cancelled")

    assert talk.asked() == [WORDS]


def test_sentence_that_was_refused_is_not_replaced_by_a_wish() -> None:
    """The callee pressed a key while it crossed the detector's reply: it is still what is asked for next."""
    talk = Talk()
    talk.conversation.say(WORDS, talk.now_ms)
    talk.model("response.created", response={"id": "r0"})
    talk.ask("Answer the key.")
    talk.error(ACTIVE, "create:1")
    done(talk, "r0", "cancelled")

    assert talk.asked() == [WORDS, WORDS]


@pytest.mark.parametrize("is_silenced", [False, True])
def test_sentence_that_the_callee_spoke_over_is_said_afterwards(is_silenced: bool) -> None:
    """It was asked for, and the callee began before it did: nobody heard it, so it is asked for again."""
    talk = Talk()
    if is_silenced:
        talk.conversation.fall_silent(talk.now_ms)
    talk.conversation.say(WORDS, talk.now_ms)
    talk.callee_starts()
    talk.model("response.created", response={"id": "r0"})
    done(talk, "r0", "cancelled")
    talk.callee_stops()
    if not is_silenced:
        talk.model("response.created", response={"id": "r1"})
        done(talk, "r1", "cancelled")

    assert [event["response_id"] for event in talk.sent("response.cancel")] == ["r0", "r1"][: 2 - is_silenced]
    assert talk.asked() == [WORDS, WORDS]


def test_sentence_outlives_the_connection() -> None:
    """Asked for or begun when the connection broke, or given while there was none, it is said by the next session."""
    for is_early, has_begun in ((True, False), (True, True), (False, False)):
        talk = Talk()
        if is_early:
            talk.conversation.say(WORDS, talk.now_ms)
        if has_begun:
            talk.model("response.created", response={"id": "r0"})
        talk.conversation.connection_lost(talk.now_ms)
        talk.play(0)
        if not is_early:
            talk.conversation.say(WORDS, talk.now_ms)
        lost = len(talk.asked())
        talk.conversation.connection_restored()
        talk.play(0)

        assert talk.asked()[lost:] == [WORDS]


@pytest.mark.parametrize("has_begun", [False, True])
def test_opening_outlives_the_connection(has_begun: bool) -> None:
    """Asked for, or begun, but not a sound of it came: the next session owes it, and meanwhile it is quiet."""
    talk = Talk()
    talk.ask()
    if has_begun:
        talk.model("response.created", response={"id": "r0"})
    talk.conversation.connection_lost(talk.now_ms)
    quiet = talk.conversation.is_quiet
    talk.conversation.connection_restored()
    talk.play(0)

    assert (quiet, talk.asked()) == (True, ["", ""])


@pytest.mark.parametrize("is_later", [False, True])
def test_opening_does_not_outlive_a_take_over(is_later: bool) -> None:
    """A person leads the talk, before the connection breaks or after: the next session owes nothing."""
    talk = Talk()
    talk.ask()
    if not is_later:
        talk.conversation.fall_silent(talk.now_ms)
    talk.conversation.connection_lost(talk.now_ms)
    if is_later:
        talk.conversation.fall_silent(talk.now_ms)
    talk.play(0)
    talk.conversation.connection_restored()
    talk.play(0)

    assert talk.asked() == [""]


def test_sentence_is_not_repeated_when_it_was_begun() -> None:
    """It is being said when the connection breaks: the fresh session goes on from there by itself."""
    talk = Talk()
    talk.conversation.say(WORDS, talk.now_ms)
    talk.reply("r1", "a1", 1000, done=False)
    talk.play(200)
    talk.conversation.connection_lost(talk.now_ms)
    talk.conversation.connection_restored()
    talk.play(0)

    assert talk.asked() == [WORDS, ""]
    assert talk.happened(events.ModelErred) == []

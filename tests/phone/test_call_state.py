"""What a call's events mean, in whatever order they come. The streams are those of a real Asterisk 22.10."""

from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendeep_kit.errors import OurMistake
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.ami_message import AmiEvent
from opendeep_kit.phone.call_state import TRANSITIONS, AmiCall, AmiCallFact, AmiCallState, advance
from opendeep_kit.phone.line import LineResult
from tests.phone.test_causes import CAUSES

CALL_ID = UUID("11111111-2222-4333-8444-555555555555")
OURS = f"od-{CALL_ID}"
CALLEE = "opendeep-line-1795527441.1"
HUMAN = "opendeep-line-1795527459.18"
"""Whom the callee is handed over to."""


def event(name: str, of: str = "", **headers: str) -> AmiEvent:
    """One event; `of` is the Uniqueid."""
    all_headers = headers | ({"uniqueid": of, "linkedid": OURS} if of else {})
    return AmiEvent(name, {key.lower(): value for key, value in all_headers.items()})


def hangup(of: str, state: str, cause: int, sip: int = 0) -> AmiEvent:
    """The Hangup of one leg."""
    code = {"TechCause": str(sip)} if sip else {}
    return event("Hangup", of, ChannelStateDesc=state, Cause=str(cause), **code)


BEGIN = [
    event("Newchannel", OURS, ChannelStateDesc="Down"),
    event("OriginateResponse", OURS, Response="Success", Reason="4", ActionID=f"orig-{CALL_ID}"),
    event("DialBegin", DestUniqueid=OURS, DestChannelStateDesc="Down"),
    event("DialEnd", DestUniqueid=OURS, DestChannelStateDesc="Up", DialStatus="ANSWER"),
    event("Newchannel", CALLEE, ChannelStateDesc="Down"),
    event("DialBegin", OURS, ChannelStateDesc="Up", DestUniqueid=CALLEE, DestChannelStateDesc="Down"),
]
RINGING = event("DialState", OURS, DestUniqueid=CALLEE, DestChannelStateDesc="Ringing", DialStatus="RINGING")
ANSWER = event("DialEnd", OURS, DestUniqueid=CALLEE, DestChannelStateDesc="Up", DialStatus="ANSWER")
BUSY = [
    *BEGIN,
    event("HangupRequest", CALLEE, ChannelStateDesc="Down", Cause="17", TechCause="486"),
    event("DialEnd", OURS, DestUniqueid=CALLEE, DestChannelStateDesc="Down", DialStatus="BUSY"),
    event("UserEvent", OURS, UserEvent="OpenDeepHumanLeg", DialStatus="BUSY", Cause="17"),
    hangup(CALLEE, "Down", 17, 486),
    hangup(OURS, "Up", 17),
]
RUNG_OUT = [
    *BEGIN,
    RINGING,
    event("DialEnd", OURS, DestUniqueid=CALLEE, DestChannelStateDesc="Ringing", DialStatus="NOANSWER"),
    hangup(OURS, "Up", 16),
    hangup(CALLEE, "Ringing", 0),
]
CANCELLED = [
    *BEGIN,
    RINGING,
    event("DialEnd", OURS, DestUniqueid=CALLEE, DestChannelStateDesc="Ringing", DialStatus="CANCEL"),
    hangup(OURS, "Up", 0),
    hangup(CALLEE, "Ringing", 16),
]
REDIRECTED = [
    *BEGIN,
    event("DialEnd", OURS, DestUniqueid=CALLEE, DestChannelStateDesc="Down", DialStatus="CANCEL"),
    event("DialEnd", OURS, DestUniqueid=CALLEE, DestChannelStateDesc="Down", DialStatus="BUSY"),
    hangup(CALLEE, "Down", 0),
    hangup(OURS, "Up", 19),
]
CALLEE_HUNG_UP = [
    *BEGIN,
    RINGING,
    ANSWER,
    event("HangupRequest", CALLEE, ChannelStateDesc="Up", Cause="16"),
    hangup(OURS, "Up", 16),
    hangup(CALLEE, "Up", 16),
]
WE_HUNG_UP = [*BEGIN, ANSWER, hangup(OURS, "Up", 16), hangup(CALLEE, "Up", 16)]
SOUND_LOST = [*BEGIN, ANSWER, hangup(OURS, "Up", 44), hangup(CALLEE, "Up", 44)]
HANDED_OVER = [
    *BEGIN,
    ANSWER,
    hangup(OURS, "Up", 16),
    event("Newchannel", HUMAN, ChannelStateDesc="Down"),
    event("DialBegin", CALLEE, ChannelStateDesc="Up", DestUniqueid=HUMAN, DestChannelStateDesc="Down"),
    event("DialEnd", CALLEE, ChannelStateDesc="Up", DestUniqueid=HUMAN, DestChannelStateDesc="Up", DialStatus="ANSWER"),
]
NOT_SET_UP = [event("OriginateResponse", "<null>", Response="Failure", Reason="8", ActionID=f"orig-{CALL_ID}")]
NOT_DIALLED = [*BEGIN[:4], hangup(OURS, "Up", 28)]

REFUSED = [*BEGIN[:4], event("UserEvent", OURS, UserEvent="OpenDeepRefused"), hangup(OURS, "Up", 28)]

STREAMS: list[tuple[list[AmiEvent], PhoneResult, EndedBy | None, int, str]] = [
    (BUSY, PhoneResult.BUSY, EndedBy.NETWORK, 17, "busy"),
    (RUNG_OUT, PhoneResult.NO_ANSWER, EndedBy.NETWORK, 0, "nobody answered within the time limit"),
    (
        REDIRECTED,
        PhoneResult.FAILED,
        EndedBy.NETWORK,
        23,
        "the network points to another address, which is not followed",
    ),
    (CANCELLED, PhoneResult.CANCELLED, None, 16, "our side hung up before anybody answered"),
    (CALLEE_HUNG_UP, PhoneResult.ANSWERED, EndedBy.CALLEE, 16, "the callee hung up"),
    (WE_HUNG_UP, PhoneResult.ANSWERED, None, 16, "our side hung up"),
    (SOUND_LOST, PhoneResult.ANSWERED, EndedBy.NETWORK, 44, "the sound from the callee's side stopped"),
    (HANDED_OVER, PhoneResult.ANSWERED, None, 0, "handed over to a human"),
    (
        NOT_SET_UP,
        PhoneResult.FAILED,
        EndedBy.FAILURE,
        0,
        "Asterisk could not set up its side of the call (reason 8)",
    ),
    (
        REFUSED,
        PhoneResult.FAILED,
        EndedBy.FAILURE,
        0,
        "the dialplan refused to dial: the order came too late, or is not well formed",
    ),
    (NOT_DIALLED, PhoneResult.FAILED, EndedBy.FAILURE, 0, "ended before dialling"),
]


def folded(events: list[AmiEvent]) -> AmiCall:
    """The call after these events and a moment of quiet."""
    call = AmiCall(CALL_ID)
    for one in events:
        call.take(one)
    call.settle()
    return call


@pytest.mark.parametrize(("stream", "result", "by", "cause", "detail"), STREAMS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_order_gives_the_same_outcome(
    data: st.DataObject,
    stream: list[AmiEvent],
    result: PhoneResult,
    by: EndedBy | None,
    cause: int,
    detail: str,
) -> None:
    """However the events of one call are shuffled, it ends, and ends the same way."""
    call = folded(data.draw(st.permutations(stream)))

    assert call.state is AmiCallState.ENDED
    assert call.result() == LineResult(phone_result=result, ended_by=by, cause=cause, detail=detail)


@pytest.mark.parametrize(("cause", "sip", "result"), CAUSES)
def test_every_row_of_the_cause_table(cause: int, sip: int, result: PhoneResult) -> None:
    """Cause and SIP code of the callee's leg name the result."""
    call = folded([*BEGIN, hangup(OURS, "Up", 16), hangup(CALLEE, "Down", cause, sip)])

    assert call.result().phone_result is result
    assert call.result().cause == cause


def test_our_own_leg_is_not_the_callee() -> None:
    """Our leg's "answer" is neither ringing nor an answer."""
    call = AmiCall(CALL_ID)
    for one in BEGIN:
        call.take(one)

    assert call.state is AmiCallState.PLACED
    assert call.callee is not None
    assert not call.callee.is_up


def test_hang_up_asked_by_us_is_no_answer_of_the_network() -> None:
    """A call that we end before the callee's leg exists is cancelled."""
    call = AmiCall(CALL_ID)
    call.is_cancelled = True
    for one in NOT_DIALLED:
        call.take(one)
    call.settle()

    assert call.result().phone_result is PhoneResult.CANCELLED


def test_busy_stays_busy_when_we_cancel_too_late() -> None:
    """A final SIP reply that crossed our hang-up is the truth."""
    call = folded(BUSY)
    call.is_cancelled = True

    assert call.result().phone_result is PhoneResult.BUSY


# ---- the table --------------------------------------------------------------------------------------


def test_every_state_takes_every_fact() -> None:
    """The table has no holes: late and repeated facts are normal."""
    assert {(state, fact) for state in AmiCallState for fact in AmiCallFact} == {
        (state, fact) for state, row in TRANSITIONS.items() for fact in row
    }


def test_facts_commute() -> None:
    """Whichever order the facts come in, the call stands in the same place."""
    facts = [AmiCallFact.RANG, AmiCallFact.ANSWERED, AmiCallFact.CALLEE_GONE, AmiCallFact.AGENT_GONE]
    for count in range(len(facts) + 1):
        for chosen in permutations(facts, count):
            states = []
            for order in permutations(chosen):
                state = AmiCallState.PLACED
                for fact in order:
                    state = advance(state, fact)
                states.append(state)
            assert len(set(states)) == 1


def test_missing_row_is_our_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hole in the table says which one."""
    monkeypatch.setitem(TRANSITIONS, AmiCallState.PLACED, {})
    with pytest.raises(OurMistake, match="placed cannot take rang"):
        advance(AmiCallState.PLACED, AmiCallFact.RANG)


# ---- after an outage --------------------------------------------------------------------------------


def channels(*living: tuple[str, str]) -> list[AmiEvent]:
    """CoreShowChannels: Uniqueid and state."""
    return [event("CoreShowChannel", uniqueid, ChannelStateDesc=state) for uniqueid, state in living]


def test_answer_during_an_outage_is_seen_afterwards() -> None:
    """A callee's leg that is up when the link returns was answered meanwhile, also when its dial was never seen."""
    call = AmiCall(CALL_ID)
    call.restore(channels((OURS, "Up"), (CALLEE, "Up"), (HUMAN, "Ringing")), is_restart=False)

    assert call.state is AmiCallState.TALKING


def test_call_gone_during_an_outage() -> None:
    """An answered call that is not there any more ended; one that was ringing failed, for all we know."""
    answered, ringing = AmiCall(CALL_ID), AmiCall(CALL_ID)
    for one in [*BEGIN, ANSWER]:
        answered.take(one)
    for one in [*BEGIN, RINGING]:
        ringing.take(one)
    for call in (answered, ringing):
        call.restore([], is_restart=False)

    detail = "ended while the link to Asterisk was down"
    assert answered.result() == LineResult(phone_result=PhoneResult.ANSWERED, ended_by=None, detail=detail)
    assert ringing.result() == LineResult(phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, detail=detail)


def test_restart_ends_every_call() -> None:
    """A new Asterisk holds no old call, whatever its channel list says."""
    call = AmiCall(CALL_ID)
    for one in [*BEGIN, ANSWER]:
        call.take(one)
    call.restore(channels((OURS, "Up")), is_restart=True)

    assert call.state is AmiCallState.ENDED
    assert call.result().ended_by is EndedBy.FAILURE

"""Where a call stands and how it ended, folded from AMI's events in whatever order they come. Pure.

Given facts about channels, a pass over Asterisk's channel list, or the news that a call is lost, keeps the call's
legs and moves along `TRANSITIONS`. Never asks anybody anything.

The law: Asterisk keeps order per publisher only, so no rule here may depend on the order in which two channels speak.
What counts is the callee's leg: the channel that our own leg dialled. That our own leg "answered" says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from opendeep_kit.errors import OurMistake
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.ami_message import AmiEvent, channel_id
from opendeep_kit.phone.causes import MEDIA_LOST, NO_WORD, REDIRECTED, unanswered
from opendeep_kit.phone.line import HANDED_OVER, OUR_LEG_ENDED, WE_HUNG_UP, WE_HUNG_UP_EARLY, LineResult


class AmiCallState(StrEnum):
    """Where the call stands."""

    PLACED = "placed"
    """Asked for; the callee's phone has not said anything."""
    RINGING = "ringing"
    TALKING = "talking"
    """The callee's leg is up."""
    CALLEE_LEFT = "callee_left"
    """The callee's leg is gone, ours not yet."""
    AGENT_LEFT = "agent_left"
    """Our leg is gone; the callee's is not: about to end, or handed over."""
    ENDED = "ended"


class AmiCallFact(StrEnum):
    """What moves a call along."""

    RANG = "rang"
    ANSWERED = "answered"
    CALLEE_GONE = "callee_gone"
    AGENT_GONE = "agent_gone"
    SETTLED = "settled"
    """Enough time has passed for stragglers."""
    NEVER_STARTED = "never_started"
    """Asterisk could not even set up our own leg."""
    LOST = "lost"
    """The call is over, and Asterisk cannot tell how."""


_S, _F = AmiCallState, AmiCallFact
TRANSITIONS: dict[AmiCallState, dict[AmiCallFact, AmiCallState]] = {
    _S.PLACED: {
        _F.RANG: _S.RINGING,
        _F.ANSWERED: _S.TALKING,
        _F.CALLEE_GONE: _S.CALLEE_LEFT,
        _F.AGENT_GONE: _S.AGENT_LEFT,
        _F.SETTLED: _S.PLACED,
        _F.NEVER_STARTED: _S.ENDED,
        _F.LOST: _S.ENDED,
    },
    _S.RINGING: {
        _F.RANG: _S.RINGING,
        _F.ANSWERED: _S.TALKING,
        _F.CALLEE_GONE: _S.CALLEE_LEFT,
        _F.AGENT_GONE: _S.AGENT_LEFT,
        _F.SETTLED: _S.RINGING,
        _F.NEVER_STARTED: _S.ENDED,
        _F.LOST: _S.ENDED,
    },
    _S.TALKING: {
        _F.RANG: _S.TALKING,
        _F.ANSWERED: _S.TALKING,
        _F.CALLEE_GONE: _S.CALLEE_LEFT,
        _F.AGENT_GONE: _S.AGENT_LEFT,
        _F.SETTLED: _S.TALKING,
        _F.NEVER_STARTED: _S.ENDED,
        _F.LOST: _S.ENDED,
    },
    _S.CALLEE_LEFT: {
        _F.RANG: _S.CALLEE_LEFT,
        _F.ANSWERED: _S.CALLEE_LEFT,
        _F.CALLEE_GONE: _S.CALLEE_LEFT,
        _F.AGENT_GONE: _S.ENDED,
        _F.SETTLED: _S.ENDED,
        _F.NEVER_STARTED: _S.ENDED,
        _F.LOST: _S.ENDED,
    },
    _S.AGENT_LEFT: {
        _F.RANG: _S.AGENT_LEFT,
        _F.ANSWERED: _S.AGENT_LEFT,
        _F.CALLEE_GONE: _S.ENDED,
        _F.AGENT_GONE: _S.AGENT_LEFT,
        _F.SETTLED: _S.ENDED,
        _F.NEVER_STARTED: _S.ENDED,
        _F.LOST: _S.ENDED,
    },
    _S.ENDED: dict.fromkeys(AmiCallFact, _S.ENDED),
}


def advance(state: AmiCallState, fact: AmiCallFact) -> AmiCallState:
    """The next state.

    Raises:
        OurMistake: the table has no such row.
    """
    try:
        return TRANSITIONS[state][fact]
    except KeyError:
        raise OurMistake(f"a call that is {state} cannot take {fact}", do="add the row to TRANSITIONS") from None


@dataclass(slots=True)
class Leg:
    """One channel of the call."""

    is_ringing: bool = False
    is_up: bool = False
    is_gone: bool = False
    has_hung_up: bool = False
    """This end asked for the hang-up itself (`HangupRequest`)."""
    is_busy: bool = False
    """`Dial` says so (`DialEnd`): of a busy callee, and of a redirect that it does not follow."""
    cause: int | None = None
    """Q.850; None when the leg vanished unseen."""
    sip_code: int = 0
    """Final SIP response, from Asterisk 22.7 on."""


class AmiCall:
    """What is known of one call."""

    __slots__ = ("_callee_id", "_lost", "_never", "call_id", "is_cancelled", "is_machine", "is_seen", "legs", "state")

    def __init__(self, call_id: UUID) -> None:
        self.call_id = call_id
        self.state = AmiCallState.PLACED
        self.legs: dict[str, Leg] = {}
        """By Uniqueid."""
        self.is_seen = False
        """Asterisk has shown a channel of it."""
        self.is_machine = False
        """Asterisk, if asked, takes the callee for an answering machine."""
        self.is_cancelled = False
        """We want it to end."""
        self._callee_id = ""
        self._lost: tuple[EndedBy | None, str] | None = None
        self._never = ""

    @property
    def callee(self) -> Leg | None:
        """The callee's leg, once our leg has dialled it."""
        return self.legs.get(self._callee_id)

    @property
    def has_living_legs(self) -> bool:
        """Whether any of its channels is still up."""
        return any(not leg.is_gone for leg in self.legs.values())

    @property
    def is_stray(self) -> bool:
        """It was given up, yet one of its channels is up."""
        return self._lost is not None and self.has_living_legs

    # ---- facts --------------------------------------------------------------------------------------

    def take(self, event: AmiEvent) -> None:
        """Fold one event of this call."""
        ours = channel_id(self.call_id)
        uniqueid, dialled = event.get("Uniqueid"), event.get("DestUniqueid")
        if event.name == "OriginateResponse":
            # Its Uniqueid may be "<null>", and says nothing that the leg's own events do not say.
            if event.get("Response") == "Failure":
                self.refuse(f"Asterisk could not set up its side of the call (reason {event.get('Reason')})")
            return
        if uniqueid:
            self._note(self._leg(uniqueid), event.get("ChannelStateDesc"))
        if dialled:
            leg = self._leg(dialled)
            self._note(leg, event.get("DestChannelStateDesc"))
            leg.is_ringing |= event.get("DialStatus") == "RINGING"
            leg.is_up |= event.get("DialStatus") == "ANSWER"
            leg.is_busy |= event.get("DialStatus") == "BUSY"
            if uniqueid == ours:
                self._callee_id = self._callee_id or dialled
        match event.name:
            case "Hangup":
                leg = self._leg(uniqueid)
                leg.is_gone = True
                leg.cause, leg.sip_code = _number(event.get("Cause")), _number(event.get("TechCause"))
            case "HangupRequest":
                self._leg(uniqueid).has_hung_up = True
            case "UserEvent" if event.get("UserEvent") == "OpenDeepAmd":
                # A callee who says nothing is MACHINE to Asterisk as well; that alone is no hint.
                self.is_machine = event.get("Status") == "MACHINE" and not event.get("Why").startswith("INITIALSILENCE")
            case "UserEvent" if event.get("UserEvent") == "OpenDeepRefused":
                self._never = "the dialplan refused to dial: the order came too late, or is not well formed"
        self._conclude()

    def restore(self, channels: Iterable[AmiEvent], *, is_restart: bool) -> None:
        """Compare with the channels that live now, after the link was down."""
        if is_restart:
            for leg in self.legs.values():
                leg.is_gone = True
            self.lose(EndedBy.FAILURE, "Asterisk was restarted in mid-call")
            return
        living = {channel.get("Uniqueid"): channel for channel in channels}
        for uniqueid, channel in living.items():
            self._note(self._leg(uniqueid), channel.get("ChannelStateDesc"))
        for uniqueid, leg in self.legs.items():
            leg.is_gone |= uniqueid not in living
        others = [uniqueid for uniqueid in self.legs if not uniqueid.startswith(channel_id(self.call_id))]
        if not self._callee_id and others:
            self._callee_id = min(others, key=_age)  # the first leg that is not ours: others come by transfer
        if not self.has_living_legs and (self.callee is None or self.callee.cause is None):
            was = "ended while the link to Asterisk was down"
            self.lose(None, was if self.is_seen else "Asterisk never took the call up")
        self._conclude()

    def refuse(self, why: str) -> None:
        """Asterisk declined to place it."""
        self._never = why
        self._advance(AmiCallFact.NEVER_STARTED)

    def lose(self, by: EndedBy | None, why: str) -> None:
        """It is over, and how is not known."""
        if self.state is not AmiCallState.ENDED:
            self._lost = (by, why)
            self._advance(AmiCallFact.LOST)

    def settle(self) -> None:
        """No more late events are to be expected."""
        self._advance(AmiCallFact.SETTLED)

    # ---- the end ------------------------------------------------------------------------------------

    def result(self) -> LineResult:
        """How the call ended, from what is known now."""
        leg = self.callee
        cause = _cause(leg) if leg else 0
        if leg is not None and leg.is_up:
            by, detail = self._who_ended(leg)
            return LineResult(phone_result=PhoneResult.ANSWERED, ended_by=by, cause=cause, detail=detail)
        if self.is_cancelled and not (leg and leg.sip_code):
            return LineResult(phone_result=PhoneResult.CANCELLED, ended_by=None, cause=cause, detail=WE_HUNG_UP_EARLY)
        if leg is not None and leg.cause is not None:
            result, detail = unanswered(cause, leg.sip_code)
            by = None if result is PhoneResult.CANCELLED else EndedBy.NETWORK
            return LineResult(phone_result=result, ended_by=by, cause=cause, detail=detail)
        why = self._never or ("how the callee's leg ended is not known" if leg else "ended before dialling")
        by, detail = self._lost or (EndedBy.FAILURE, why)
        return LineResult(phone_result=PhoneResult.FAILED, ended_by=by or EndedBy.FAILURE, cause=cause, detail=detail)

    def _who_ended(self, leg: Leg) -> tuple[EndedBy | None, str]:
        if self._lost is not None:
            return self._lost
        if not leg.is_gone:
            return None, HANDED_OVER
        if leg.cause == MEDIA_LOST:
            return EndedBy.NETWORK, "the sound from the callee's side stopped"
        if leg.has_hung_up:
            return EndedBy.CALLEE, "the callee hung up"
        return None, WE_HUNG_UP if self.is_cancelled else OUR_LEG_ENDED

    # ---- inside -------------------------------------------------------------------------------------

    def _leg(self, uniqueid: str) -> Leg:
        self.is_seen = True
        return self.legs.setdefault(uniqueid, Leg())

    @staticmethod
    def _note(leg: Leg, state: str) -> None:
        leg.is_ringing |= state == "Ringing"
        leg.is_up |= state == "Up"

    def _conclude(self) -> None:
        """Tell the table what the legs say."""
        callee, ours = self.callee, self.legs.get(channel_id(self.call_id))
        if callee is not None:
            for fact, is_true in (
                (AmiCallFact.RANG, callee.is_ringing),
                (AmiCallFact.ANSWERED, callee.is_up),
                (AmiCallFact.CALLEE_GONE, callee.is_gone),
            ):
                if is_true:
                    self._advance(fact)
        if ours is not None and ours.is_gone:
            self._advance(AmiCallFact.AGENT_GONE)

    def _advance(self, fact: AmiCallFact) -> None:
        self.state = advance(self.state, fact)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _cause(leg: Leg) -> int:
    """Why the leg ended. After a redirect `Dial` and the SIP stack race for who writes it down, and 0 or 16 may win."""
    is_redirected = 300 <= leg.sip_code < 400 or (leg.is_busy and leg.cause in NO_WORD and not leg.sip_code)
    return REDIRECTED if is_redirected else leg.cause or 0


def _age(uniqueid: str) -> tuple[float, int]:
    """Sorts Uniqueids (`opendeep-1700000000.17`) by creation."""
    second, _, count = uniqueid.rpartition("-")[2].partition(".")
    return (float(_number(second)) or float("inf"), _number(count))

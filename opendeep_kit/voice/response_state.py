"""When the model is asked for a response, what becomes of it, and what it still owes. Pure.

Given a state and what happened, tells the next state. Holds no time and no instructions: those are kept by
`response_requests`, which is the only one to move a state, and by `advance` only.

Theory
------
A Realtime session makes one response at a time, and two parties start them: the model's turn detector, when the
callee stops speaking, and we, with `response.create`. The protocol does not say which of the two a response belongs
to, and both may act in the same moment. All that makes this hard follows from it:

* Our request and a response of the detector's cross. The first response to begin after our request is taken for
  ours. If it was not, the error `conversation_already_has_active_response` follows; the request then goes back to
  what is wanted, with its instructions, and waits for the other response to end.
* A response that nobody wants any more cannot be cancelled before it has an id. Whoever wants silence while one is
  under way (`withdrawn`) gets it cut as soon as it begins.
* A response is *cut* long before it is *over*. Between the two it blocks the next request, and whatever still
  arrives of it is dropped by the caller.
* Both announcements, `response.created` and `response.done`, may be missing. A response that ends without having
  begun was ours if we wait for one. The end of another response than the active one changes nothing.
* A failed response is asked for again, later each time, and only so often in a row.
* When the connection breaks, a response of which nothing was heard is still owed: the next session is asked for one.

What the *call* wants is not in the table. It is at most one `TurnRequest`, kept beside it until a request is sent for
it or a response of the detector's takes its place. A request that `must` be answered, a supervisor's sentence, is
replaced by nothing but another of its kind: a response that begins while one waits is cut in its favour.

The table
---------
One row for each state, one column for each event. `=` leaves the state as it is: the event is late, or about
something else. A blank is a mistake of ours and raises. Printed by `draw_table`, and a test holds the two together.

           ask    withdraw   begin   begin_cut  cut  end   fail     refuse   waited  lost  lost_owing  restored
idle       asked  =          active  cut        =    =     waiting  waiting          away  away
waiting           =          active  cut        =    idle  =        =        idle    away  away
asked             withdrawn  active  cut        =    idle  waiting  waiting          away  owing
withdrawn         =          cut     cut        =    idle  waiting  waiting          away  away
active            cut        =       cut        cut  idle  waiting  =                away  owing
cut               =          active  =          =    idle  waiting  =                away  owing
away              =          =       =          =    =     =        =                                  idle
owing             away       =       =          =    =     =        =                                  idle
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from opendeep_kit.errors import OurMistake


class ResponseState(StrEnum):
    """Where the session's one response stands."""

    IDLE = "idle"
    """None is active and none was asked for. A call begins here."""
    WAITING = "waiting"
    """As idle, but nothing is asked for before a time: the last attempt failed or was refused."""
    ASKED = "asked"
    """We sent `response.create`: the model owes us a response."""
    WITHDRAWN = "withdrawn"
    """As asked, but nobody wants it any more."""
    ACTIVE = "active"
    """One has begun; the callee may hear it."""
    CUT = "cut"
    """One has begun and is not over, but nothing more of it may be heard."""
    AWAY = "away"
    """There is no session."""
    OWING = "owing"
    """There is no session, and a response broke off with the last one before a sound of it came."""


class ResponseEvent(StrEnum):
    """What moves it."""

    ASK = "ask"
    """We send `response.create`."""
    WITHDRAW = "withdraw"
    """We want silence instead of the response under way."""
    BEGIN = "begin"
    """A response begins, by its announcement or by its first sound."""
    BEGIN_CUT = "begin_cut"
    """A response begins that must not be heard."""
    CUT = "cut"
    """The callee speaks over the response."""
    END = "end"
    """The response is over."""
    FAIL = "fail"
    """The response came to nothing, or our request for one was turned down."""
    REFUSE = "refuse"
    """Our request is not carried out: another response is active."""
    WAITED = "waited"
    """The time to ask again has come."""
    LOST = "lost"
    """The session broke; nothing is owed."""
    LOST_OWING = "lost_owing"
    """The session broke, and of a response under way nothing was heard yet."""
    RESTORED = "restored"
    """A fresh session is configured."""


_S, _E = ResponseState, ResponseEvent
UNDER_WAY = frozenset([_S.ASKED, _S.WITHDRAWN, _S.ACTIVE, _S.CUT])
"""The model owes a response, or the rest of one."""

TRANSITIONS: Mapping[ResponseState, Mapping[ResponseEvent, ResponseState]] = {
    _S.IDLE: {
        _E.ASK: _S.ASKED,
        _E.WITHDRAW: _S.IDLE,
        _E.BEGIN: _S.ACTIVE,
        _E.BEGIN_CUT: _S.CUT,
        _E.CUT: _S.IDLE,
        _E.END: _S.IDLE,
        _E.FAIL: _S.WAITING,
        _E.REFUSE: _S.WAITING,
        _E.LOST: _S.AWAY,
        _E.LOST_OWING: _S.AWAY,
    },
    _S.WAITING: {
        _E.WITHDRAW: _S.WAITING,
        _E.BEGIN: _S.ACTIVE,
        _E.BEGIN_CUT: _S.CUT,
        _E.CUT: _S.WAITING,
        _E.END: _S.IDLE,
        _E.FAIL: _S.WAITING,
        _E.REFUSE: _S.WAITING,
        _E.WAITED: _S.IDLE,
        _E.LOST: _S.AWAY,
        _E.LOST_OWING: _S.AWAY,
    },
    _S.ASKED: {
        _E.WITHDRAW: _S.WITHDRAWN,
        _E.BEGIN: _S.ACTIVE,
        _E.BEGIN_CUT: _S.CUT,
        _E.CUT: _S.ASKED,
        _E.END: _S.IDLE,
        _E.FAIL: _S.WAITING,
        _E.REFUSE: _S.WAITING,
        _E.LOST: _S.AWAY,
        _E.LOST_OWING: _S.OWING,
    },
    _S.WITHDRAWN: {
        _E.WITHDRAW: _S.WITHDRAWN,
        _E.BEGIN: _S.CUT,
        _E.BEGIN_CUT: _S.CUT,
        _E.CUT: _S.WITHDRAWN,
        _E.END: _S.IDLE,
        _E.FAIL: _S.WAITING,
        _E.REFUSE: _S.WAITING,
        _E.LOST: _S.AWAY,
        _E.LOST_OWING: _S.AWAY,
    },
    _S.ACTIVE: {
        _E.WITHDRAW: _S.CUT,
        _E.BEGIN: _S.ACTIVE,
        _E.BEGIN_CUT: _S.CUT,
        _E.CUT: _S.CUT,
        _E.END: _S.IDLE,
        _E.FAIL: _S.WAITING,
        _E.REFUSE: _S.ACTIVE,
        _E.LOST: _S.AWAY,
        _E.LOST_OWING: _S.OWING,
    },
    _S.CUT: {
        _E.WITHDRAW: _S.CUT,
        _E.BEGIN: _S.ACTIVE,
        _E.BEGIN_CUT: _S.CUT,
        _E.CUT: _S.CUT,
        _E.END: _S.IDLE,
        _E.FAIL: _S.WAITING,
        _E.REFUSE: _S.CUT,
        _E.LOST: _S.AWAY,
        _E.LOST_OWING: _S.OWING,
    },
    _S.AWAY: {
        _E.WITHDRAW: _S.AWAY,
        _E.BEGIN: _S.AWAY,
        _E.BEGIN_CUT: _S.AWAY,
        _E.CUT: _S.AWAY,
        _E.END: _S.AWAY,
        _E.FAIL: _S.AWAY,
        _E.REFUSE: _S.AWAY,
        _E.RESTORED: _S.IDLE,
    },
    _S.OWING: {
        _E.WITHDRAW: _S.AWAY,
        _E.BEGIN: _S.OWING,
        _E.BEGIN_CUT: _S.OWING,
        _E.CUT: _S.OWING,
        _E.END: _S.OWING,
        _E.FAIL: _S.OWING,
        _E.REFUSE: _S.OWING,
        _E.RESTORED: _S.IDLE,
    },
}


def advance(state: ResponseState, event: ResponseEvent) -> ResponseState:
    """The next state.

    Raises:
        OurMistake: the event cannot happen in this state.
    """
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise OurMistake(f"a response that is {state} knows no {event}", do="add it to TRANSITIONS") from None


def draw_table() -> str:
    """`TRANSITIONS` as it stands in the head of this module."""
    rows = [["", *ResponseEvent]]
    for state, row in TRANSITIONS.items():
        rows.append([state, *("=" if row.get(event) is state else row.get(event, "") for event in ResponseEvent)])
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    lines = ("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def draw_diagram() -> str:
    """The transitions that change the state, as a Mermaid diagram."""
    arrows: dict[tuple[ResponseState, ResponseState], list[str]] = {}
    for state, row in TRANSITIONS.items():
        for event, following in row.items():
            if following is not state:
                arrows.setdefault((state, following), []).append(event)
    lines = [f"    {state} --> {following}: {', '.join(events)}" for (state, following), events in arrows.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> idle", *lines])

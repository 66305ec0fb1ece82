"""What the network's causes mean for one attempt.

Given the Q.850 cause and the SIP code with which the callee's leg ended, names the result and says it in a clause.
Asterisk's DialStatus is not asked: it calls most failures NOANSWER (main/dial.c).
Source: Asterisk res/res_pjsip.c `hangup_sip2cause`; every row was seen on a line (tests/phone/test_sip_outcomes.py).
"""

from __future__ import annotations

from opendeep_kit.outcomes import PhoneResult
from opendeep_kit.phone.line import OUR_LEG_ENDED_EARLY

MEDIA_LOST = 44
"""What Asterisk's rtp_timeout leaves behind."""

REDIRECTED = 23
"""A 3xx answer. Nobody but the number asked for is called: the dialplan's Dial does not follow it (option `i`)."""
NO_WORD = frozenset({0, 16})
"""What a leg is left with on which we ended the attempt."""

BY_SIP: dict[int, tuple[PhoneResult, str]] = {
    # Our account, not the callee: no mark against the contact, and the campaign's breaker sees a failing line.
    401: (PhoneResult.FAILED, "the trunk does not accept our account"),
    403: (PhoneResult.REJECTED, "rejected by the callee or the trunk"),
    404: (PhoneResult.INVALID_NUMBER, "nobody has this number"),
    407: (PhoneResult.FAILED, "the trunk does not accept our account"),
    408: (PhoneResult.UNREACHABLE, "the network got no reply"),
    410: (PhoneResult.NUMBER_CHANGED, "the number has changed"),
    480: (PhoneResult.NO_ANSWER, "not available at present"),
    483: (PhoneResult.FAILED, "the network sent the call in a circle"),
    484: (PhoneResult.INVALID_NUMBER, "the number is incomplete"),
    485: (PhoneResult.INVALID_NUMBER, "the number is ambiguous"),
    486: (PhoneResult.BUSY, "busy"),
    488: (PhoneResult.FAILED, "no common sound format with the callee"),
    500: (PhoneResult.CONGESTION, "the network failed"),
    501: (PhoneResult.FAILED, "the network cannot do this"),
    502: (PhoneResult.CONGESTION, "the network failed"),
    503: (PhoneResult.CONGESTION, "the network is congested"),
    504: (PhoneResult.CONGESTION, "the network took too long"),
    600: (PhoneResult.BUSY, "busy everywhere"),
    603: (PhoneResult.REJECTED, "rejected by the callee"),
    604: (PhoneResult.INVALID_NUMBER, "nobody has this number"),
    606: (PhoneResult.FAILED, "no common sound format with the callee"),
    607: (PhoneResult.REJECTED, "marked as unwanted"),
    608: (PhoneResult.REJECTED, "rejected on the way to the callee"),
}

_BY_CAUSE: dict[int, tuple[PhoneResult, str]] = {
    0: (PhoneResult.NO_ANSWER, "nobody answered within the time limit"),
    1: BY_SIP[404],
    16: (PhoneResult.CANCELLED, OUR_LEG_ENDED_EARLY),
    17: BY_SIP[486],
    18: BY_SIP[408],
    19: BY_SIP[480],
    21: BY_SIP[403],
    22: BY_SIP[410],
    REDIRECTED: (PhoneResult.FAILED, "the network points to another address, which is not followed"),
    26: (PhoneResult.CANCELLED, OUR_LEG_ENDED_EARLY),
    27: BY_SIP[502],
    28: BY_SIP[484],
    29: BY_SIP[501],
    34: BY_SIP[503],
    38: BY_SIP[500],
    58: BY_SIP[488],
    102: BY_SIP[504],
}
"""Where there is no SIP code: we ended the attempt, or Asterisk is older than 22.7."""


def unanswered(cause: int, sip_code: int) -> tuple[PhoneResult, str]:
    """The result of an attempt that nobody answered, and a clause for a person.

    >>> unanswered(19, 483)[0].value
    'failed'
    >>> unanswered(17, 0)
    (<PhoneResult.BUSY: 'busy'>, 'busy')

    Args:
        cause: Q.850, 0 when Asterisk gives none.
        sip_code: the final SIP response, 0 when there was none.
    """
    known = BY_SIP.get(sip_code) if sip_code else _BY_CAUSE.get(cause)
    if known is not None:
        return known
    if 300 <= sip_code < 400:
        return _BY_CAUSE[REDIRECTED]
    code = f"SIP {sip_code}" if sip_code else f"cause {cause}"
    return (PhoneResult.CONGESTION if 500 <= sip_code < 600 else PhoneResult.FAILED), f"the network said {code}"

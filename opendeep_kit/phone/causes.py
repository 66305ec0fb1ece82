"""What the network's causes mean for one attempt.

Given the Q.850 cause and the SIP code with which the callee's leg ended, names the result and says it in a clause.
Asterisk's DialStatus is not asked: it calls most failures NOANSWER (main/dial.c).
Source: Asterisk res/res_pjsip.c `hangup_sip2cause`, and every row seen on a real line.
"""

from __future__ import annotations

from opendeep_kit.outcomes import PhoneResult

MEDIA_LOST = 44
"""What Asterisk's rtp_timeout leaves behind."""

_BY_SIP: dict[int, tuple[PhoneResult, str]] = {
    401: (PhoneResult.REJECTED, "the trunk does not accept our account"),
    403: (PhoneResult.REJECTED, "rejected by the callee or the trunk"),
    404: (PhoneResult.INVALID_NUMBER, "nobody has this number"),
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
    1: _BY_SIP[404],
    16: (PhoneResult.CANCELLED, "we hung up before anybody answered"),
    17: _BY_SIP[486],
    18: _BY_SIP[408],
    19: _BY_SIP[480],
    21: _BY_SIP[403],
    22: _BY_SIP[410],
    26: (PhoneResult.CANCELLED, "we hung up before anybody answered"),
    27: _BY_SIP[502],
    28: _BY_SIP[484],
    29: _BY_SIP[501],
    34: _BY_SIP[503],
    38: _BY_SIP[500],
    58: _BY_SIP[488],
    102: _BY_SIP[504],
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
    known = _BY_SIP.get(sip_code) if sip_code else _BY_CAUSE.get(cause)
    if known is not None:
        return known
    told = f"SIP {sip_code}" if sip_code else f"cause {cause}"
    return (PhoneResult.CONGESTION if 500 <= sip_code < 600 else PhoneResult.FAILED), f"the network said {told}"

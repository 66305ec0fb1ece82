"""What each cause and SIP code means: the rows that were seen on a real line."""

import pytest

from opendeep_kit.outcomes import PhoneResult
from opendeep_kit.phone.causes import unanswered

CAUSES = [
    (17, 486, PhoneResult.BUSY),
    (17, 600, PhoneResult.BUSY),
    (0, 0, PhoneResult.NO_ANSWER),
    (19, 480, PhoneResult.NO_ANSWER),
    (19, 483, PhoneResult.FAILED),
    (18, 408, PhoneResult.UNREACHABLE),
    (21, 603, PhoneResult.REJECTED),
    (21, 403, PhoneResult.REJECTED),
    (1, 404, PhoneResult.INVALID_NUMBER),
    (1, 485, PhoneResult.INVALID_NUMBER),
    (1, 604, PhoneResult.INVALID_NUMBER),
    (28, 484, PhoneResult.INVALID_NUMBER),
    (22, 410, PhoneResult.NUMBER_CHANGED),
    (58, 488, PhoneResult.FAILED),
    (58, 606, PhoneResult.FAILED),
    (38, 500, PhoneResult.CONGESTION),
    (29, 501, PhoneResult.FAILED),
    (27, 502, PhoneResult.CONGESTION),
    (34, 503, PhoneResult.CONGESTION),
    (102, 504, PhoneResult.CONGESTION),
    (21, 401, PhoneResult.FAILED),
    (21, 407, PhoneResult.FAILED),
    (127, 400, PhoneResult.FAILED),
    (127, 415, PhoneResult.FAILED),
    (127, 481, PhoneResult.FAILED),
    (127, 482, PhoneResult.FAILED),
    (127, 487, PhoneResult.FAILED),
    (16, 0, PhoneResult.CANCELLED),
    (26, 0, PhoneResult.CANCELLED),
]


@pytest.mark.parametrize(("cause", "sip", "result"), CAUSES)
def test_cause_and_sip_code_name_the_result(cause: int, sip: int, result: PhoneResult) -> None:
    """Every row of the table."""
    assert unanswered(cause, sip)[0] is result


@pytest.mark.parametrize(
    ("cause", "sip", "result"), [row for row in CAUSES if row[1] not in (401, 407, 483) and row[0] not in (0, 127)]
)
def test_causes_without_sip_codes(cause: int, sip: int, result: PhoneResult) -> None:
    """Asterisk before 22.7 gives no SIP code: the cause alone says the same."""
    assert unanswered(cause, 0)[0] is result


def test_unknown_codes_are_told() -> None:
    """A code nobody listed is a failure that names it; an unknown 5xx is worth another try."""
    assert unanswered(127, 499) == (PhoneResult.FAILED, "the network said SIP 499")
    assert unanswered(127, 580) == (PhoneResult.CONGESTION, "the network said SIP 580")
    assert unanswered(23, 302)[0] is PhoneResult.FAILED
    assert unanswered(3, 0) == (PhoneResult.FAILED, "the network said cause 3")

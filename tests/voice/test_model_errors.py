"""Errors of the voice model's, in the forms that servers give them."""

from typing import Any

import pytest

from opendeep_kit.voice.model_errors import FATAL_CODES, ReportedError

SHORTER = "Audio content of 900ms is already shorter than 960ms"


@pytest.mark.parametrize(
    "error",
    [
        {"code": "response_cancel_not_active", "message": "Cancellation failed: no active response found"},
        {"code": "unsupported_content_type", "message": "Only model output audio messages can be truncated"},
        {"code": None, "message": "Item a1 does not exist."},
        {"code": "conversation_already_has_active_response", "message": None},
        {"message": SHORTER},
    ],
)
def test_races_are_benign(error: dict[str, Any]) -> None:
    """By code or by message, whichever the server gives; none of them ends the call."""
    assert ReportedError.read(error).is_benign
    assert not ReportedError.read(error).is_fatal


@pytest.mark.parametrize("code", sorted(FATAL_CODES))
def test_what_no_other_session_would_mend_is_fatal(code: str) -> None:
    """It is no race either."""
    assert ReportedError.read({"code": code}).is_fatal
    assert not ReportedError.read({"code": code}).is_benign


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("truncate:a1:0", ("a1", 0, 900)),
        ("truncate:msg:1:2", ("msg:1", 2, 900)),
        ("truncate:a1", None),
        ("truncate:a1:x", None),
        ("again:a1:0", None),
        ("", None),
    ],
)
def test_truncation_that_was_too_long(event_id: str, expected: tuple[str, int, int] | None) -> None:
    """It is named by our own event id, whatever item ids look like; a repeated one is not repeated again."""
    assert ReportedError.read({"message": SHORTER, "event_id": event_id}).shorter == expected


@pytest.mark.parametrize("details", [None, "failed", [], {}, {"error": None}, {"error": "x"}])
def test_failure_without_a_reason(details: object) -> None:
    """A response may fail and not say why."""
    assert ReportedError.of_response(details) == ReportedError(code="response_failed")


def test_fields_of_other_types_are_text() -> None:
    """A number as code, an object as message: kept for the log."""
    assert ReportedError.read({"code": 7, "message": {"why": "x"}}) == ReportedError(code="7", message="{'why': 'x'}")

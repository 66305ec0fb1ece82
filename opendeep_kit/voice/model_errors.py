"""What an error of the voice model's means for the call. Pure.

Given the JSON of an `error` event or of a failed response, in whatever shape it comes, tells whether it is a race that
nobody can avoid, the end of the session, or about a request of ours. Never acts on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

BENIGN = (
    "already shorter than",
    "only model output audio messages can be truncated",
    "cancellation failed",
    "response_cancel_not_active",
    "does not exist",
    "item_not_found",
    "active response",
    "active_response",
)
"""Errors that a correct client cannot avoid: they tell of a race, not of a fault."""
FATAL_CODES = frozenset(
    [
        "insufficient_quota",
        "invalid_api_key",
        "account_deactivated",
        "billing_hard_limit_reached",
        "model_not_found",
    ]
)
"""Errors after which the session is of no use and another one would not help."""
_SHORTER = re.compile(r"content of ([0-9]{1,9})ms is already shorter")
_TRUNCATION = re.compile(r"truncate:(.+):([0-9]{1,9})", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedError:
    """One error, as the model reports it."""

    code: str = ""
    message: str = ""
    event_id: str = ""
    """Of the client event that it is about; many servers name none."""

    @classmethod
    def read(cls, error: Mapping[str, object], *, code: str = "") -> ReportedError:
        """The error in this JSON; `code` where it has none of its own."""
        fields = {name: str(error.get(name) or "") for name in ("code", "message", "event_id")}
        return cls(code=fields["code"] or code, message=fields["message"], event_id=fields["event_id"])

    @classmethod
    def of_response(cls, details: object) -> ReportedError:
        """Why a response failed, by its `status_details`."""
        error = details.get("error") if isinstance(details, Mapping) else None
        return cls.read(error if isinstance(error, Mapping) else {}, code="response_failed")

    @property
    def is_benign(self) -> bool:
        """It reports a race."""
        text = f"{self.code} {self.message}".lower()
        return any(phrase in text for phrase in BENIGN)

    @property
    def is_fatal(self) -> bool:
        """Neither this session nor another would be of use."""
        return self.code in FATAL_CODES

    @property
    def is_crossing(self) -> bool:
        """A response was asked for while another was active."""
        return "has_active_response" in self.code or "already has an active response" in self.message

    @property
    def shorter(self) -> tuple[str, int, int] | None:
        """A truncation that was refused as too long: item, content index, and the milliseconds the model knows."""
        known, truncation = _SHORTER.search(self.message), _TRUNCATION.fullmatch(self.event_id)
        if known is None or truncation is None:
            return None
        return truncation[1], int(truncation[2]), int(known[1])

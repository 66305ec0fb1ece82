"""The organisations that calls are placed for.

Given a tenant's data, holds it. Never looks anything up.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_TENANT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One organisation using this installation."""

    tenant_id: str
    """Short name, `[a-z0-9-]`, part of file paths."""
    display_name: str
    """As people read and the agent says it: "Riverside Dental"."""
    time_zone: str = "UTC"
    """IANA name, for the days of reports; when a callee may be called depends on the callee's own zone."""
    default_region: str = "US"
    """ISO 3166 region for numbers written without a country code."""

"""Who a call is placed for.

Given a tenant's settings, holds them. Never looks anything up.
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
    """As the agent says it: "Riverside Dental"."""
    time_zone: str = "UTC"
    """IANA name; the callee's own zone rules when they may be called, this one when reports are cut."""
    default_region: str = "US"
    """ISO 3166 region for numbers written without a country code."""

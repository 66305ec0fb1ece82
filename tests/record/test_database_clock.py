"""The time of the record."""

from datetime import timedelta

from opendeep_kit.record.database import utc_now


def test_has_its_zone() -> None:
    """It is in UTC and says so."""
    assert utc_now().utcoffset() == timedelta(0)

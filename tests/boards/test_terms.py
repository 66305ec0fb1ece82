"""How a desk says numbers, money and times."""

from datetime import UTC, datetime, timedelta

import pytest

from opendeep_kit.boards.terms import epoch_ms, moment, money, named
from opendeep_kit.errors import BadInput

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_named() -> None:
    """Whoever acts has a name."""
    assert named("  Ann ") == "Ann"
    with pytest.raises(BadInput, match="write your name"):
        named("  ")


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [(123456, "USD", "1,234.56 USD"), (500, "JPY", "500 JPY"), (1500, "KWD", "1.500 KWD"), (5, "EUR", "0.05 EUR")],
)
def test_money(minor: int, currency: str, said: str) -> None:
    """Each currency has the digits that it has."""
    assert money(minor, currency) == said


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (timedelta(seconds=20), "13:00 CET, in less than a minute"),
        (timedelta(minutes=12), "13:12 CET, in 12 min"),
        (timedelta(hours=5), "18:00 CET, in 5 h"),
        (timedelta(days=3), "Fri 27 Nov 13:00 CET, in 3 days"),
        (timedelta(minutes=-5), "12:55 CET"),
    ],
)
def test_moment(wait: timedelta, said: str) -> None:
    """A time is said on the tenant's wall clock, with the wait."""
    assert moment(NOON + wait, NOON, "Europe/Berlin") == said


def test_epoch_ms() -> None:
    """Instants are counted as a browser counts them."""
    assert epoch_ms(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1000.0

"""What a media worker keeps of its provider's words: the newest, and only while it holds."""

from datetime import UTC, datetime, timedelta

from opendeep_kit.campaigns.capacity import Sign
from opendeep_kit.media.provider_watch import ProviderWatch
from opendeep_kit.voice.wire import RateLimit

NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """So much later."""
    return NOW + timedelta(seconds=seconds)


def test_nothing_told_binds_nobody() -> None:
    """A worker whose provider says nothing reports nothing."""
    assert ProviderWatch().sign(NOW) == Sign()


def test_the_newest_word_counts_until_its_reset() -> None:
    """A later response's figures replace an earlier one's, and are forgotten when the allowance is whole again."""
    watch = ProviderWatch()
    watch.note([RateLimit("tokens", 90_000, 10)], 0.0, now=NOW)
    watch.note([RateLimit("tokens", 40_000, 20)], 0.0, now=NOW)

    assert watch.sign(after(19)) == Sign(carries=5, resets_at=after(20))
    assert watch.sign(after(20)) == Sign()


def test_a_refusal_blocks_for_its_time() -> None:
    """Turned away, it says until when; after that it says nothing of it."""
    watch = ProviderWatch()
    watch.note((), 20.0, now=NOW)

    assert [watch.sign(after(at)).blocked_until for at in (0, 19, 21)] == [after(20), after(20), None]

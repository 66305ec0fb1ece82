"""The ticker's side in the kernel: it looks when it is asked, and answers every time."""

import pytest

from opendeep_kit.boards.ticker import Ticker
from tests.widgets.overheard import browser_says, overheard


def test_looks_only_when_asked() -> None:
    """Each tick of the browser is one look, answered after it with whether it worked; nothing else makes it look."""
    looks: list[str] = []
    ticker = Ticker(lambda: looks.append("look") or len(looks) == 1, every_s=2.5)  # type: ignore[func-returns-value]
    sent = overheard(ticker)
    assert (looks, ticker.every_ms) == ([], 2500)
    for content in ({"kind": "tick"}, {"kind": "tock"}, "tick", None, {"kind": "tick"}):
        browser_says(ticker, content)

    assert looks == ["look", "look"]
    assert sent == [{"kind": "tock", "is_fresh": True}, {"kind": "tock", "is_fresh": False}]
    assert ticker.ticks == 2


def test_answers_though_the_look_failed() -> None:
    """A look that fails is answered too, and as none: the page neither waits for ever nor looks live."""

    def fail() -> bool:
        raise ValueError("a bug")

    ticker = Ticker(fail)
    sent = overheard(ticker)
    with pytest.raises(ValueError, match="a bug"):
        browser_says(ticker, {"kind": "tick"})

    assert sent == [{"kind": "tock", "is_fresh": False}]

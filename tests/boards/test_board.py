"""What a board does with a browser's messages, whatever they hold."""

import pytest

from opendeep_kit.boards.board import LONGEST_TEXT, Act, Board, Ticker
from opendeep_kit.errors import Refused
from tests.widgets.overheard import act, browser_says, overheard


def test_action_is_carried_out_and_told() -> None:
    """An action comes with all that was said, and the browser is told what came of it under its own name."""
    done: list[Act] = []
    board = Board(lambda one: done.append(one) or "It is done.")  # type: ignore[func-returns-value]
    sent = overheard(board)
    browser_says(board, act("say", on="c-1", text="Hello", by="Ann"))

    assert done == [Act(ask="a-1", what="say", on="c-1", text="Hello", by="Ann")]
    assert sent == [{"kind": "told", "ask": "a-1", "words": "It is done.", "is_good": True}]


def test_refusal_is_told() -> None:
    """What was refused comes back as a sentence that says what to do."""

    def refuse(_: Act) -> str:
        raise Refused("the call has ended", do="command one that is live")

    board = Board(refuse)
    sent = overheard(board)
    browser_says(board, act("say"))

    words = "The call has ended: command one that is live."
    assert sent == [{"kind": "told", "ask": "a-1", "words": words, "is_good": False}]


def test_failure_is_told_without_its_words() -> None:
    """Whatever an action ends with is answered; an error that is not ours may quote somebody."""

    def fail(_: Act) -> str:
        raise KeyError("+12125550101")

    board = Board(fail)
    sent = overheard(board)
    browser_says(board, act("say"))

    words = "That failed unexpectedly (KeyError): try again, and report it if it stays."
    assert sent == [{"kind": "told", "ask": "a-1", "words": words, "is_good": False}]


@pytest.mark.parametrize(
    ("error", "said"),
    [(Refused("the record is away", do="wait"), "The record is away: wait."), (KeyError("+12125550101"), "(KeyError)")],
)
def test_look_that_fails_is_said_until_one_works(error: Exception, said: str) -> None:
    """Old data are never shown as new, whatever the error was."""

    def fail() -> None:
        raise error

    board = Board(lambda _: "")
    assert board.look(fail) is False
    assert said in board.trouble
    assert "+1212" not in board.trouble
    assert board.look(lambda: None) is True
    assert board.trouble == ""


@pytest.mark.parametrize(
    "content",
    [
        None,
        "act",
        {},
        {"kind": "act"},
        {"kind": "other", "ask": "a", "what": "say"},
        {"kind": "act", "ask": "a", "what": 7},
        {"kind": "act", "ask": "", "what": "say"},
        {"kind": "act", "ask": "a", "what": "say", "text": "x" * (LONGEST_TEXT + 1)},
        {"kind": "act", "ask": "a", "what": "say", "by": "x" * 81},
    ],
)
def test_strange_messages_do_nothing(content: object) -> None:
    """What is not an action, or is too long, is not carried out, and nothing is raised."""
    done: list[Act] = []
    board = Board(lambda one: done.append(one) or "")  # type: ignore[func-returns-value]
    sent = overheard(board)
    browser_says(board, content)

    assert done == []
    assert [one["is_good"] for one in sent] == [False]


# ---- the ticker: it looks when it is asked, and answers every time ----------------------------------


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

"""The running talk, folded from the events so far."""

from opendeep_kit import events
from opendeep_kit.boards.live.presenter import running_talk
from tests.record import recorded
from tests.widgets.made_call import HAPPENED, at


def until(ms: float) -> list[events.Event]:
    """What had happened in the made call by then."""
    return [event for event in HAPPENED if event.at_ms <= ms]


def test_nothing_yet() -> None:
    """Before anything happened there is nothing to follow."""
    talk = running_talk([])
    assert (talk.lines, talk.speaking, talk.gap_p50_ms, talk.gap_worst_ms, talk.barge_ins) == ((), "", None, None, 0)


def test_lines_grow() -> None:
    """What was said stands with its speaker, what was not heard apart, and the wait beside the reply."""
    said = [line for line in running_talk(until(5900)).lines if line.speaker != "note"]

    assert [(line.speaker, line.text[:18], line.unheard, line.gap_ms) for line in said] == [
        ("callee", "Hello?", "", None),
        ("agent", "Hello, I am an AI.", "Can you come?", 1000.0),
        ("callee", "<img src=x onerror", "", None),
    ]


def test_who_speaks_now() -> None:
    """Whoever began last and has not stopped speaks."""
    assert [running_talk(until(ms)).speaking for ms in (450, 700, 1200, 2500, 4050, 4500, 5200, 7000, 9500)] == [
        *("", "callee", "", "agent", "callee", "callee", "", "agent", ""),
    ]


def test_waits_and_barge_ins() -> None:
    """The median and the longest wait, and how often the callee cut in."""
    talk = running_talk(HAPPENED)
    assert (talk.gap_p50_ms, talk.gap_worst_ms, talk.barge_ins) == (1400.0, 1800.0, 1)


def test_a_person_steps_in() -> None:
    """What supervisors did stands in the talk with their names; the disclosure is told in two words."""
    told = at(3000, events.Supervised, what="coach", argument="Offer Thursday.", by="Ann")
    notes = [line.text for line in running_talk([*until(9000), told]).lines if line.speaker == "note"]

    assert "Ann told the agent: Offer Thursday." in notes
    assert "AI disclosed" in notes


def test_long_notes_are_cut() -> None:
    """A tool that returns a page does not fill the screen."""
    talk = running_talk(recorded.recorded()[recorded.COMPLETED])
    assert max(len(line.text) for line in talk.lines if line.speaker == "note") <= 180

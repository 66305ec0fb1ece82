"""What there is to see of a call, from hand-made events."""

from opendeep_kit import events
from opendeep_kit.widgets.call_picture import LONGEST_DETAIL, Cut, MarkKind, Picture, clock, marks, picture
from tests.widgets.made_call import HAPPENED, MARKUP, at, said

SEEN = picture(HAPPENED, recorded_ms=14_000)


def test_lines_begin_with_the_sound_and_not_with_its_detection() -> None:
    """A line's begin and end are the sound's own, by our detector for the callee and by the frames for the agent."""
    assert [(line.begin_ms, line.end_ms, line.speaker, line.heard) for line in SEEN.lines] == [
        (500, 1000, "callee", "Hello?"),
        (2000, 4160, "agent", "Hello, I am an AI."),
        (4000, 5000, "callee", MARKUP),
        (6800, 9000, "agent", "I am an AI. Goodbye!"),
        (10_000, 10_200, "agent", ""),
    ]


def test_what_was_meant_and_not_heard_stands_apart() -> None:
    """A cut line carries the rest of its sentence, a sentence never heard all of it."""
    assert [line.unheard for line in SEEN.lines] == ["", "Can you come?", "", "", "Are you there?"]


def test_meant_that_begins_otherwise_is_shown_whole() -> None:
    """Where the heard words are not the begin of the meant ones, nothing is guessed away."""
    seen = picture([said(3000, "a1", "Hello there", "Good morning, Sam", heard_ms=900, is_cut=True)])

    assert [(line.heard, line.unheard) for line in seen.lines] == [("Hello there", "Good morning, Sam")]


def test_reply_gaps_and_their_colours() -> None:
    """A wait runs from the callee's last sound to the agent's first; over 1200 ms it is slow."""
    assert [(gap.begin_ms, gap.end_ms, gap.is_slow, gap.has_tool) for gap in SEEN.gaps] == [
        (1000, 2000, False, False),
        (5000, 6800, True, True),
    ]
    assert SEEN.gaps[1].stages == {"detect": 500, "begin": 0, "model": 1200, "ours": 0, "lead-in": 100}
    assert [line.wait_ms for line in SEEN.lines] == [None, 1000, None, 1800, None]


def test_barge_in_lasts_until_the_agent_is_quiet() -> None:
    """The red bar begins with the callee's sound over the agent and ends with the agent's last frame."""
    assert SEEN.cuts == (Cut(begin_ms=4000, end_ms=4160),)


def test_marks_in_order() -> None:
    """Tools, the disclosure and the line's own happenings are marked; speech is not."""
    assert [(mark.at_ms, mark.kind, mark.label, mark.detail) for mark in SEEN.marks] == [
        (400, "line", "answered", ""),
        (5900, "tool", "record_answer", '{"value": "yes"} → Noted. (50 ms)'),
        (9000, "disclosure", "AI disclosed", "I am an AI."),
        (14_000, "line", "ended", "by agent completed"),
    ]


def test_failed_and_unfinished_tools() -> None:
    """A tool that failed is marked as such; one that never returned says so."""
    called = [
        at(ms, events.ToolCalled, tool_call_id=name, name=name, arguments="{}") for ms, name in ((1, "a"), (2, "b"))
    ]
    failed = at(3, events.ToolReturned, tool_call_id="a", name="a", output="no", took_ms=5, is_failure=True)

    assert [(mark.kind, mark.detail) for mark in marks([*called, failed])] == [
        (MarkKind.FAILED_TOOL, "{} → no (5 ms)"),
        (MarkKind.TOOL, "{} → it never returned"),
    ]


def test_long_detail_is_cut() -> None:
    """A page that a tool returned does not swell the notebook."""
    (mark,) = marks([at(1, events.OptedOut, utterance="never " * 1000)])

    assert len(mark.detail) == LONGEST_DETAIL + 1


def test_headline() -> None:
    """The headline tells the replies' count, the typical and the slowest wait, and when the disclosure was heard."""
    assert {fact.name: (fact.value, fact.is_bad) for fact in SEEN.facts} == {
        "phone": ("answered, ended by agent", False),
        "replies": ("2", False),
        "typical reply": ("1400 ms", True),
        "slowest": ("1800 ms", True),
        "barge-ins": ("1", False),
        "AI disclosed": ("0:09", False),
    }


def test_disclosure_never_heard_is_said() -> None:
    """A talk in which the callee never heard that an AI speaks says so in its headline."""
    assert [(f.value, f.is_bad) for f in picture([HAPPENED[12]]).facts] == [("never heard", True)]


def test_first_disclosure_counts() -> None:
    """A disclosure repeated later in the call does not move the time at which it was first heard."""
    again = at(12_000, events.DisclosureHeard, text="I am an AI.")

    assert picture([*HAPPENED, again]).facts[-1].value == "0:09"


def test_sound_without_words_is_shaded_apart() -> None:
    """A sound of the callee's of which nothing was understood is seen, without a line."""
    seen = picture([at(100, events.CalleeSoundStarted), at(700, events.CalleeSoundStopped)])

    assert [(sound.begin_ms, sound.end_ms, sound.speaker) for sound in seen.sounds] == [(100, 700, "callee")]
    assert seen.lines == ()


def test_nothing_is_known() -> None:
    """Without events and without a recording there is an empty picture, not an error."""
    assert picture([]) == Picture(call_id="", duration_ms=0, lines=(), sounds=(), gaps=(), cuts=(), marks=(), facts=())
    assert picture([], recorded_ms=5000).duration_ms == 5000


def test_clock() -> None:
    """Hours are told only when there are some."""
    assert [clock(ms) for ms in (0, 59_999, 3_600_000)] == ["0:00", "0:59", "1:00:00"]

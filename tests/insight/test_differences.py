"""Two transcripts, side by side."""

from opendeep_kit.insight.differences import changed_share, differences
from opendeep_kit.insight.transcript import Utterance


def lines(*told: str) -> list[Utterance]:
    """Lines from `speaker: words`."""
    split = [one.partition(": ") for one in told]
    return [Utterance(at_ms=place * 1000, speaker=who, text=text) for place, (who, _, text) in enumerate(split)]


def test_same_words_are_no_difference() -> None:
    """Case and marks make no difference."""
    pairs = differences(lines("callee: Hello?", "agent: Good day."), lines("callee: hello", "agent: good day!"))

    assert [pair.is_same for pair in pairs] == [True, True]
    assert changed_share(pairs) == 0.0


def test_changed_words_are_marked() -> None:
    """Of two lines at the same place, only the words that differ are marked, on each side."""
    (pair,) = differences(lines("agent: Can you come on Tuesday?"), lines("agent: Will you come on Tuesday, please?"))

    assert [(run.text, run.is_changed) for run in pair.before_runs] == [("Can", True), ("you come on Tuesday?", False)]
    assert [(run.text, run.is_changed) for run in pair.after_runs] == [
        ("Will", True),
        ("you come on Tuesday,", False),
        ("please?", True),
    ]


def test_what_only_one_said_stands_alone() -> None:
    """A line that the other call does not have has nothing beside it."""
    pairs = differences(
        lines("callee: Hello?", "agent: Good day.", "callee: Bye."), lines("callee: Hello?", "callee: Bye.")
    )

    assert [(pair.before is None, pair.after is None) for pair in pairs] == [
        (False, False),
        (False, True),
        (False, False),
    ]
    assert round(changed_share(pairs), 2) == 0.33


def test_speakers_are_not_mixed() -> None:
    """What the agent said is never laid beside what the callee said."""
    pairs = differences(lines("agent: One.", "callee: Two."), lines("callee: Three.", "agent: Four."))

    assert all(pair.before.speaker == pair.after.speaker for pair in pairs if pair.before and pair.after)
    assert sorted(pair.before.text for pair in pairs if pair.before) == ["One.", "Two."]
    assert sorted(pair.after.text for pair in pairs if pair.after) == ["Four.", "Three."]


def test_nothing_said() -> None:
    """Two silent calls do not differ."""
    assert differences([], []) == []
    assert changed_share([]) == 0.0

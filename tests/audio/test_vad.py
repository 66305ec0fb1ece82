"""The level detector: edges back-dated, noise learnt."""

from opendeep_kit.audio.vad import Change, Edge, LevelDetector


def edges(levels: list[float]) -> list[Change]:
    """Feed one level per 20 ms frame."""
    detector = LevelDetector()
    return [change for n, level in enumerate(levels) if (change := detector.hear(level, n * 20.0))]


def test_edges_are_back_dated() -> None:
    """A start is the first loud frame's begin, an end the last loud frame's end."""
    levels = [-60.0] * 50 + [-20.0] * 50 + [-60.0] * 50

    assert edges(levels) == [Change(Edge.STARTED, 1000.0), Change(Edge.STOPPED, 2000.0)]


def test_click_is_not_speech() -> None:
    """40 ms of sound make no edge."""
    assert edges([-60.0] * 50 + [-20.0] * 2 + [-60.0] * 50) == []


def test_pause_between_words_is_not_an_end() -> None:
    """200 ms of quiet inside an utterance do not end it."""
    levels = [-60.0] * 50 + [-20.0] * 20 + [-60.0] * 10 + [-20.0] * 20 + [-60.0] * 40

    assert [change.edge for change in edges(levels)] == [Edge.STARTED, Edge.STOPPED]


def test_steady_noise_is_learnt() -> None:
    """In steady noise of -38 dBFS only speech over it makes edges."""
    levels = [-38.0] * 1000 + [-20.0] * 30 + [-38.0] * 100

    assert [round(change.at_ms) for change in edges(levels)][-2:] == [20000, 20600]

"""The board of quality shows what it is given."""

from opendeep_kit.boards.quality.board import Figure, QualityBoard, QualityView


def test_shows_plain_data() -> None:
    """The whole view becomes plain data."""
    board = QualityBoard(lambda _: "")
    assert board.view == {}
    view = QualityView(
        period="week",
        campaign="",
        campaigns=("spring",),
        figures=(Figure(name="calls", value="6"),),
        dispositions=(),
        stages=(),
        versions=(),
        worst=(),
    )
    board.show(view, as_of_ms=3.0)

    assert board.view["figures"] == [{"name": "calls", "value": "6", "note": "", "is_bad": False}]
    assert (board.view["campaigns"], board.as_of) == (["spring"], 3.0)

"""The board of calls now shows what it is given, and lets only changes travel."""

from opendeep_kit.boards.live.board import CallRow, LiveBoard, LiveView, LoopRow, Talk, TalkLine

ROW = CallRow(call_id="c-1", who="Ana", number="…0101", campaign="Spring", stage="talking", since_ms=5.0)


def test_shows_plain_data() -> None:
    """Calls, loops and the talk become plain data; nothing chosen is an empty talk."""
    board = LiveBoard(lambda _: "")
    loop = LoopRow(name="media-1", note="serving", lag_ms=2.0, gap_share=0.0, is_bad=False)
    board.show(LiveView(calls=(ROW,), loops=(loop,)), as_of_ms=9.0)
    assert board.calls[0]["who"] == "Ana"
    assert board.loops[0]["name"] == "media-1"
    assert (board.talk, board.as_of) == ({}, 9.0)

    line = TalkLine(at_ms=1.0, speaker="agent", text="Hello", gap_ms=800.0)
    board.show(LiveView(calls=(ROW,), talk=Talk(call=ROW, script="confirm v1", lines=(line,))), as_of_ms=10.0)
    assert board.talk["call"]["call_id"] == "c-1"
    assert board.talk["lines"] == [{"at_ms": 1.0, "speaker": "agent", "text": "Hello", "unheard": "", "gap_ms": 800.0}]


def test_only_changes_travel() -> None:
    """The same calls a second later change nothing but the time."""
    board = LiveBoard(lambda _: "")
    board.show(LiveView(calls=(ROW,)), as_of_ms=1.0)
    changed: list[str] = []
    board.observe(lambda change: changed.append(change["name"]), ["calls", "loops", "talk", "speeds", "as_of"])
    board.show(LiveView(calls=(ROW,)), as_of_ms=2.0)

    assert changed == ["as_of"]


def test_fresh_data_end_the_trouble() -> None:
    """What was said of stale data goes when new ones come."""
    board = LiveBoard(lambda _: "")
    board.trouble = "the record cannot be read"
    board.show(LiveView(), as_of_ms=1.0)

    assert board.trouble == ""

"""The board of campaigns shows what it is given."""

from opendeep_kit.boards.board import Bar
from opendeep_kit.boards.campaign.board import CampaignBoard, CampaignRow, CampaignView, Fuse, Step

VIEW = CampaignView(
    campaign_id="spring",
    name="Spring",
    state="running",
    script="confirm v1",
    moves=("pause", "stop"),
    why="",
    is_tripped=False,
    waiting=1,
    claimed=2,
    final=3,
    funnel=(Bar(name="attempts", amount=3),),
    outcomes=(),
    per_minute=(0, 2),
    pace="",
    due="",
    held="",
    fuses=(Fuse(name="line", share=0.1, limit=0.3, calls=20, min_calls=20),),
    refusals=(),
    rulings=0,
    money="",
    history=(Step(at_ms=1.0, after="running", reason="r", by="Ann"),),
)


def test_shows_plain_data() -> None:
    """The list and the chosen campaign become plain data; none is an empty one."""
    board = CampaignBoard(lambda _: "")
    row = CampaignRow(campaign_id="spring", name="Spring", state="running", done_share=0.5)
    board.show((row,), None, as_of_ms=1.0)
    assert board.campaigns == [{"campaign_id": "spring", "name": "Spring", "state": "running", "done_share": 0.5}]
    assert board.chosen == {}

    board.show((row,), VIEW, as_of_ms=2.0)
    assert board.chosen["funnel"] == [{"name": "attempts", "amount": 3, "note": ""}]
    assert board.chosen["moves"] == ["pause", "stop"]

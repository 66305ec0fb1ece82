"""The board of a tenant shows what it is given."""

from opendeep_kit.boards.tenant.board import LimitRow, TenantBoard, TenantView


def test_shows_plain_data() -> None:
    """The whole view becomes plain data."""
    board = TenantBoard(lambda _: "")
    view = TenantView(
        name="Clinic",
        tenant_id="clinic",
        limits=(LimitRow(name="Calls at a time", value="20"),),
        budgets=(),
        sought="",
        answer="",
        is_listed=False,
        entries=(),
        has_more=False,
        schedules=(),
        runs=(),
    )
    board.show(view, as_of_ms=3.0)

    assert board.view["limits"] == [{"name": "Calls at a time", "value": "20", "note": ""}]
    assert board.view["tenant_id"] == "clinic"

"""Two versions side by side, from the events of real calls."""

from opendeep_kit.insight.analysis import summarise
from opendeep_kit.lab.comparison import Comparison
from opendeep_kit.lab.placed_call import Calls, PlacedCall
from tests.record import recorded


def call(which: int, callee: str, version: int) -> PlacedCall:
    """A recorded call, as of a version."""
    happened = recorded.recorded()[which]
    return PlacedCall(
        call_id=happened[0].call_id,
        callee=callee,
        script_name="<confirm>",
        script_version=version,
        summary=summarise(happened, recorded.QUESTIONS),
        events=happened,
        recording=None,
    )


COMPARED = Comparison(
    before=(call(recorded.COMPLETED, "ann", 1), call(recorded.OPTED_OUT, "bob", 1)),
    after=(call(recorded.COMPLETED, "ann", 2), call(recorded.CALLBACK, "bob", 2)),
)


def test_totals() -> None:
    """Each side's calls are counted by themselves."""
    totals = COMPARED.totals

    assert totals["calls"].to_list() == [2, 2]
    assert totals["completed"].to_list() == [1, 1]
    assert totals["reply_p50_ms"].notna().all()


def test_what_was_said() -> None:
    """The same call on both sides differs in nothing; another one does."""
    assert all(pair.is_same for pair in COMPARED.said("ann"))
    assert not all(pair.is_same for pair in COMPARED.said("bob"))


def test_it_shows_every_callee() -> None:
    """Both callees, both outcomes and both versions are on the page, and what others wrote is escaped."""
    shown = COMPARED._repr_html_()

    for told in (
        "ann",
        "bob",
        "do not call",
        "callback",
        "&lt;confirm&gt; v1",
        "&lt;confirm&gt; v2",
        "0% of the lines",
    ):
        assert told in shown
    assert "<confirm>" not in shown


def test_a_row_per_call() -> None:
    """The table has a row per call, with its side."""
    frame = COMPARED.frame

    assert frame[["side", "callee", "version"]].to_numpy().tolist() == [
        ["A", "ann", 1],
        ["A", "bob", 1],
        ["B", "ann", 2],
        ["B", "bob", 2],
    ]


def test_calls_show_themselves() -> None:
    """Several calls are a table; a part of them is one too; none says so."""
    calls = Calls(COMPARED.before, [("<b>Cleo</b>", "lacks a number.")])

    assert "&lt;b&gt;Cleo" in calls._repr_html_()
    assert len(calls[:1]) == 1
    assert calls[1].callee == "bob"
    assert calls.frame["disposition"].to_list() == ["completed", "do_not_call"]
    assert Calls([])._repr_html_() == "<i>No calls.</i>"


def test_waits_of_a_call() -> None:
    """The stages of each reply add up to its wait."""
    waits = COMPARED.before[0].waits

    assert len(waits) == len(COMPARED.before[0].replies)
    stages = waits[["detect", "begin", "model", "ours", "lead-in"]].sum(axis=1)
    assert (stages - waits["voice_to_voice"]).abs().max() < 0.5

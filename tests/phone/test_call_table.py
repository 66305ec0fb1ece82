"""Whose event is it: every id that Asterisk may show leads to our call."""

from uuid import UUID

import pytest

from opendeep_kit.errors import OurMistake
from opendeep_kit.phone.ami_message import AmiEvent
from opendeep_kit.phone.call_table import CallTable

CALL_ID = UUID("11111111-2222-4333-8444-555555555555")
OURS = f"od-{CALL_ID}"
CALLEE, HUMAN = "opendeep-line-1795527441.1", "opendeep-line-1795527459.18"


@pytest.mark.parametrize(
    "headers",
    [
        {"linkedid": OURS, "uniqueid": CALLEE},
        {"uniqueid": OURS},
        {"uniqueid": f"{OURS}-2"},
        {"destuniqueid": OURS},
        {"destlinkedid": OURS, "destuniqueid": CALLEE},
        {"localoneuniqueid": OURS},
        {"actionid": f"orig-{CALL_ID}"},
        {"uniqueid": HUMAN, "linkedid": HUMAN, "chanvariable": f"A=b\nOPENDEEP_CALL_ID={CALL_ID}"},
    ],
)
def test_event_finds_its_call(headers: dict[str, str]) -> None:
    """Each id that Asterisk may show leads to the call."""
    table = CallTable()
    call = table.add(CALL_ID)

    assert table.find(AmiEvent("Any", headers)) is call
    assert (table.matched, table.unmatched, table.foreign) == (1, 0, 0)


def test_unmatched_and_foreign_are_told_apart() -> None:
    """An event of ours without a call is counted; other people's calls and mere notices are not ours."""
    table = CallTable()
    for headers in ({"uniqueid": OURS}, {"uniqueid": "1795527441.1", "linkedid": "1795527441.1"}, {"status": "x"}):
        assert table.find(AmiEvent("Any", headers)) is None

    assert (table.matched, table.unmatched, table.foreign) == (0, 1, 1)


def test_an_id_is_used_once() -> None:
    """Two calls never share an id."""
    table = CallTable()
    table.add(CALL_ID)
    with pytest.raises(OurMistake, match="in use"):
        table.add(CALL_ID)

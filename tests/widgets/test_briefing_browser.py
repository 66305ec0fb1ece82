"""The briefing's chat and a review's verdict in a real browser, under Voila."""

from pathlib import Path

import pytest

from opendeep_kit.lab.past_calls import PastCalls
from tests import past as sample
from tests.widgets.browser import CHROMIUM, chromium, voila

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
FIELD = "input[placeholder^='Say it']"


@pytest.mark.slow
def test_talk_and_verdict(tmp_path: Path) -> None:
    """What is typed is answered and the script grows; a click on a verdict is in the file; the console stays clean."""
    folder = tmp_path / "data"
    folder.mkdir()
    ids = sample.fill(folder)
    cells = (
        "from opendeep_kit import PastCalls, briefing_chat\nbriefing_chat()",
        f"past = PastCalls.open({str(folder)!r})\npast.review({ids[0]!r}, by='Ana')",
    )
    complaints: list[str] = []
    with voila(tmp_path, *cells) as address, chromium(tmp_path / "profile") as page:
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(address)
        for said in ("remind members about the meeting", "Rowing Club"):
            page.wait_for_selector(FIELD, timeout=60_000)
            page.fill(FIELD, said)
            page.keyboard.press("Enter")
            page.get_by_text(said, exact=True).first.wait_for()
        page.get_by_text("organisation: Rowing Club").wait_for()
        page.get_by_role("button", name="poor").click()
        page.get_by_text("written down").wait_for()

    with PastCalls.open(folder) as past:
        assert past.verdicts()[["call_id", "verdict", "judged_by"]].to_numpy().tolist() == [[ids[0], "poor", "Ana"]]
    assert complaints == []

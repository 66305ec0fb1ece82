"""A supervisor's clicks reach real calls of a running service: media worker, control, simulated line."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright drives the browser: pip install playwright")
if shutil.which("chromium") is None:
    pytest.skip("there is no chromium to show the dashboards in: apt-get install chromium", allow_module_level=True)

from playwright.sync_api import expect

from benchmarks.dashboards import prepare, service
from opendeep_kit import events
from opendeep_kit.store import calls
from opendeep_kit.store.database import Database, open_database
from opendeep_kit.store.event_rows import read_events
from tests.dashboards.serving import SOON_MS, Viewer, dashboards
from tests.widgets.browser import chromium


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Database]]:
    """A running service that keeps two calls live."""
    folder = tmp_path_factory.mktemp("service")
    opened = open_database(f"sqlite:///{folder / 'opendeep.db'}")
    prepare(opened, folder, 2)
    with service(folder):
        yield folder, opened
    opened.close()


def ended_call(database: Database, call_id: str) -> calls.Call:
    """The call, once it is over."""
    until = time.monotonic() + 30
    while True:
        found = calls.call(database, "default", call_id)
        if found is not None and found.state is calls.CallState.ENDED:
            return found
        assert time.monotonic() < until, "the call goes on"
        time.sleep(0.1)


def test_say_and_hang_up(database: tuple[Path, Database]) -> None:
    """What is said reaches the agent of a live call, a hang-up ends it, and both stand in its record with the name."""
    folder, record = database
    with dashboards(folder, spare_kernels=0) as served, chromium(folder / "profile") as page:
        viewer = Viewer(page=page, served=served)
        viewer.log_in()
        page.get_by_label("Your name").fill("Sam")
        page.locator(".odl-row", has_text="talking").first.click(timeout=60_000)
        expect(page.locator(".odl-title")).to_contain_text("talking", timeout=SOON_MS)
        call_id = page.evaluate("new URLSearchParams(location.hash.slice(1)).get('call')")
        page.get_by_label("Words").fill("One moment please.")
        page.get_by_role("button", name="Say").click()
        expect(page.locator(".odl-order").first).to_contain_text("done", timeout=SOON_MS)
        expect(page.locator(".odl-lines")).to_contain_text("Sam had said: One moment please.", timeout=SOON_MS)
        page.get_by_role("button", name="Hang up").click()
        ended = ended_call(record, call_id)
        expect(page.locator(".odl-title")).to_contain_text("ended by supervisor", timeout=SOON_MS)

    assert ended.result is not None
    assert ended.result.ended_by == "supervisor"
    told = [one for one in read_events(record, "default", call_id) if isinstance(one, events.Supervised)]
    assert [(one.what, one.argument, one.by) for one in told] == [
        ("say", "One moment please.", "Sam"),
        ("hang_up", "", "Sam"),
    ]
    assert viewer.complaints == []

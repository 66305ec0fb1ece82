"""The dashboards of a fresh installation, as they are shipped: a login, boards that say there is nothing, no leaks."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytest.importorskip("playwright", reason="playwright drives the browser: pip install playwright")
if shutil.which("chromium") is None:
    pytest.skip("there is no chromium to show the dashboards in: apt-get install chromium", allow_module_level=True)

from playwright.sync_api import expect

from tests.dashboards.serving import ROOT, SOON_MS, Viewer, dashboards
from tests.widgets.browser import chromium

pytestmark = pytest.mark.slow
SAID = {
    "live": ["Nobody is being called.", "no media worker runs"],
    "campaign": ["There is no campaign yet."],
    "quality": ["No call has ended in this time.", "No reply was measured in this time."],
    "tenant": ["Your list is empty.", "Nothing runs by itself."],
}
STRANGER = """
import pathlib, sys, time
from tests.dashboards.serving import Served, Viewer
from tests.widgets.browser import chromium
with chromium(pathlib.Path(sys.argv[1])) as page:
    Viewer(page=page, served=Served(address=sys.argv[2], password=sys.argv[3], server=None)).log_in()
    print("live", flush=True)
    time.sleep(60)
"""
"""Another supervisor's browser, in a process that can be killed."""
SPARE = len(SAID)
"""One kernel for each board is kept ready."""


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """A browser at the dashboards of a data folder that held nothing."""
    folder = tmp_path_factory.mktemp("empty")
    with dashboards(folder, cull_after_s=5) as served, chromium(folder / "profile") as page:
        found = Viewer(page=page, served=served)
        found.log_in()
        yield found


@pytest.mark.parametrize("board", SAID)
def test_board_says_that_there_is_nothing(viewer: Viewer, board: str) -> None:
    """It loads without an error, fits both widths, and says in words what is not there."""
    page = viewer.open(board)
    for words in SAID[board]:
        expect(page.locator("body")).to_contain_text(words, timeout=SOON_MS)

    assert viewer.pictures(f"empty-{board}") == {800: 0, 1280: 0}
    assert viewer.complaints == []


def test_without_login_nothing(viewer: Viewer) -> None:
    """Who is not logged in is sent to the form; files and folder listings are not served at all."""
    for board in SAID:
        status, where = viewer.served.status(f"voila/render/{board}.ipynb")
        assert (status, where.split("?")[0]) == (302, "/login")
    assert viewer.served.status("voila/files/live.ipynb")[0] == 404
    assert viewer.served.status("voila/api/contents/")[0] == 404
    assert viewer.served.status("api/kernels/00000000-0000-0000-0000-000000000000/channels")[0] == 403


@pytest.mark.soak
def test_killed_browser_is_culled(viewer: Viewer, tmp_path: Path) -> None:
    """A browser that dies without a goodbye loses its kernel after a while; the spare ones stay."""
    viewer.page.goto("about:blank")
    viewer.served.wait_for_kernels(SPARE)
    command = [sys.executable, "-c", STRANGER, str(tmp_path / "profile"), viewer.served.address, viewer.served.password]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "live\n"
        viewer.served.wait_for_kernels(SPARE + 1)
        for process in psutil.Process(other.pid).children(recursive=True):
            process.kill()
        other.kill()

    viewer.served.wait_for_kernels(SPARE)


@pytest.mark.soak
def test_page_opens_though_its_spare_kernel_was_idle_for_long(viewer: Viewer) -> None:
    """A spare kernel that waited longer than idle ones may live is not ended under the page that gets it."""
    viewer.page.goto("about:blank")
    viewer.served.wait_for_kernels(SPARE)
    viewer.page.wait_for_timeout(6000)
    page = viewer.open("tenant")
    page.wait_for_timeout(7000)

    viewer.served.wait_for_kernels(SPARE + 1)
    expect(page.locator(".odb-ticker-live")).to_be_visible()


def test_wrong_password(viewer: Viewer) -> None:
    """A wrong password opens nothing, and the form says so."""
    viewer.page.context.clear_cookies()
    viewer.page.goto(viewer.served.address)
    viewer.page.fill("#password_input", "guess")
    viewer.page.click("#login_submit")

    expect(viewer.page.get_by_role("alert")).to_have_text("That is not the password.")

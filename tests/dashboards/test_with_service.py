"""A supervisor's clicks reach real calls of a running service: media worker, control, and a line of either kind."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

pytest.importorskip("playwright", reason="playwright drives the browser: pip install playwright")
if shutil.which("chromium") is None:
    pytest.skip("there is no chromium to show the dashboards in: apt-get install chromium", allow_module_level=True)

from playwright.sync_api import Page, expect

from benchmarks.dashboards import numbers_of, prepare, service
from opendeep_kit import events
from opendeep_kit.record import calls
from opendeep_kit.record.database import Database, open_database, utc_now
from opendeep_kit.record.event_log import read_events
from tests.dashboards.serving import SOON_MS, Viewer, dashboards
from tests.widgets.browser import chromiums

SILENT = "09"
"""Last digits of people who pick up and say nothing: their calls last until somebody steps in, or half a minute."""
NUMBERS = numbers_of((SILENT,))
SHOWN, FRESH = timedelta(seconds=1.5), timedelta(seconds=9)
expect.set_options(timeout=SOON_MS)


class Room:
    """Two supervisors at two browsers, and a service that keeps three calls live."""

    def __init__(self, record: Database, sam: Viewer, ann: Viewer) -> None:
        self.record = record
        self.sam = sam
        self.ann = ann

    def take_a_call(self) -> tuple[Page, str]:
        """Sam chooses the call that was answered last, which has time left; returns Sam's page and the call."""
        page = self.sam.page
        self.wait(lambda: self._newest() is not None)
        newest = self._newest()
        assert newest is not None
        page.locator(".odl-row").filter(has=page.get_by_text(name_of(newest), exact=True)).click()
        expect(page.locator(".odl-title")).to_contain_text("talking")
        assert chosen(page) == newest.call_id
        return page, newest.call_id

    def _newest(self) -> calls.Call | None:
        """A call that was answered some seconds ago, whose opening is being said."""
        found = calls.calls_of(self.record, "default", state=calls.CallState.LIVE)
        ages = [(utc_now() - one.answered_at, one) for one in found if one.answered_at is not None]
        return min((pair for pair in ages if FRESH > pair[0] > SHOWN), key=lambda pair: pair[0], default=(None, None))[
            1
        ]

    def ended(self, call_id: str) -> calls.Call:
        """The call, once it is over."""
        self.wait(lambda: self.call(call_id).state is calls.CallState.ENDED)
        return self.call(call_id)

    def call(self, call_id: str) -> calls.Call:
        """The call now."""
        found = calls.call(self.record, "default", call_id)
        assert found is not None
        return found

    def told(self, call_id: str) -> list[tuple[str, str, str]]:
        """What supervisors did, as the call's events have it."""
        happened = self.happened(call_id)
        return [(one.what, one.argument, one.by) for one in happened if isinstance(one, events.Supervised)]

    def happened(self, call_id: str) -> list[events.Event]:
        """Everything so far."""
        return read_events(self.record, "default", call_id)

    @staticmethod
    def wait(is_so: Callable[[], bool]) -> None:
        """Until it is so."""
        until = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < until, "it did not come to pass"
            time.sleep(0.05)


def name_of(call: calls.Call) -> str:
    """What the list calls its callee."""
    return f"Callee {NUMBERS.index(call.number)}"


def chosen(page: Page) -> str:
    """The call that the page follows."""
    found: str = page.evaluate("new URLSearchParams(location.hash.slice(1)).get('call')")
    return found


@pytest.fixture(
    scope="module",
    params=[pytest.param("simulator", marks=pytest.mark.slow), pytest.param("asterisk", marks=pytest.mark.soak)],
)
def room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One service, one server of dashboards, two browsers."""
    line: str = request.param
    if line == "asterisk":
        request.getfixturevalue("asterisk_program")
    folder = tmp_path_factory.mktemp("service")
    record = open_database(f"sqlite:///{folder / 'opendeep.db'}")
    prepare(record, folder, 3, personas=(SILENT,))
    with (
        tempfile.TemporaryDirectory(prefix="od-", dir="/tmp") as run_dir,  # short, as a socket's path must be
        service(folder, line=line, OPENDEEP_ASTERISK__RUN_DIR=run_dir),
        dashboards(folder, spare_kernels=0) as served,
        chromiums(folder / "sam", folder / "ann") as pages,
    ):
        sam, ann = (Viewer(page=page, served=served) for page in pages)
        for viewer, name in ((sam, "Sam"), (ann, "Ann")):
            viewer.log_in()
            viewer.page.get_by_label("Your name").fill(name)
        yield Room(record, sam, ann)
    record.close()


def test_say_and_hang_up(room: Room) -> None:
    """What is said reaches the callee, a hang-up ends the call, and both stand in its record with the name."""
    page, call_id = room.take_a_call()
    page.get_by_label("Words").fill("One moment please.")
    page.get_by_role("button", name="Say").click()
    expect(page.locator(".odl-order").first).to_contain_text("done")
    expect(page.locator(".odl-lines")).to_contain_text("Sam had said: One moment please.")
    page.get_by_role("button", name="Hang up").click()

    ended = room.ended(call_id)

    assert ended.result is not None
    assert ended.result.ended_by == "supervisor"
    assert room.told(call_id) == [("say", "One moment please.", "Sam"), ("hang_up", "", "Sam")]
    expect(page.locator(".odl-title")).to_contain_text("ended by supervisor")


def test_coach_is_seen_from_a_second_browser(room: Room) -> None:
    """The agent is told, the callee is not, the call goes on; another supervisor sees it and steps in as well."""
    page, call_id = room.take_a_call()
    page.get_by_label("Words").fill("Offer them Thursday.")
    page.get_by_role("button", name="Coach").click()
    expect(page.locator(".odl-order").first).to_contain_text("done")

    other = room.ann.page
    name = name_of(room.call(call_id))
    other.locator(".odl-row").filter(has=other.get_by_text(name, exact=True)).click()
    expect(other.locator(".odl-lines")).to_contain_text("Sam told the agent: Offer them Thursday.")
    assert chosen(other) == call_id
    assert room.call(call_id).state is calls.CallState.LIVE
    other.get_by_role("button", name="Hang up").click()
    expect(page.locator(".odl-title")).to_contain_text("ended by supervisor")

    assert room.told(call_id) == [("coach", "Offer them Thursday.", "Sam"), ("hang_up", "", "Ann")]
    heard = [one.heard for one in room.happened(call_id) if isinstance(one, events.AgentSaid)]
    assert not any("Thursday" in one for one in heard)


def test_take_over(room: Room) -> None:
    """The agent falls silent and stays so; what the person lets it say is said, and the call is theirs to end."""
    page, call_id = room.take_a_call()
    page.get_by_role("button", name="Take over").click()
    expect(page.locator(".odl-lines")).to_contain_text("Sam took over")
    page.get_by_label("Words").fill("This is Sam.")
    page.get_by_role("button", name="Say").click()
    expect(page.locator(".odl-lines")).to_contain_text("Sam had said: This is Sam.")
    room.wait(lambda: any(isinstance(one, events.AgentSaid) for one in _after(room, call_id, "say")))
    page.get_by_role("button", name="Hang up").click()
    room.ended(call_id)

    assert [what for what, _, _ in room.told(call_id)] == ["take_over", "say", "hang_up"]
    begun = [one for one in _after(room, call_id, "take_over") if isinstance(one, events.AgentSoundStarted)]
    said = next(one.at_ms for one in _after(room, call_id, "say"))
    assert [one for one in begun if one.at_ms < said] == []


def test_transfer(room: Room) -> None:
    """The callee is handed to the number, by the process that holds the line; the agent's part is over."""
    page, call_id = room.take_a_call()
    page.get_by_label("Number of a person").fill("+1 212 555 0101")
    page.get_by_role("button", name="Transfer").click()
    expect(page.locator(".odl-order").first).to_contain_text("done")

    ended = room.ended(call_id)

    assert room.told(call_id) == [("transfer", "+12125550101", "Sam")]
    assert ended.result is not None
    assert ended.result.disposition == "transferred"


def test_nothing_to_complain_of(room: Room) -> None:
    """Neither browser's console holds an error."""
    assert room.sam.complaints + room.ann.complaints == []


def _after(room: Room, call_id: str, what: str) -> list[events.Event]:
    """What happened from that click on."""
    happened = sorted(room.happened(call_id), key=lambda one: one.at_ms)
    place = next(n for n, one in enumerate(happened) if isinstance(one, events.Supervised) and one.what == what)
    return happened[place + 1 :]

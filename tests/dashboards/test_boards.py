"""The dashboards of a tenant at work, in a real browser: live data, actions that act, and nobody else's calls."""

import shutil
from collections.abc import Iterator
from datetime import timedelta

import pytest

pytest.importorskip("playwright", reason="playwright drives the browser: pip install playwright")
if shutil.which("chromium") is None:
    pytest.skip("there is no chromium to show the dashboards in: apt-get install chromium", allow_module_level=True)

from playwright.sync_api import Page, expect

from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import call_commands, calls, campaigns, dnc
from tests.dashboards.played import Played, number, opening
from tests.dashboards.serving import SOON_MS, Served, Viewer, dashboards
from tests.record import recorded
from tests.widgets.browser import chromium

pytestmark = pytest.mark.slow
ENDS = [
    (PhoneResult.ANSWERED, Disposition.COMPLETED),
    (PhoneResult.BUSY, Disposition.NOT_REACHED),
    (PhoneResult.ANSWERED, Disposition.REFUSED),
    (PhoneResult.FAILED, Disposition.FAILED),
] * 6
expect.set_options(timeout=SOON_MS)


class Scene:
    """A clinic that calls, a garage that calls too, and a supervisor of the clinic."""

    def __init__(self, played: Played, served: Served, viewer: Viewer) -> None:
        self.played = played
        self.served = served
        self.viewer = viewer

    def open(self, board: str, name: str = "Sam") -> Page:
        """A board, with the supervisor's name given."""
        page = self.viewer.open(board)
        field = page.get_by_label("Your name")
        if field.count():
            field.fill(name)
        return page


def prepare(played: Played) -> None:
    """What both tenants have done so far."""
    played.tenant("clinic", "Riverside Dental")
    played.tenant("garage", "Garage Nord")
    played.campaign("clinic", "spring", "Spring check-up", contacts=60)
    played.campaign("garage", "tyres", "Winter tyres", contacts=5)
    played.attempts("clinic", "spring", ENDS)
    for which in range(6):
        played.past_call(which, tenant_id="clinic", ago=timedelta(hours=which + 1))
    played.past_call(recorded.OPTED_OUT, tenant_id="garage", ago=timedelta(hours=1), campaign="tyres")
    played.live_call(7, tenant_id="garage", campaign="tyres")
    played.obey()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One server and one browser for all the tests: both are dear."""
    folder = tmp_path_factory.mktemp("dashboards")
    played = Played(folder)
    try:
        prepare(played)
        with (
            dashboards(folder, tenant="clinic", spare_kernels=0, cull_after_s=6) as served,
            chromium(folder / "profile") as page,
        ):
            viewer = Viewer(page=page, served=served)
            viewer.log_in()
            yield Scene(played, served, viewer)
    finally:
        played.close()


def test_call_is_followed(scene: Scene) -> None:
    """A call appears with name and masked number, its talk grows as it is spoken, and its time runs."""
    call_id = scene.played.live_call(0, tenant_id="clinic")
    scene.played.happen(call_id, opening(until_ms=12_000), tenant_id="clinic")
    page = scene.open("live")
    row = page.locator(".odl-row", has_text="Ana Lima")
    expect(row).to_contain_text("…0100")
    row.click()
    expect(page.locator(".odl-lines")).to_contain_text("this is the assistant of Riverside Dental")
    expect(page.locator(".odl-lines")).not_to_contain_text("Yes, speaking.")
    before = page.locator(".odl-lasts").inner_text()

    rest = [event for event in opening(until_ms=20_000) if event.at_ms > 12_000]
    scene.played.happen(call_id, rest, tenant_id="clinic")

    expect(page.locator(".odl-lines")).to_contain_text("Yes, speaking.")
    expect(page.locator(".odl-lasts")).not_to_have_text(before)
    assert scene.viewer.pictures("live") == {800: 0, 1280: 0}
    assert number(100) not in page.content()


def test_other_tenant_is_not_seen(scene: Scene) -> None:
    """The garage's live call is not in the list, and does not open though its id is asked for."""
    theirs = calls.calls_of(scene.played.database, "garage", state=calls.CallState.LIVE)[0].call_id
    page = scene.viewer.open("live")
    page.goto(f"{scene.served.page('live')}#call={theirs}")
    page.reload()
    page.wait_for_selector(".odb-ticker-live", timeout=SOON_MS)
    expect(page.locator(".odl-calls")).to_contain_text("Calls now")

    assert "Winter tyres" not in page.content()
    assert page.locator(".odl-row").count() == len(
        calls.calls_of(scene.played.database, "clinic", state=calls.CallState.LIVE)
    )
    assert page.get_by_role("button", name="Hang up").count() == 0 or "Hiro Sato" not in page.content()


def test_say_is_given_with_the_name(scene: Scene) -> None:
    """What a supervisor wants said is a command with their name, and the page shows that it was done."""
    call_id = scene.played.live_call(1, tenant_id="clinic")
    page = scene.open("live", "Sam Reed")
    page.locator(".odl-row", has_text="Bo Chen").click()
    expect(page.locator(".odl-who")).to_contain_text("Bo Chen")
    page.get_by_label("Words").fill("We are open until six.")
    page.get_by_role("button", name="Say").click()

    expect(page.locator(".odl-order")).to_contain_text("Say “We are open until six.”, by Sam Reed")
    expect(page.locator(".odl-order")).to_contain_text("done")
    given = call_commands.commands_of(scene.played.database, "clinic", call_id)
    assert [(one.kind, one.argument, one.by) for one in given] == [("say", "We are open until six.", "Sam Reed")]
    expect(page.get_by_label("Words")).to_have_value("")


def test_hang_up_ends_the_call(scene: Scene) -> None:
    """One click ends the call; it leaves the list, and its outcome is shown."""
    call_id = scene.played.live_call(2, tenant_id="clinic")
    page = scene.open("live")
    page.locator(".odl-row", has_text="Chloé Dupont").click()
    expect(page.locator(".odl-who")).to_contain_text("Chloé Dupont")
    page.get_by_role("button", name="Hang up").click()

    expect(page.locator(".odl-title")).to_contain_text("partial, ended by supervisor")
    expect(page.locator(".odl-row", has_text="Chloé Dupont")).to_have_count(0)
    expect(page.get_by_role("button", name="Hang up")).to_be_disabled()
    ended = calls.call(scene.played.database, "clinic", call_id)
    assert ended is not None
    assert ended.state == calls.CallState.ENDED


def test_nobody_acts_without_a_name(scene: Scene) -> None:
    """Without a name nothing is done, and the page says what is missing."""
    call_id = scene.played.live_call(3, tenant_id="clinic")
    page = scene.open("live", "")
    page.locator(".odl-row", has_text="Dmitri Orlov").click()
    expect(page.locator(".odl-who")).to_contain_text("Dmitri Orlov")
    page.get_by_role("button", name="Hang up").click()

    expect(page.locator(".odb-toast")).to_contain_text("Say who you are first")
    assert call_commands.commands_of(scene.played.database, "clinic", call_id) == []


def test_campaign_is_paused_and_resumed(scene: Scene) -> None:
    """Pause and resume move the campaign, with the reason and the name in its history."""
    page = scene.open("campaign", "Ann")
    expect(page.locator(".odc-name")).to_have_text("Spring check-up")
    page.get_by_label("Reason").fill("the line is noisy")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".odc-title")).to_contain_text("paused")
    last = campaigns.moves_of(scene.played.database, "clinic", "spring")[-1]
    assert (last.after, last.reason, last.by) == ("paused", "the line is noisy", "Ann")

    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".odc-title")).to_contain_text("running")
    expect(page.locator(".odc-grid")).to_contain_text("No such number, or rejected")
    expect(page.locator(".odc-held")).to_have_text("Held: no control process is alive: run opendeep up")
    assert scene.viewer.pictures("campaign") == {800: 0, 1280: 0}
    assert "Winter tyres" not in page.content()


def test_stop_is_asked_once_more(scene: Scene) -> None:
    """Stopping is for good: the first click only asks, Escape keeps the campaign, and all of it works by keyboard."""
    scene.played.campaign("clinic", "autumn", "Autumn check-up", contacts=2)
    page = scene.open("campaign", "Ann")
    page.locator(".odc-tab", has_text="Autumn check-up").click()
    expect(page.locator(".odc-name")).to_have_text("Autumn check-up")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("group", name="Stop for good?")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_focused()
    assert campaigns.moves_of(scene.played.database, "clinic", "autumn")[-1].after == "running"

    page.keyboard.press("Enter")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("the season is over")
    assert scene.viewer.pictures("campaign-stop") == {800: 0, 1280: 0}
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Stop for good")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".odc-title")).to_contain_text("stopped")
    expect(page.locator(".odc-sure")).to_be_hidden()
    last = campaigns.moves_of(scene.played.database, "clinic", "autumn")[-1]
    assert (last.after, last.reason, last.by) == ("stopped", "the season is over", "Ann")


def test_quality_plays_the_call_chosen(scene: Scene) -> None:
    """The tenant's own ended calls are counted, and a click on one fills the player with its talk."""
    page = scene.open("quality")
    ended = len(calls.calls_of(scene.played.database, "clinic", state=calls.CallState.ENDED))
    expect(page.locator(".odb-figure b").first).to_have_text(str(ended))
    expect(page.locator(".odq-grid")).to_contain_text("asked never to be called again")
    page.locator(".odq-call", has_text="do not call").first.click()

    expect(page.locator(".odp-title")).to_contain_text("do not call")
    expect(page.locator(".odp-lines")).to_contain_text("Riverside Dental")
    assert scene.viewer.pictures("quality") == {800: 0, 1280: 0}
    assert "tyres" not in page.content()


def test_dnc_entry_is_added_found_and_removed(scene: Scene) -> None:
    """A number is forbidden with a reason, found by its digits however written, and removed with a reason."""
    page = scene.open("tenant", "Ann")
    page.get_by_label("Number or prefix").fill("+1 (212) 555-0177")
    page.get_by_label("Why", exact=True).fill("asked by letter")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".odt-entries")).to_contain_text("+12125550177")
    page.get_by_label("Look up a number").fill("+1 212 555 0177")
    page.get_by_role("button", name="Look up").click()
    expect(page.locator(".odt-answer")).to_contain_text("your list forbids it")
    assert scene.viewer.pictures("tenant") == {800: 0, 1280: 0}

    page.get_by_label("Why remove +12125550177").fill("a wrong number")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".odt-answer")).to_contain_text("on no do-not-call list")
    gone = dnc.removals_of(scene.played.database, "clinic", "+12125550177")
    assert [(one.reason, one.removed_by) for one in gone] == [("a wrong number", "Ann")]


def test_closed_page_frees_its_kernel(scene: Scene) -> None:
    """Leaving a board ends its kernel; only the page that is open has one."""
    scene.viewer.open("live")
    scene.served.wait_for_kernels(1)
    second = scene.viewer.page.context.new_page()
    second.goto(scene.served.page("tenant"))
    second.wait_for_selector(".odb-ticker-live", timeout=SOON_MS)
    scene.served.wait_for_kernels(2)
    second.close(run_before_unload=True)

    scene.served.wait_for_kernels(1)


def test_hidden_page_does_not_ask(scene: Scene) -> None:
    """A page that nobody sees sends no tick; seen again, it is live at once."""
    page = scene.viewer.open("live")
    sent = "() => window.odTicks ?? 0"
    page.evaluate(
        """() => { const send = WebSocket.prototype.send; window.odTicks = 0;
        WebSocket.prototype.send = function (...what) { window.odTicks += 1; return send.apply(this, what); } }"""
    )
    hide = "(state) => { Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, "hidden")
    page.wait_for_timeout(300)
    before = page.evaluate(sent)
    page.wait_for_timeout(2500)
    assert page.evaluate(sent) == before

    page.evaluate(hide, "visible")
    page.wait_for_function(f"({sent})() > {before}", timeout=SOON_MS)


def test_nothing_to_complain_of(scene: Scene) -> None:
    """After all this the console holds no error, and nothing was fetched from anywhere else."""
    assert scene.viewer.complaints == []

"""The player in a real browser on a real Voila page: it loads, draws, plays, seeks, and obeys the keyboard."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from opendeep_kit import events
from tests.widgets.made_call import AGENT_HZ, HAPPENED, RATE_HZ, record

pytest.importorskip("playwright", reason="playwright drives the browser: pip install playwright")
if shutil.which("chromium") is None:
    pytest.skip("there is no chromium to show the player in: apt-get install chromium", allow_module_level=True)

from playwright.sync_api import Locator, Page, expect

from tests.widgets.browser import chromium, voila

CELL = """
import pathlib
from opendeep_kit.events import from_line
from opendeep_kit.widgets.call_player import call_player
lines = pathlib.Path("call.jsonl").read_text(encoding="utf-8").splitlines()
call_player([from_line(line) for line in lines], "call.wav", title="<i>By hand</i>")
"""
SOON_MS = 20_000


class Shown:
    """The page with the call's player, an empty one beneath, and what the console complained of."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.player: Locator = page.locator(".odp").first
        self.empty: Locator = page.locator(".odp").nth(1)
        self.complaints: list[str] = []
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def press(self, key: str) -> None:
        """A key, with the keyboard at the player."""
        self.player.focus()
        self.page.keyboard.press(key)

    def button(self, label: str) -> Locator:
        """The call's button of this name."""
        return self.player.get_by_role("button", name=label, exact=True)

    @property
    def at_s(self) -> float:
        """Where the playhead is."""
        minutes, seconds = self.player.locator(".odp-time").inner_text().split(" / ")[0].split(":")
        return int(minutes) * 60 + float(seconds)

    def wait(self, condition: str) -> None:
        """Until this is true in the page."""
        self.page.wait_for_function(condition, timeout=SOON_MS)

    def at_start(self) -> None:
        """Paused, at the begin, at normal speed, nothing heard yet."""
        pause = self.button("Pause")
        if pause.count():
            pause.click()
        self.player.get_by_label("Speed").select_option("1")
        self.press("Home")
        self.page.evaluate("window.heard = []")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """One page for all the tests: a kernel and a browser are dear."""
    folder = tmp_path_factory.mktemp("page")
    record(folder / "call.wav")
    (folder / "call.jsonl").write_text("\n".join(events.to_line(event) for event in HAPPENED), encoding="utf-8")
    with voila(folder, CELL, "call_player([])") as address, chromium(folder / "profile") as opened:
        page = Shown(opened, folder)
        opened.goto(address)
        expect(page.empty).to_be_visible(timeout=60_000)
        yield page


@pytest.fixture
def shown(page: Shown) -> Shown:
    """The page as if just opened."""
    page.at_start()
    return page


def painted(shown: Shown, colour: str, top: int, bottom: int) -> int:
    """How many pixels of a lane have very nearly this colour of the style sheet."""
    count: int = shown.page.evaluate(
        """([colour, top, bottom]) => {
          const canvas = document.querySelector(".odp-canvas");
          const ratio = canvas.width / canvas.clientWidth;
          const name = getComputedStyle(document.querySelector(".odp")).getPropertyValue(colour).trim();
          const wanted = [1, 3, 5].map((at) => parseInt(name.slice(at, at + 2), 16));
          const { data } = canvas.getContext("2d").getImageData(0, top * ratio, canvas.width, (bottom - top) * ratio);
          let count = 0;
          for (let at = 0; at < data.length; at += 4)
            count += data[at + 3] > 200 && wanted.every((part, n) => Math.abs(part - data[at + n]) < 12);
          return count;
        }""",
        [colour, top, bottom],
    )
    return count


def test_loads_and_draws(shown: Shown) -> None:
    """Both lanes, the gaps' figures and the barge-in are on the canvas, and the console has nothing to complain of."""
    assert painted(shown, "--odp-callee", 20, 84) > 1000
    assert painted(shown, "--odp-agent", 106, 170) > 1000
    assert painted(shown, "--odp-agent", 20, 84) == 0
    assert painted(shown, "--odp-gap", 84, 106) > 200
    assert painted(shown, "--odp-slow", 84, 106) > 200
    assert painted(shown, "--odp-cut", 84, 106) > 20
    assert shown.complaints == []


def test_words_are_text(shown: Shown) -> None:
    """Markup that a callee said or a title holds stands there as it was written, and does nothing."""
    expect(shown.player.locator(".odp-line").nth(2)).to_contain_text('<img src=x onerror="window.hurt=1"><b>Wait</b>')
    expect(shown.player.locator(".odp-title")).to_have_text("<i>By hand</i>")
    assert shown.player.locator("img").count() == 0
    assert shown.page.evaluate("window.hurt") is None


def test_meant_but_unheard_is_struck_through(shown: Shown) -> None:
    """The transcript strikes through what the agent meant to say and the callee did not hear."""
    assert shown.player.locator("s").all_inner_texts() == ["Can you come?", "Are you there?"]


@pytest.mark.slow
def test_plays(shown: Shown) -> None:
    """Sound comes out at the end of the audio graph while the playhead moves; Space stops it."""
    shown.button("Play").click()
    shown.wait("window.loudness() > 0.2")
    shown.wait("document.querySelector('.odp-time').textContent >= '0:02.5'")
    assert max(max(lane) for block in shown.page.evaluate("window.heard") for lane in block) == pytest.approx(
        0.5, abs=0.02
    )
    shown.press("Space")
    stopped = shown.at_s
    shown.page.wait_for_timeout(300)

    assert shown.at_s == stopped
    expect(shown.button("Play")).to_be_visible()


def test_blocks_join_to_the_recording(shown: Shown) -> None:
    """What is scheduled, joined, is the recording from its first sample on, as µ-law lets through."""
    shown.press("Space")
    shown.wait("window.heard.length >= 10")
    shown.press("Space")
    lanes = np.concatenate([np.array(block) for block in shown.page.evaluate("window.heard")], axis=1)
    note = 0.5 * np.sin(2 * np.pi * AGENT_HZ * np.arange(2 * RATE_HZ, lanes.shape[1]) / RATE_HZ)

    assert np.abs(lanes[1, 2 * RATE_HZ :] - note).max() < 0.02
    assert np.abs(lanes[1, : 2 * RATE_HZ]).max() == 0


def test_click_on_a_line_plays_from_there(shown: Shown) -> None:
    """The fourth line begins at 6.8 s: a click seeks there, lights it and plays."""
    line = shown.player.locator(".odp-line").nth(3)
    line.click()

    expect(line).to_have_attribute("aria-current", "true")
    assert 6.8 <= shown.at_s < 14
    shown.wait("window.loudness() > 0.2")


def test_click_on_the_lanes_seeks(shown: Shown) -> None:
    """A click in the middle of the lanes goes to the middle of the call."""
    canvas = shown.player.locator(".odp-canvas")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] / 2, "y": 50})

    assert shown.at_s == pytest.approx(7.0, abs=0.1)


def test_keyboard(shown: Shown) -> None:
    """J and K step through the turns, arrows through time, G goes to what was said before the slowest reply."""
    reached = []
    for key in ("j", "j", "j", "k", "ArrowRight", "Shift+ArrowLeft", "g", "End", "Home"):
        shown.press(key)
        reached.append(shown.at_s)

    assert shown.player.get_attribute("data-lm-suppress-shortcuts") == "true", "JupyterLab would take J and K"
    assert reached == [0.5, 2.0, 4.0, 2.0, 7.0, 6.0, 3.5, 14.0, 0.0]


def test_faster_at_the_same_pitch(shown: Shown) -> None:
    """At double speed the agent's note keeps its 500 Hz, and half as much sound is scheduled."""
    shown.player.get_by_label("Speed").select_option("2")
    for _ in range(2):
        shown.press("j")
    shown.press("Space")
    shown.wait("window.heard.length >= 4")
    shown.press("Space")
    sound = np.concatenate([np.array(block) for block in shown.page.evaluate("window.heard")], axis=1)[
        1, : RATE_HZ * 9 // 10
    ]
    crossings = int(np.sum(np.diff(np.signbit(sound[: RATE_HZ * 4 // 5]))))

    assert crossings / 2 / 0.8 == pytest.approx(AGENT_HZ, rel=0.02)
    assert np.abs(np.diff(sound)).max() < 0.08


def test_solo_silences_the_other(shown: Shown) -> None:
    """With only the callee to be heard, the agent's sentence is silent; without solo it is loud again."""
    shown.button("Hear only the callee").click()
    for key in ("j", "j", "Space"):
        shown.press(key)
    shown.wait("document.querySelector('.odp-time').textContent >= '0:02.6'")
    assert shown.page.evaluate("window.loudness()") < 0.001
    shown.button("Hear only the callee").click()

    shown.wait("window.loudness() > 0.2")


def test_zoom_shows_the_strip(shown: Shown) -> None:
    """Zoomed in, a strip of the whole call appears; 0 brings the whole call back."""
    strip = shown.player.locator(".odp-strip")
    expect(strip).to_be_hidden()
    shown.press("+")
    expect(strip).to_be_visible()
    shown.press("0")

    expect(strip).to_be_hidden()


def test_download_is_the_recording(shown: Shown) -> None:
    """The file saved is the recording, byte for byte."""
    with shown.page.expect_download(timeout=SOON_MS) as saving:
        shown.button("Download").click()
    saved = saving.value

    assert saved.suggested_filename == "call.wav"
    assert Path(saved.path()).read_bytes() == (shown.folder / "call.wav").read_bytes()


def test_nothing_known(shown: Shown) -> None:
    """A call of which nothing is known shows a sentence instead of an empty picture."""
    expect(shown.empty).to_contain_text("Nothing is known of this call yet.")
    expect(shown.empty.locator(".odp-canvas")).to_be_hidden()


def test_fits_narrow_and_wide(shown: Shown) -> None:
    """At 800 and at 1280 pixels nothing sticks out sideways."""
    for width in (800, 1280):
        shown.page.set_viewport_size({"width": width, "height": 900})
        shown.wait("document.querySelector('.odp').scrollWidth <= document.querySelector('.odp').clientWidth")
    assert re.fullmatch(r"0:00\.0 / 0:14", shown.player.locator(".odp-time").inner_text())
    assert shown.complaints == []

"""A page of a notebook in a real browser: Voila on loopback, Debian's chromium without a screen."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Page, Route, sync_playwright

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
STARTS_WITHIN_S = 60
PICTURES = Path(__file__).parents[2] / ".ci-artefacts"
"""Screenshots, for people to look at; not kept in the repository."""
WIDTHS = (800, 1280)
EAR = """
window.heard = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...when) {
  window.heard.push([0, 1].map((n) => Array.from(this.buffer.getChannelData(n))));
  return start.apply(this, when);
};
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...more) {
  if (to instanceof AudioDestinationNode) {
    window.ear ??= new AnalyserNode(this.context, { fftSize: 2048 });
    connect.call(this, window.ear);
  }
  return connect.call(this, to, ...more);
};
window.loudness = () => {
  const samples = new Float32Array(2048);
  window.ear?.getFloatTimeDomainData(samples);
  return Math.max(...samples.map(Math.abs));
};
"""
"""Notes what is scheduled, and listens at the very end of the audio graph."""


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def voila(folder: Path, *cells: str) -> Iterator[str]:
    """The address of a page with these cells' outputs."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "page.ipynb")
    port = free_port()
    command = [sys.executable, "-m", "voila", "page.ipynb", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    command += ["--KernelManager.transport=ipc", "--Voila.tornado_settings=disable_check_xsrf=True"]
    own = {"JUPYTER_CONFIG_DIR": str(folder / "jupyter"), "IPYTHONDIR": str(folder / "ipython")}
    with (folder / "voila.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=os.environ | own, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}/"
            _wait_for(f"{address}voila/static/voila.js", server)
            yield address
        finally:
            server.terminate()
            server.wait(20)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("voila did not start")


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """A browser window that reaches loopback only; `page.complaints` is what its console said of errors."""
    with chromiums(profile) as (page,):
        yield page


@contextmanager
def chromiums(*profiles: Path) -> Iterator[tuple[Page, ...]]:
    """As many browsers as profiles, which share nothing."""
    with sync_playwright() as driver, ExitStack() as stack:
        pages = []
        for profile in profiles:
            context = driver.chromium.launch_persistent_context(
                profile, executable_path=CHROMIUM, headless=True, args=FLAGS, viewport={"width": 1280, "height": 900}
            )
            stack.callback(context.close)
            context.route("**/*", _loopback_only)
            context.add_init_script(EAR)
            pages.append(context.pages[0])
        yield tuple(pages)


def take_pictures(page: Page, name: str) -> dict[int, int]:
    """Take the page's picture at two widths; returns how far it sticks out sideways at each."""
    PICTURES.mkdir(exist_ok=True)
    out = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=PICTURES / f"{name}-{width}.png", full_page=True)
        out[width] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return out


def _loopback_only(route: Route) -> None:
    if "//127.0.0.1" in route.request.url or route.request.url.startswith("file:"):
        route.continue_()
    else:  # Voila's page links a CDN's icon font
        route.fulfill(body="")

"""The real `opendeep dashboards` on loopback, and a browser that is logged in and notes every complaint."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from playwright.sync_api import ConsoleMessage, Page

from tests.widgets.browser import free_port, take_pictures

ROOT = Path(__file__).parents[2]
STARTS_WITHIN_S = 90
SOON_MS = 30_000


@dataclass(frozen=True)
class Served:
    """Dashboards that run."""

    address: str
    """With a slash at its end."""
    password: str
    server: psutil.Process

    def page(self, board: str) -> str:
        """The address of a board."""
        return f"{self.address}voila/render/{board}.ipynb"

    def kernels(self) -> int:
        """Kernels that run now."""
        found = 0
        for child in self.server.children(recursive=True):
            try:
                found += any("ipykernel_launcher" in word for word in child.cmdline())
            except psutil.Error:
                continue
        return found

    def wait_for_kernels(self, count: int, *, within_s: float = 60) -> None:
        """Until so many run."""
        until = time.monotonic() + within_s
        while self.kernels() != count:
            assert time.monotonic() < until, f"{self.kernels()} kernels run, not {count}"
            time.sleep(0.2)

    def status(self, path: str) -> tuple[int, str]:
        """What somebody who is not logged in gets: the status, and where they are sent."""

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: object) -> None:
                return None

        try:
            with urllib.request.build_opener(Stay).open(f"{self.address}{path}", timeout=20) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as answer:
            answer.close()
            return answer.code, answer.headers.get("Location", "")


@contextmanager
def dashboards(data_dir: Path, *, tenant: str = "default", **settings: object) -> Iterator[Served]:
    """The dashboards of one tenant on this data folder."""
    port = free_port()
    own = {f"OPENDEEP_DASHBOARDS__{name.upper()}": str(value) for name, value in settings.items()}
    own |= {"IPYTHONDIR": str(data_dir / "ipython"), "OPENDEEP_CONFIG": os.devnull, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "opendeep_kit.cli", "dashboards", "--data", str(data_dir)]
    command += ["--tenant", tenant, "--port", str(port)]
    log_path = data_dir / f"dashboards-{port}.log"
    with log_path.open("wb") as log:
        running = subprocess.Popen(command, cwd=ROOT, env=os.environ | own, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}/"
            _wait_for(f"{address}login", running, log_path)
            said = re.search(r"Password: (\S+)", log_path.read_text())
            yield Served(address=address, password=said[1] if said else "", server=psutil.Process(running.pid))
        finally:
            running.terminate()
            running.wait(30)


def _wait_for(address: str, running: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and running.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the dashboards did not start: {log.read_text()}")


@dataclass
class Viewer:
    """A supervisor's browser window."""

    page: Page
    served: Served
    complaints: list[str] = field(default_factory=list)
    """Errors of the console, and what was fetched from elsewhere."""
    is_leaving: bool = False

    def log_in(self) -> None:
        """Through the form."""
        self.page.on("console", lambda line: self._note(line) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self._keep(str(error)))
        self.page.on("request", lambda asked: self._check(asked.url))
        self.page.goto(self.served.address)
        self.page.fill("#password_input", self.served.password)
        self.page.click("#login_submit")
        self.page.wait_for_selector(".odb-ticker-live", timeout=SOON_MS)

    def open(self, board: str) -> Page:
        """A board, live."""
        self.is_leaving = True
        self.page.goto(self.served.page(board), wait_until="commit")
        self.is_leaving = False
        self.page.wait_for_selector(".odb-ticker-live", timeout=SOON_MS)
        return self.page

    def pictures(self, name: str) -> dict[int, int]:
        """Take its picture at two widths; returns how far it sticks out sideways at each."""
        return take_pictures(self.page, name)

    def _note(self, line: ConsoleMessage) -> None:
        self._keep(f"{line.text} ({line.location.get('url', '')})")

    def _keep(self, complaint: str) -> None:
        # A page that was left looks for the kernel whose end it has just asked for: Voila's own race, seen by nobody.
        if not self.is_leaving:
            self.complaints.append(complaint)

    def _check(self, url: str) -> None:
        if not url.startswith((self.served.address, "data:", "blob:", f"ws{self.served.address[4:]}")):
            self.complaints.append(f"fetched {url}")

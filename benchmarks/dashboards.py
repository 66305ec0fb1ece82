"""Measures what supervisors cost: viewers on the live dashboard beside a running service.

    python -m benchmarks.dashboards [--viewers 10] [--minutes 1] [--calls 4]

Runs the service with the line simulator and humming voices, keeps calls live by a campaign, and lets so many pages of
one chromium look at the live dashboard. Prints the media worker's gap share without and with viewers, what Voila and
its kernels take, and the kernels left when the pages are closed. The browser's own work is on the same machine: where
that matters, its CPU is told apart.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from phonenumbers import is_valid_number, parse
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import func, select

from opendeep_kit import events
from opendeep_kit.boards.presenter import existing_tenant
from opendeep_kit.campaigns.lifecycle import TaskFact
from opendeep_kit.campaigns.model import Campaign, TenantLimits
from opendeep_kit.campaigns.specs import parse_spec
from opendeep_kit.commands.dashboards import free_port
from opendeep_kit.engine import campaign_service
from opendeep_kit.engine.campaign_moves import move
from opendeep_kit.record import campaigns
from opendeep_kit.record.calls import CallState
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.record.service_tables import media_workers
from opendeep_kit.record.tables import call_events, calls
from opendeep_kit.tasks.script import parse_script
from opendeep_kit.tenants import DEFAULT_TENANT

ROOT = Path(__file__).parents[1]
AREAS = [area for area in range(201, 990) if is_valid_number(parse(f"+1{area}5550101"))]
"""Some 450: with six people in each, calls of five seconds do not run out in an hour."""
PERSONAS = ("01", "03", "04", "05", "06", "09")
"""Last digits of people who stay on the line for a while (`rehearsal/public.py`)."""
SPEC = {
    "windows": {"daily": "00:00-24:00"},
    "holidays": "calls",
    "caps": {"per_day": 99, "per_24_h": 99, "lifetime": 99},
    "breaker": {"max_line_share": 1.0, "max_numbers_share": 1.0},
}
SCRIPT = """---
script: chat
goal: Say hello.
organisation: Riverside Dental
facts: [name]
disclosure: An AI calls.
---

# Opening
Hello, {disclosure}

# Closing
Goodbye.
"""
STARTS_WITHIN_S = 120
SETTLE_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What the media loop did in a stretch of time."""

    calls: int
    """That ended in it."""
    frames: int
    skipped: int
    max_late_ms: float
    lag_p50_ms: float
    lag_max_ms: float
    """The worst wake-up of its loop, second by second."""
    live: float
    """Calls at a time, mean."""

    def line(self, name: str) -> str:
        """For the report."""
        share = self.skipped / max(1, self.frames + self.skipped)
        return (
            f"{name:16} {self.live:4.1f} live, {self.calls:3} ended, gap share {share:.4%} "
            f"({self.skipped} of {self.frames + self.skipped} slots), latest frame {self.max_late_ms:.0f} ms, "
            f"loop lag p50 {self.lag_p50_ms:.0f} ms, worst {self.lag_max_ms:.0f} ms"
        )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--viewers", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--calls", type=int, default=4, help="live at a time")
    asked = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a long run tells what it knows when it knows it
    with tempfile.TemporaryDirectory(prefix="od-", dir="/tmp") as folder:
        data = Path(folder)
        database = open_database(f"sqlite:///{data / 'opendeep.db'}")
        prepare(database, data, asked.calls)
        with service(data), served(data) as (address, password, server):
            wait_until(lambda: live(database) >= max(1, asked.calls - 1), "no call became live")
            time.sleep(SETTLE_S)
            print(measure(database, asked.minutes * 60).line("no viewer"))
            watch(database, asked.viewers, asked.minutes * 60, address, password, server)
        database.close()


def watch(
    database: Database, viewers: int, seconds: float, address: str, password: str, server: psutil.Process
) -> None:
    """Open the pages, measure beside them, close them."""
    spare = len(kernels(server))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        first = context.new_page()
        first.goto(address)
        first.fill("#password_input", password)
        first.click("#login_submit")
        pages = [first, *(context.new_page() for _ in range(viewers - 1))]
        opened = []
        for page in pages:
            began = time.monotonic()
            if page is not first:
                page.goto(f"{address}voila/render/live.ipynb")
            page.wait_for_selector(".odb-ticker-live", timeout=90_000)
            opened.append(time.monotonic() - began)
        time.sleep(SETTLE_S)
        before = cpu_s(server)
        ticks = measure_ticks(pages[-1])
        began = time.monotonic()
        phase = measure(database, seconds, pump=lambda: pages[0].wait_for_timeout(50))
        took = time.monotonic() - began
        after = cpu_s(server)
        own, of_kernels = (100 * (b - a) / took for a, b in zip(before, after, strict=True))
        print(phase.line(f"{viewers} viewers"))
        print(f"pages live after {min(opened):.1f} to {max(opened):.1f} s; {ticks(took):.2f} ticks a second each")
        print(f"CPU: Voila {own:.1f} %, all kernels {of_kernels:.1f} % of one core")
        sizes = [pss_mb(one) for one in kernels(server)]
        print(
            f"memory (PSS): Voila {pss_mb(server):.0f} MB, {len(sizes)} kernels ({spare} of them spare) "
            f"{sum(sizes):.0f} MB, {sum(sizes) / len(sizes):.0f} MB each"
        )
        began = time.monotonic()
        for page in pages[1:]:
            page.close(run_before_unload=True)
        first.goto("about:blank")
        wait_until(lambda: len(kernels(server)) <= spare, "kernels stayed")
        print(f"kernels left {time.monotonic() - began:.1f} s after closing: {len(kernels(server))} (all spare)")
        browser.close()


def measure_ticks(page: Page) -> Callable[[float], float]:
    """Counts what a page sends; returns the rate for a length of time."""
    page.evaluate(
        "() => { const send = WebSocket.prototype.send; window.odSent = 0;"
        " WebSocket.prototype.send = function (...what) { window.odSent += 1; return send.apply(this, what); } }"
    )
    return lambda took: float(page.evaluate("window.odSent")) / took


# ---- the service ------------------------------------------------------------------------------------


def prepare(database: Database, data: Path, at_once: int, personas: Sequence[str] = PERSONAS) -> None:
    """A campaign that keeps so many calls live, to people of these last digits."""
    now = datetime.now(UTC)
    existing_tenant(database, DEFAULT_TENANT)
    campaigns.save_limits(database, TenantLimits(tenant_id=DEFAULT_TENANT, needs_consent=False))
    script = parse_script(SCRIPT, name="chat", source="benchmark")
    spec = SPEC | {"flow": {"max_live": at_once}}
    new = Campaign(tenant_id=DEFAULT_TENANT, campaign_id="bench", name="Bench", **parse_spec(spec))
    campaign_service.create(database, new, script, by="bench", now=now)
    numbers = numbers_of(personas)
    path = data / "contacts.csv"
    path.write_text("number,name\n" + "".join(f"{one},Callee {place}\n" for place, one in enumerate(numbers)))
    campaign_service.import_contacts(database, DEFAULT_TENANT, "bench", path, by="bench", now=now)
    move(database, DEFAULT_TENANT, "bench", TaskFact.STARTED, reason="the benchmark", by="bench", now=now)


def numbers_of(personas: Sequence[str]) -> list[str]:
    """Everybody with these last digits, in the order in which they are named `Callee 0`, `Callee 1` …"""
    return [f"+1{area}55501{last}" for last in personas for area in AREAS]


@contextmanager
def service(data: Path, *, line: str = "simulator", **own: str) -> Iterator[None]:
    """`opendeep up` with humming voices, and with these variables in its environment."""
    own |= {"OPENDEEP_REHEARSAL__ENGINE": "tones", "OPENDEEP_CONFIG": os.devnull, "OPENDEEP_SERVICE__DRAIN_S": "2"}
    with running(data, ["up", "--line", line], "service.log", own):
        yield


@contextmanager
def served(data: Path) -> Iterator[tuple[str, str, psutil.Process]]:
    """The dashboards: address, password, process."""
    port = free_port("127.0.0.1")
    with running(data, ["dashboards", "--port", str(port)], "dashboards.log", {"PYTHONUNBUFFERED": "1"}) as process:
        address = f"http://127.0.0.1:{port}/"
        wait_until(lambda: answers(f"{address}login"), "the dashboards did not start")
        said = re.search(r"Password: (\S+)", (data / "dashboards.log").read_text())
        yield address, said[1] if said else "", process


@contextmanager
def running(data: Path, words: list[str], log_name: str, own: dict[str, str]) -> Iterator[psutil.Process]:
    """An `opendeep` command until the block ends."""
    command = [sys.executable, "-m", "opendeep_kit.cli", words[0], "--data", str(data), *words[1:]]
    with (data / log_name).open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | own, stdout=log, stderr=log)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


# ---- what is seen -----------------------------------------------------------------------------------


def live(database: Database) -> int:
    """Calls whose sound flows."""
    with database.read() as connection:
        query = select(func.count()).where(calls.c.state == CallState.LIVE, calls.c.media_ended_at.is_(None))
        return connection.scalar(query) or 0


def measure(database: Database, seconds: float, pump: Callable[[], object] | None = None) -> Phase:
    """Watch the media loop for so long."""
    since = datetime.now(UTC)
    lags, lives = [], []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with database.read() as connection:
            lags += list(connection.scalars(select(media_workers.c.loop_lag_ms)))
        lives.append(live(database))
        if pump is not None:
            pump()
        time.sleep(1.0)
    query = select(call_events.c.type, call_events.c.data).where(
        call_events.c.type == events.MediaMeasured.__name__, call_events.c.recorded_at > since
    )
    with database.read() as connection:
        measured = [events.from_json(row.type, row.data) for row in connection.execute(query)]
    found = [one for one in measured if isinstance(one, events.MediaMeasured)]
    lags = sorted(lags) or [0.0]
    return Phase(
        calls=len(found),
        frames=sum(one.frames_sent for one in found),
        skipped=sum(one.slots_skipped for one in found),
        max_late_ms=max((one.max_late_ms for one in found), default=0.0),
        lag_p50_ms=lags[len(lags) // 2],
        lag_max_ms=lags[-1],
        live=sum(lives) / max(1, len(lives)),
    )


def kernels(server: psutil.Process) -> list[psutil.Process]:
    """The kernels that run."""
    found = []
    for child in server.children(recursive=True):
        try:
            if any("ipykernel_launcher" in word for word in child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def cpu_s(server: psutil.Process) -> tuple[float, float]:
    """Seconds of CPU so far: Voila's, and its kernels'."""

    def used(one: psutil.Process) -> float:
        times = one.cpu_times()
        return float(times.user + times.system)

    return used(server), sum(used(one) for one in kernels(server))


def pss_mb(process: psutil.Process) -> float:
    """Its share of memory."""
    return float(process.memory_full_info().pss) / 1e6


def answers(address: str) -> bool:
    """Whether something is served there."""
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError as answer:
        answer.close()
        return True
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    """Wait for something that must come."""
    until = time.monotonic() + STARTS_WITHIN_S
    while not is_so():
        if time.monotonic() > until:
            raise SystemExit(otherwise)
        time.sleep(0.2)


if __name__ == "__main__":
    main()

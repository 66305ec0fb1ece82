"""Measures how soon a supervisor's click acts on a live call, and when a second browser shows it.

    python -m benchmarks.clicks [--line asterisk] [--clicks 10]

Runs the service and keeps calls live by a campaign to people who say nothing. One chromium clicks *hang up* on the
call that was answered last; another, with a login of its own, follows the same call. Prints the time from the click to
the end of the callee's leg as the line tells it, and to the word on the other's page.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.dashboards import numbers_of, prepare, served, service, wait_until
from opendeep_kit.record import calls
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.tenants import DEFAULT_TENANT

SILENT = "09"
"""Last digits of people who pick up and say nothing."""
OLD_ENOUGH, YOUNG_ENOUGH = timedelta(seconds=2), timedelta(seconds=9)
"""Since the answer: the page shows it, and it does not end by itself meanwhile."""
NUMBERS = numbers_of((SILENT,))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--line", default="asterisk", choices=["asterisk", "simulator"])
    parser.add_argument("--clicks", type=int, default=10)
    asked = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    with tempfile.TemporaryDirectory(prefix="od-", dir="/tmp") as folder:
        data = Path(folder)
        record = open_database(f"sqlite:///{data / 'opendeep.db'}")
        prepare(record, data, 3, personas=(SILENT,))
        with (
            service(data, line=asked.line, OPENDEEP_ASTERISK__RUN_DIR=str(data / "a")),
            served(data) as (address, password, _),
            two_browsers(address, password) as (sam, ann),
        ):
            acted, seen = zip(*(hang_up(record, sam, ann) for _ in range(asked.clicks)), strict=True)
        record.close()
    print(f"{asked.clicks} clicks on hang up, line {asked.line}")
    for what, times in (("callee's leg ended", acted), ("seen in a second browser", seen)):
        print(f"{what:26} after {min(times):.2f} to {max(times):.2f} s, median {sorted(times)[len(times) // 2]:.2f} s")


@contextmanager
def two_browsers(address: str, password: str) -> Iterator[tuple[Page, Page]]:
    """Two pages of the live board, each with a login of its own."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        pages = []
        for name in ("Sam", "Ann"):
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.goto(address)
            page.fill("#password_input", password)
            page.click("#login_submit")
            page.wait_for_selector(".odb-ticker-live", timeout=90_000)
            page.get_by_label("Your name").fill(name)
            pages.append(page)
        yield pages[0], pages[1]
        browser.close()


def hang_up(record: Database, sam: Page, ann: Page) -> tuple[float, float]:
    """One click: seconds until the callee's leg had ended, and until the other browser said so."""
    wait_until(lambda: newest(record) is not None, "no call was answered")
    call = newest(record)
    assert call is not None
    for page in (sam, ann):
        name = page.get_by_text(f"Callee {NUMBERS.index(call.number)}", exact=True)
        page.locator(".odl-row").filter(has=name).click()
    sam.locator(".odl-title", has_text="talking").wait_for()
    ann.locator(".odl-title", has_text="talking").wait_for()
    began, clicked = time.monotonic(), datetime.now(UTC)
    sam.get_by_role("button", name="Hang up").click()
    ann.locator(".odl-title", has_text="ended by supervisor").wait_for()
    seen = time.monotonic() - began
    ended = calls.call(record, DEFAULT_TENANT, call.call_id)
    assert ended is not None
    assert ended.ended_at is not None
    return (ended.ended_at - clicked).total_seconds(), seen


def newest(record: Database) -> calls.Call | None:
    """The call that was answered last, if that was just now."""
    now = datetime.now(UTC)
    found = calls.calls_of(record, DEFAULT_TENANT, state=calls.CallState.LIVE)
    fresh = [one for one in found if one.answered_at and OLD_ENOUGH < now - one.answered_at < YOUNG_ENOUGH]
    return max(fresh, key=lambda one: str(one.answered_at), default=None)


if __name__ == "__main__":
    main()

"""The site builds without a warning, and asks nothing of anybody else."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import sync_playwright

from docs.reference.pages import PAGES
from tests.docs.documents import ROOT

pytestmark = pytest.mark.slow
ELSEWHERE = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=["']?(?:https?:)?//[^"'>\s]+""")
WIDTHS = (1280, 800)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site, as `make docs` builds it: warnings are errors."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served, on loopback."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_pages_are_built(site: Path) -> None:
    """Every page that is made from the code is there, with its own headings."""
    for name in PAGES:
        assert "<h2" in (site / "reference" / f"{name}.html").read_text(encoding="utf-8")


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """No page names a script, a style, a font or a picture of another host."""
    pages = {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}

    assert {name: found for name, text in pages.items() if (found := ELSEWHERE.findall(text))} == {}
    assert ELSEWHERE.findall('<script src="https://cdn.example/x.js"></script>')


def test_pages_fit_and_stay_at_home(site: Path, address: str) -> None:
    """In a browser no page asks another host for anything, and none is wider than the window."""
    asked: set[str] = set()
    wide: dict[str, int] = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.on("request", lambda request: asked.add(request.url))
            for path in sorted(site.rglob("*.html")):
                name = path.relative_to(site).as_posix()
                page.goto(f"{address}/{name}")
                wide[f"{name} at {width}"] = page.evaluate("document.documentElement.scrollWidth") - width
        browser.close()

    assert {url for url in asked if not url.startswith((address, "data:", "blob:"))} == set()
    assert {name: over for name, over in wide.items() if over > 0} == {}


def test_search_finds_a_setting(site: Path, address: str) -> None:
    """Part of a name leads to its page."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/index.html")
        page.click("input.md-search__input")
        page.keyboard.type("downlink")
        page.wait_for_selector(".md-search-result__item a[href*='settings']")
        browser.close()

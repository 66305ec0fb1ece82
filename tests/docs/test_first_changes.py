"""The five walk-throughs are whole: they fit the tree as it is, and with them its tests pass."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.documents import ROOT
from tests.docs.walkthroughs import applied, changes

TEXT = (ROOT / "docs" / "first-changes.md").read_text(encoding="utf-8")
SOURCES = {path: (ROOT / path).read_text(encoding="utf-8") for path, _, _ in changes(TEXT)}
FOLDERS = ("opendeep_kit", "tests", "asterisk", "docs", "examples", "notebooks")
NUMBERS = ("Two", "Three", "Four")


def test_they_fit_the_tree() -> None:
    """What each change expects stands in its file, once."""
    after = applied(TEXT, SOURCES)

    assert all(after[path] != before for path, before in SOURCES.items())


def test_the_files_are_counted() -> None:
    """Each walk-through says how many files it touches."""
    for part in TEXT.split("\n## ")[1:]:
        touched = {path for path, _, _ in changes(part)}
        (said,) = re.findall(rf"\* ({'|'.join(NUMBERS)}) files\.", part)

        assert len(touched) == NUMBERS.index(said) + 2


def test_a_change_that_does_not_fit_is_seen() -> None:
    """A line that was renamed meanwhile fails."""
    path = next(iter(SOURCES))

    with pytest.raises(ValueError, match="0 times"):
        applied(TEXT, SOURCES | {path: "another time\n"})


@pytest.mark.slow
def test_with_them_the_tests_pass(tmp_path: Path) -> None:
    """In a copy of the tree, the tests that they change and those of the reference are green."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    for source in (*ROOT.glob("*.md"), *ROOT.glob("*.toml"), ROOT / "mkdocs.yml", ROOT / "Makefile"):
        shutil.copy2(source, tmp_path / source.name)
    for path, text in applied(TEXT, SOURCES).items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    tests = sorted(path for path in SOURCES if path.startswith("tests/"))
    more = ["tests/rehearsal/test_public.py", "tests/asterisk/test_templates.py", "tests/test_events.py"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", *tests, *more, "tests/docs/test_reference.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stdout[-3000:]

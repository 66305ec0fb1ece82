"""What kind of test a module holds, by where it lies: known before the module is imported.

A folder has one category; modules that differ from their folder are named before it. A new module is a `unit` until it
is named here: the fence tells when it is none.
"""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent


class Category(StrEnum):
    """What a test may touch. Each also marks its tests: `pytest -m "unit or net"`."""

    UNIT = "unit"
    """Nothing outside the process: no socket, no database, no child process. Time is virtual."""
    NET = "net"
    """Sockets between parts of this process. Time is virtual."""
    STORE = "store"
    """A database: SQLite, PostgreSQL, DuckDB."""
    SERVICE = "service"
    """Several parts or processes together, on the clock of the wall."""
    ASTERISK = "asterisk"
    """A real Asterisk, or its installation."""
    SPEECH = "speech"
    """The speech models."""

    @property
    def opens_something(self) -> bool:
        """Reaches beyond this process: files of a database, other processes, models."""
        return self not in (Category.UNIT, Category.NET)


BUDGETS_S = {
    Category.UNIT: 0.2,
    Category.NET: 0.5,
    Category.STORE: 1.0,
    Category.SERVICE: 10.0,
    Category.ASTERISK: 10.0,
    Category.SPEECH: 5.0,
}
"""How long one test should take on an idle machine. Told at the end of a run, never asserted."""

PLACES: dict[Category, tuple[str, ...]] = {
    Category.SPEECH: ("rehearsal/test_speech.py",),
    Category.ASTERISK: (
        "asterisk/*",
        "commands/test_asterisk.py",
        "media/test_call_end.py",
        "phone/test_asterisk_*",
        "phone/test_sip_outcomes.py",
        "test_line_choice.py",
    ),
    Category.SERVICE: (
        "*_browser.py",
        "*/test_full_disk.py",
        "audio/test_recording.py",
        "audio/test_resample.py",
        "boards/test_presenter.py",
        "boards/test_voila_server.py",
        "commands/test_demo.py",
        "commands/test_doctor.py",
        "commands/test_unwritable.py",
        "dashboards/*",
        "docs/test_examples.py",
        "docs/test_first_changes.py",
        "docs/test_site.py",
        "engine/test_attempts.py",
        "engine/test_by_hand.py",
        "engine/test_control.py",
        "engine/test_dialer.py",
        "engine/test_schedules.py",
        "engine/test_two_controls.py",
        "engine/test_worker_choice.py",
        "lab/test_reports.py",
        "lab/test_workbench.py",
        "media/test_worker.py",
        "service/*",
        "soak/*",
        "tasks/test_briefing_client.py",
        "test_app.py",
        "test_child_process.py",
        "test_notebooks.py",
        "test_public_names.py",
        "voice/test_webhooks.py",
        "widgets/test_call_player.py",
    ),
    Category.STORE: (
        "boards/*/test_presenter.py",
        "boards/*/test_figures.py",
        "commands/*",
        "docs/*",
        "engine/*",
        "lab/*",
        "media/test_follow.py",
        "record/*",
        "warehouse/*",
    ),
    Category.NET: (
        "phone/test_ami_client.py",
        "phone/test_audiosocket_*",
        "commands/test_media.py",
        "rehearsal/test_callee.py",
        "rehearsal/test_line.py",
        "rehearsal/test_realtime_*",
        "rehearsal/test_reply_llm.py",
        "test_bridge.py",
        "voice/test_reconnecting.py",
        "widgets/test_briefing.py",
    ),
    Category.UNIT: (
        "asterisk/test_templates.py",
        "docs/test_doctests.py",
        "engine/test_blocked_by.py",
        "engine/test_failure_detector.py",
        "lab/test_comparison.py",
        "lab/test_own_thread.py",
        "lab/test_pictures.py",
    ),
}
"""Folders, and modules that are of another kind than their folder: the longest pattern that fits a module's path below
`tests/` says what it is. A module without one is a unit."""


@cache
def category_of(path: Path) -> Category:
    """The category of this test module."""
    place = path.relative_to(TESTS).as_posix() if path.is_relative_to(TESTS) else path.name
    fitting = {
        pattern: category for category, patterns in PLACES.items() for pattern in patterns if fnmatch(place, pattern)
    }
    return fitting[max(fitting, key=len)] if fitting else Category.UNIT


@cache
def modules_below(path: Path) -> tuple[Path, ...]:
    """The test modules in this folder and below it; the module itself, if it is one."""
    if path.is_dir():
        return tuple(sorted(path.rglob("test_*.py")))
    return (path,) if path.match("test_*.py") else ()

"""The reference is whole: whatever has no text yet is named here, and every page is on the site."""

import re
from dataclasses import dataclass
from enum import StrEnum
from types import ModuleType

import pytest

from docs.reference import commands, errors, events, outcomes, rooms, settings, texts, tools, views
from docs.reference.pages import BESIDE, PAGES
from opendeep_kit.config import Settings
from opendeep_kit.events import Event
from opendeep_kit.voice.call_tools import CALL_TOOLS
from opendeep_kit.warehouse.catalogue import documented_views
from tests.docs.documents import ROOT, made


@pytest.mark.parametrize("page", PAGES.values(), ids=[*PAGES])
def test_nothing_lacks_its_text(page: ModuleType) -> None:
    """Every setting, event, field, view, column, error, tool, argument, command, option and module says what it is."""
    assert page.undocumented() == []


@pytest.mark.parametrize("name", [*made()])
def test_tables_are_whole(name: str) -> None:
    """Each row of a table has as many cells as its head: no text broke it."""
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in made()[name].splitlines() if line.startswith("|")]
    heads = [
        widths[place - 1]
        for place, line in enumerate(line for line in made()[name].splitlines() if line.startswith("|"))
        if line.startswith("| ---")
    ]

    assert set(widths) <= set(heads)


def test_every_page_is_on_the_site() -> None:
    """The site's contents list each page that is made."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")

    assert [name for name in PAGES if f"reference/{name}.md" not in navigation] == []
    assert [name for name in BESIDE.values() if f": {name}" not in navigation] == []


def test_settings_are_all_there() -> None:
    """Each value of each section has its name, its variable and its default."""
    shown = {setting.name: setting for _, _, inside in settings.settings() for setting in inside}
    plain = {
        f"{name}.{key}"
        for name, section in Settings()
        if hasattr(type(section), "model_fields")
        for key in type(section).model_fields
    }
    nested = {"service.everyone", "service.trunks", "voice.turn_detection"}

    assert plain - nested <= set(shown)
    assert shown["phone.port"].variable == "OPENDEEP_PHONE__PORT"
    assert shown["call.lead_ms"].allowed == "milliseconds, at least 0, at most 60"
    assert shown["call.lead_ms"].default == "default `20`"
    assert shown["service.trunks.<trunk>.max_live"].variable == "OPENDEEP_SERVICE__TRUNKS as JSON"


def test_events_are_all_there() -> None:
    """Each event of the package is on the page, with its own fields."""
    ours = {name for name, event in Event.registry.items() if event.__module__.startswith("opendeep_kit.events.")}

    assert {event.__name__ for inside in events.classes().values() for event in inside} == ours
    assert all(f"### `{name}`" in made()["docs/reference/events.md"] for name in ours)
    assert set(events.classes()) == set(events.SUBJECTS)


def test_views_errors_tools_and_commands_are_all_there() -> None:
    """Each has its heading."""
    assert all(f"## `{view.name}`" in made()["docs/reference/views.md"] for view in documented_views())
    assert all(f"## `{kind.__name__}`" in made()["docs/reference/errors.md"] for kind in errors.kinds())
    assert all(f"## `{tool.name}`" in made()["docs/reference/tools.md"] for tool in CALL_TOOLS)
    assert all(f"`opendeep {each.name}" in made()["docs/reference/commands.md"] for each in commands.commands())
    assert len(errors.messages()) > 200
    assert {each.__name__ for each in outcomes.sets()} >= {"PhoneResult", "Disposition", "EndedBy"}


def test_rooms_are_all_there() -> None:
    """Every folder and module at the top of the package stands in the import rule, and so on the page."""
    tops = {path.stem for path in rooms.PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

    assert {room for row in rooms.layers() for room in row} == tops - {"__init__"}


class Colour(StrEnum):
    """Made for the test below."""

    RED = "red"
    """Like a stop light."""
    GREY = "grey"


@dataclass
class Thing:
    """Made for the test below."""

    size_mm: float
    """Across."""
    weight_g: float = 0.0
    colour: Colour = Colour.RED
    """As painted,
    not as seen."""


def test_texts_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The string below a field is its text, on one line; a field without one has none, and so would be missed."""
    monkeypatch.setattr(texts, "OURS", ("tests",))

    assert texts.beside(Thing) == {"size_mm": "Across.", "colour": "As painted, not as seen."}
    assert texts.members(Colour) == [("red", "Like a stop light."), ("grey", "")]


def test_what_has_no_text_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the texts of the code every page names what it misses."""
    for page in (settings, events):
        monkeypatch.setattr(page, "beside", lambda cls: {})
    monkeypatch.setattr(tools, "arguments", lambda tool: [("reason", "text", "")])
    monkeypatch.setattr(rooms, "says", lambda path: "")
    monkeypatch.setattr(views, "columns", lambda: {view.name: [("surprise", "int")] for view in documented_views()})

    assert "phone.port" in settings.undocumented()
    assert "EndAsked.reason" in events.undocumented()
    assert "end_call.reason" in tools.undocumented()
    assert "bridge.py" in rooms.undocumented()
    assert "calls.surprise" in views.undocumented()

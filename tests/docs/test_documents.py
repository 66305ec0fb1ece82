"""The documents speak of what exists: paths, `make` targets, commands, options, settings, and words that lead inside."""

import re
from pathlib import Path

import pytest

from docs.reference import rooms
from opendeep_kit.config import load_settings
from opendeep_kit.tasks.script import parse_script
from tests.docs.documents import (
    ROOT,
    blocks,
    made,
    missing_commands,
    missing_paths,
    missing_targets,
    tops,
    uses,
    written,
)

DOCUMENTS = [*written()]
OUTSIDE = re.compile(r"\b(STYLE|DESIGN|INSIGHT)\.md|\b[Ss]ee FACTS|\(FACTS\)")
"""Papers that a reader of the repository does not have."""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_everything_named_exists(name: str) -> None:
    """No path, no target, no command and no option in the document leads nowhere."""
    text = written()[name]

    assert missing_paths(text, (ROOT / name).parent) == []
    assert missing_targets(text) == []
    assert missing_commands(text) == []


@pytest.mark.parametrize("name", [*made()])
def test_made_pages_name_what_exists(name: str) -> None:
    """A command in a text of the code exists, with its options."""
    assert missing_commands(made()[name]) == []
    assert missing_targets(made()[name]) == []


def test_every_command_is_in_the_readme() -> None:
    """The README names every command that there is."""
    named = {use.first for use in uses((ROOT / "README.md").read_text(encoding="utf-8"))}

    assert sorted(tops() - named) == []


def test_what_is_wrong_would_be_seen() -> None:
    """The checks above find a wrong path, target, command and option, and leave right ones and prose alone."""
    text = (
        "Make it so. See [the events](opendeep_kit/config.py#L1), [gone](docs/gone.md), https://example.org/x.md, "
        "`voice/wire.py`, `voice/wires.py`, `notebooks/scripts/*.md`, `and/or`, `data/demo.json`, `config.py`.\n"
        "Say `make demo` or `make coffee`, `opendeep rehearse x.md --persona agrees`, `opendeep --log-level info up`.\n"
        "```\n$ make test && .venv/bin/opendeep sing\nopendeep asterisk install|dance\n```\n"
        "```\nopendeep dial +12125550101 \\\n  --script x.md --loudly\n```\n"
    )

    assert missing_paths(text) == ["docs/gone.md", "voice/wires.py"]
    assert missing_targets(text) == ["coffee"]
    assert sorted(missing_commands(text)) == ["asterisk dance", "dial --loudly", "sing"]


@pytest.mark.parametrize("name", [*DOCUMENTS, *made()])
def test_settings_in_documents_can_be_set(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block of settings is one that the settings' file may hold."""
    for block in blocks((written() | made())[name]):
        if block.language == "toml" and "tools.toml" not in block.rest:
            (tmp_path / "opendeep.toml").write_text(block.text, encoding="utf-8")
            monkeypatch.setenv("OPENDEEP_CONFIG", str(tmp_path / "opendeep.toml"))
            load_settings()


def test_nothing_sends_a_reader_outside() -> None:
    """No file of the project speaks of papers that are not in it."""
    folders = ("opendeep_kit", "tests", "docs", "examples", "benchmarks", "asterisk", "notebooks", "dashboards")
    texts = [
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".sql", ".js")
    ]
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in [*texts, *ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"]
        for line in path.read_text(encoding="utf-8").splitlines()
        if path != Path(__file__) and OUTSIDE.search(line)
    ]

    assert found == []


def test_the_script_that_is_explained_is_one() -> None:
    """Whoever copies the explained script has a valid one."""
    text = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    (explained,) = [block for block in blocks(text) if block.language == "markdown"]
    script = parse_script(explained.text)

    assert script.name == "confirm-appointment"
    assert [question.id for question in script.task.questions] == ["attending", "pain", "arrival"]


def test_every_decision_stands_in_the_table() -> None:
    """The index of decisions links each page, and its number and title are the page's own."""
    folder = ROOT / "docs" / "decisions"
    rows = re.findall(r"^\| (\d+) \| \[.+?\]\((.+?)\)", (folder / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    titles = {path.name: path.read_text(encoding="utf-8").splitlines()[0] for path in folder.glob("0*.md")}

    assert {name: number for number, name in rows} == {name: str(int(name[:4])) for name in titles}
    assert all(title.startswith(f"# {int(name[:4])}. ") for name, title in titles.items())


def test_the_architecture_has_every_room() -> None:
    """The table of the import rule names each room once, in the order in which they may import."""
    (table,) = re.findall(r"^\| row \|.*?\n\n", written()["docs/architecture.md"], re.DOTALL | re.MULTILINE)
    cells = [line.split(" | ")[-1] for line in table.splitlines()[2:] if line]
    named = [re.findall(r"`(\w+)`", cell) for cell in cells]
    height = {room: place for place, row in enumerate(rooms.layers()) for room in row}

    assert sorted(room for row in named for room in row) == sorted(height)
    assert [max(height[room] for room in row) for row in named] == sorted(max(height[r] for r in row) for row in named)

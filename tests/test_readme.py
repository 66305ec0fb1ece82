"""The README speaks of what exists: its paths, its `make` targets and its commands."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from opendeep_kit.cli import app
from opendeep_kit.tasks.script import parse_script

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "notebooks/README.md"]
"""Files held to it; others may join."""
PLACES = (ROOT, ROOT / "opendeep_kit", ROOT / "tests", ROOT / "notebooks")
"""Where a path in backticks may begin."""
MADE_LATER = ("data/", ".venv/", ".cache/", "recordings/", "~/", "/", "opendeep.toml")
"""Beginnings of paths that exist on the reader's machine only, once something ran."""
_SUFFIXES = (".py", ".md", ".toml", ".yml", ".yaml", ".ipynb", ".csv", ".conf", ".sql", ".js", ".txt")


def code(text: str) -> Iterator[str]:
    """What stands in backticks, and every line of the code blocks."""
    for block in re.findall(r"^```.*?$(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def paths(text: str) -> set[str]:
    """Paths in links and in backticks."""
    links = {link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)}
    spans = re.findall(r"`([^`\s]+)`", text)
    named = {span for span in spans if ("/" in span or span.endswith(_SUFFIXES)) and re.fullmatch(r"[\w./*-]+", span)}
    named = {path for path in named if "." in Path(path).name or path.endswith("/")}
    return {
        path for path in links | named if path and "://" not in path and not path.startswith(("mailto:", *MADE_LATER))
    }


def missing_paths(text: str) -> list[str]:
    """Paths that lead nowhere; a star must match something."""
    return sorted(path for path in paths(text) if not any([*place.glob(path.rstrip("/"))] for place in PLACES))


def missing_targets(text: str) -> list[str]:
    """`make` targets that the Makefile does not have."""
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for line in code(text) for name in re.findall(r"(?:^|[\s$&;])make ([a-z][\w-]*)", line)}
    return sorted(named - targets)


def commands() -> dict[str, set[str]]:
    """Every command and its own commands."""
    top = get_command(app)
    assert isinstance(top, TyperGroup)
    groups = {name: command for name, command in top.commands.items() if isinstance(command, TyperGroup)}
    return {name: {*groups[name].commands} if name in groups else set() for name in top.commands}


def named_commands(text: str) -> list[tuple[str, str]]:
    """`opendeep x` and `opendeep x y` in the text's code; an alternative `x|y` names both."""
    found = []
    for line in code(text):
        for first, second in re.findall(r"(?:^|[\s/])opendeep ([a-z][\w|-]*)(?: ([a-z][\w|-]*))?(?![\w./=])", line):
            found += [(one, two) for one in first.split("|") for two in second.split("|")]
    return found


def missing_commands(text: str) -> list[str]:
    """Commands that `opendeep` does not have."""
    known = commands()
    return [
        f"{first} {second}".strip()
        for first, second in named_commands(text)
        if first not in known or (known[first] and second and second not in known[first])
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_everything_named_exists(name: str) -> None:
    """No path, no target and no command in the document leads nowhere."""
    text = (ROOT / name).read_text(encoding="utf-8")

    assert missing_paths(text) == []
    assert missing_targets(text) == []
    assert missing_commands(text) == []


def test_every_command_is_documented() -> None:
    """The README names every command that there is."""
    named = {first for first, _ in named_commands((ROOT / "README.md").read_text(encoding="utf-8"))}

    assert sorted(set(commands()) - named) == []


def test_what_is_wrong_would_be_seen() -> None:
    """The checks above find a wrong path, target and command, and leave right ones and prose alone."""
    text = (
        "Make it so. See [the events](opendeep_kit/config.py#L1), [gone](docs/gone.md), https://example.org/x.md, "
        "`voice/wire.py`, `voice/wires.py`, `notebooks/scripts/*.md`, `and/or`, `data/demo.json`, `config.py`.\n"
        "Say `make demo` or `make coffee`, `opendeep rehearse x.md`, `opendeep asterisk start`.\n"
        "```\n$ make test && .venv/bin/opendeep sing\nopendeep asterisk install|dance\n```\n"
    )

    assert missing_paths(text) == ["docs/gone.md", "voice/wires.py"]
    assert missing_targets(text) == ["coffee"]
    assert sorted(missing_commands(text)) == ["asterisk dance", "sing"]


def test_the_script_that_is_explained_is_one() -> None:
    """Whoever copies the explained script has a valid one."""
    text = (ROOT / "notebooks" / "README.md").read_text()
    (block,) = re.findall(r"^```markdown\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    script = parse_script(block)

    assert script.name == "confirm-appointment"
    assert [question.id for question in script.task.questions] == ["attending", "pain", "arrival"]

"""What the documents name, and whether it exists: paths, `make` targets, commands with their options, blocks of code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.reference import commands, pages

ROOT = Path(__file__).parents[2]
PLACES = (ROOT, ROOT / "opendeep_kit", ROOT / "tests", ROOT / "notebooks", ROOT / "docs")
"""Where a path in backticks may begin."""
MADE_LATER = ("data/", "build/", ".venv/", ".cache/", "recordings/", "~/", "/", "opendeep.toml")
"""Beginnings of paths that exist on the reader's machine only, once something ran."""
_SUFFIXES = (".py", ".md", ".toml", ".yml", ".yaml", ".ipynb", ".csv", ".conf", ".sql", ".js", ".css", ".txt")
_FENCE = re.compile(r"^```(\S*)(.*?)$\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CONTINUED = re.compile(r"\\\n\s*")


def written() -> dict[str, str]:
    """Every document that somebody wrote, by its path below the project's root."""
    found = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "notebooks/README.md",
        ROOT / "asterisk/README.md",
    ]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(found)}


@cache
def made() -> dict[str, str]:
    """The pages that are made from the code."""
    return {f"docs/reference/{name}.md": module.page() for name, module in pages.PAGES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of code in a document."""

    language: str
    rest: str
    """What stands behind the language: a title."""
    text: str


def blocks(text: str) -> list[Block]:
    """Every block, in order."""
    return [Block(language=found[0], rest=found[1].strip(), text=found[2]) for found in _FENCE.findall(text)]


def prose(text: str) -> str:
    """The document without its blocks."""
    return _FENCE.sub("", text)


def code(text: str) -> Iterator[str]:
    """What stands in backticks, and every line of the blocks."""
    for block in blocks(text):
        yield from _CONTINUED.sub(" ", block.text).splitlines()
    yield from re.findall(r"`([^`\n]+)`", prose(text))


def paths(text: str) -> set[str]:
    """Paths in links and in backticks."""
    links = {link.split("#")[0] for link in re.findall(r"\]\(([\w.#/:-]+)\)", prose(text))}
    spans = re.findall(r"`([^`\s]+)`", prose(text))
    named = {span for span in spans if ("/" in span or span.endswith(_SUFFIXES)) and re.fullmatch(r"[\w./*-]+", span)}
    named = {path for path in named if "." in Path(path).name[1:] or path.endswith("/")}
    return {
        path for path in links | named if path and "://" not in path and not path.startswith(("mailto:", *MADE_LATER))
    }


def missing_paths(text: str, folder: Path = ROOT) -> list[str]:
    """Paths that lead nowhere; a star must match something."""
    pages_made = {f"reference/{name}.md" for name in pages.PAGES} | {*pages.BESIDE.values()}
    return sorted(
        path
        for path in paths(text)
        if not any([*place.glob(path.rstrip("/"))] for place in PLACES)
        and not (folder / path).exists()
        and path.removeprefix("../") not in pages_made
    )


def missing_targets(text: str) -> list[str]:
    """`make` targets that the Makefile does not have."""
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for line in code(text) for name in re.findall(r"(?:^|[\s$&;])make ([a-z][\w-]*)", line)}
    return sorted(named - targets)


@cache
def options() -> dict[str, frozenset[str]]:
    """Every command, and the options that may follow it; those of `opendeep` itself under the empty name."""
    return {
        command.name: frozenset(name for each in command.parameters if each.is_option for name in each.names)
        for command in commands.commands()
    }


def tops() -> set[str]:
    """The first words after `opendeep`."""
    return {name.split()[0] for name in options() if name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A command as a document writes it."""

    first: str
    second: str
    options: tuple[str, ...]


def uses(text: str) -> list[Use]:
    """`opendeep x`, `opendeep x y` and their options in the text's code; an alternative `x|y` names both."""
    found = []
    pattern = r"(?:^|[\s/])opendeep ((?:--[\w-]+(?: \w+)? )*)([a-z][\w|-]*)(?: ([a-z][\w|-]*))?(?![\w./=])([^#;&|]*)"
    for line in code(text):
        for before, first, second, after in re.findall(pattern, line):
            given = tuple(re.findall(r"(?:^|\s)(--?[a-z][\w-]*)", f"{before} {after}"))
            found += [Use(first=a, second=b, options=given) for a in first.split("|") for b in second.split("|")]
    return found


def missing_commands(text: str) -> list[str]:
    """Commands and options that `opendeep` does not have."""
    known = options()
    missing = []
    for use in uses(text):
        both = f"{use.first} {use.second}".strip()
        is_group = any(name.startswith(f"{use.first} ") for name in known)
        name = both if is_group else use.first
        if name not in known:
            missing.append(both)
        else:
            missing += [
                f"{name} {option}" for option in use.options if option not in known[name] | known[""] | {"--help"}
            ]
    return missing

"""MkDocs' hook: puts the reference's pages among the written ones when the site is built. Never writes to the tree."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from docs.reference import api, commands, errors, events, outcomes, rooms, settings, tools, views

PAGES: dict[str, ModuleType] = {
    "settings": settings,
    "commands": commands,
    "views": views,
    "events": events,
    "outcomes": outcomes,
    "tools": tools,
    "errors": errors,
    "api": api,
    "rooms": rooms,
}
"""By the file they become, below `reference/`."""
ROOT = Path(__file__).parents[2]
BESIDE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Documents of the project that stand at its top, and what they are on the site."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add what is made to what was found."""
    for name, module in PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=module.page()))
    for source, name in BESIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=re.sub(r"\]\(docs/", "](", text)))
    return files

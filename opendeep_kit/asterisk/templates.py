"""Finds the configuration templates (top-level folder `asterisk/`) and fills them in.

Given the values, returns file names with their texts; a placeholder is `@@{name}`, because `$` is the dialplan's own.
Never decides a value, never writes a file.
"""

from __future__ import annotations

import re
import string
import sysconfig
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

from opendeep_kit.errors import OurMistake, Unavailable

CHECKOUT = Path(__file__).parents[2] / "asterisk"
INSTALLED = Path(sysconfig.get_path("data")) / "share" / "opendeep-kit" / "asterisk"
"""Where a wheel puts the folder (pyproject.toml, `data-files`)."""


class Role(StrEnum):
    """What an instance is for."""

    LINE = "line"
    """Places our calls: trunk out, AudioSocket to the voice AI."""
    CALLEES = "callees"
    """Is the rehearsal's public, by dialled number."""


class _Template(string.Template):
    delimiter = "@@"


def templates_dir() -> Path:
    """The folder of templates.

    Raises:
        Unavailable: neither the checkout nor the installed package has it.
    """
    for folder in (CHECKOUT, INSTALLED):
        if (folder / "modules.conf").is_file():
            return folder
    raise Unavailable("the Asterisk configuration templates are missing", do="install opendeep-kit again")


def rendered(role: Role, values: Mapping[str, str], *, without: frozenset[str] = frozenset()) -> dict[str, str]:
    """All files of one instance's `etc/`: the common ones, and the role's own instead where it has them.

    Args:
        without: optional files this instance does not want.

    Raises:
        OurMistake: a template names a value that was not given, or a value has more than one line.
    """
    for name, value in values.items():
        if any(character in value for character in "\r\n") and name != "event_filters":
            raise OurMistake(f"the value {name} has more than one line")
    texts: dict[str, str] = {}
    for name, template in _templates(role).items():
        if name in without:
            continue
        try:
            texts[name] = _Template(template).substitute(values)
        except (KeyError, ValueError) as error:
            raise OurMistake(f"the template {name} cannot be filled in ({error})") from None
    return texts


@cache
def wanted_modules() -> tuple[str, ...]:
    """The modules that modules.conf may load."""
    text = (templates_dir() / "modules.conf").read_text()
    return tuple(re.findall(r"^(?:load|@@\{load_amd\}) = (\S+)$", text, re.MULTILINE))


def _templates(role: Role) -> dict[str, str]:
    folder = templates_dir()
    files = sorted(folder.glob("*.conf"))
    if role is Role.CALLEES:
        files += sorted((folder / "callees").glob("*.conf"))
    return {file.name: file.read_text() for file in files}

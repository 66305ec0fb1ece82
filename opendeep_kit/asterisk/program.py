"""Identifies one Asterisk program: how to run it, its version, and what that version supports.

Given a folder of ours or the host's own executable, looks and asks `-V`. Never installs, never starts a service.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from opendeep_kit.errors import BadInput, Unavailable

OLDEST = (20, 0)
WIDEBAND_SINCE = (22, 7)
"""AudioSocket kinds above 0x10 and the TechCause header are both new in 22.7.0."""
ADVANCED_FILTERS_SINCE = (22, 0)
"""`eventfilter(action(…),name(…))` in manager.conf."""
_SYSTEM_PLACES = ("usr/sbin/asterisk", "usr/local/sbin/asterisk", "usr/bin/asterisk")
_SYSTEM_MODULES = ("usr/lib/*/asterisk/modules", "usr/lib64/asterisk/modules", "usr/lib/asterisk/modules")
_SYSTEM_DATA = ("usr/share/asterisk", "var/lib/asterisk")
_DOCUMENTATION = "documentation/core-en_US.xml"
"""Without it Asterisk does not boot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskProgram:
    """An executable Asterisk."""

    command: tuple[str, ...]
    """Words that run it; options follow. Ours is started by its own loader, so that no host library gets in."""
    version: tuple[int, ...]
    """Such as (22, 10, 1)."""
    modules_dir: Path
    data_dir: Path
    """Holds `documentation/` and `sounds/`."""

    @property
    def version_text(self) -> str:
        """Such as `22.10.1`."""
        return ".".join(map(str, self.version))

    @property
    def has_wideband(self) -> bool:
        """Whether AudioSocket carries more than 8 kHz: line formats slin16, slin24 and slin48."""
        return self.version >= WIDEBAND_SINCE

    @property
    def has_tech_cause(self) -> bool:
        """Whether hang-up events carry the SIP code (TechCause)."""
        return self.version >= WIDEBAND_SINCE

    @property
    def has_advanced_filters(self) -> bool:
        """Whether manager.conf may filter events by name."""
        return self.version >= ADVANCED_FILTERS_SINCE

    def missing(self, modules: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the modules that this Asterisk does not have."""
        return tuple(name for name in modules if not (self.modules_dir / name).exists())


def program_in(folder: Path) -> AsteriskProgram | None:
    """The program that `install_asterisk` put into this folder, if it is there and runs."""
    root = folder.absolute() / "program"
    loader = next(iter((root / "lib").glob("ld-linux*")), None)
    if loader is None:
        return None
    command = (str(loader), "--library-path", str(root / "lib"), str(root / "bin" / "asterisk"))
    try:
        version = version_of(command)
    except Unavailable:
        return None
    return AsteriskProgram(command=command, version=version, modules_dir=root / "modules", data_dir=root / "share")


def system_asterisk(root: Path = Path("/")) -> AsteriskProgram:
    """The host's own Asterisk, below this root.

    Raises:
        Unavailable: there is none, it does not run, or its parts are not where distributions put them.
        BadInput: it is older than 20.
    """
    path = next((str(root / place) for place in _SYSTEM_PLACES if (root / place).is_file()), None)
    if path is None:
        raise Unavailable("this host has no asterisk program", do="install one, or run `opendeep asterisk install`")
    version = version_of((path,))
    if version < OLDEST:
        text = ".".join(map(str, version))
        raise BadInput(f"the host's Asterisk is {text}", do="install 20 or newer, or `opendeep asterisk install`")
    modules = _first(root, _SYSTEM_MODULES, "chan_audiosocket.so")
    data = _first(root, _SYSTEM_DATA, _DOCUMENTATION)
    if modules is None or data is None:
        what = "AudioSocket modules" if modules is None else f"file {_DOCUMENTATION}"
        raise Unavailable(f"the host's Asterisk lacks its {what}", do="install its module and data packages")
    return AsteriskProgram(command=(path,), version=version, modules_dir=modules, data_dir=data)


def version_of(command: tuple[str, ...]) -> tuple[int, ...]:
    """What `-V` says.

    Raises:
        Unavailable: it does not run, for example because a library is missing.
    """
    try:
        answer = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"asterisk does not run ({error})", do="install it again") from None
    version = parsed_version(answer.stdout.partition("Asterisk ")[2])
    if not version:
        why = (answer.stderr or answer.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise Unavailable(f"asterisk does not run ({why[0]})", do="install it again")
    return version


def parsed_version(text: str) -> tuple[int, ...]:
    """The version that Asterisk names; empty when it is none.

    >>> parsed_version("certified/20.7-cert3"), parsed_version("22.10.1+dfsg")
    ((20, 7), (22, 10, 1))
    """
    match = re.match(r"(?:certified[/-])?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def _first(root: Path, patterns: tuple[str, ...], holding: str) -> Path | None:
    """The first folder of these patterns that holds the file."""
    for pattern in patterns:
        for folder in sorted(root.glob(pattern)):
            if (folder / holding).exists():
                return folder
    return None

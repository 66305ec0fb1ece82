"""Downloads signed Debian packages without root, beside the host's own apt and without touching it.

Given a mirror (or the host's apt configuration, which names one), keeps apt's state in a private folder, verifies
signatures with Debian's keyring, and downloads packages by name. Never installs, never writes elsewhere.
"""

from __future__ import annotations

import contextlib
import platform
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from opendeep_kit.errors import BadInput, OpenDeepError, PeerMisbehaved, Unavailable

SUITE = "forky"
"""The Debian suite whose Asterisk is 22."""
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
COMMAND_LIMIT_S = 300.0
_DEBIAN_SUITES = frozenset({"oldoldstable", "oldstable", "stable", "testing", "unstable", "sid", SUITE})
_INHERITED = re.compile(r"Acquire::(?!IndexTargets|Changelogs|Allow|Languages|.*\bAllow)")
"""The host's ways of reaching mirrors (proxies, time-outs); never its permissions to skip checks."""


def debian_mirrors(etc: Path = Path("/etc/apt")) -> list[str]:
    """The Debian mirrors that the host's apt configuration names, in its order; Ubuntu's and the like are none.

    Both kinds of source file (one-line and deb822) are read by apt itself.

    Args:
        etc: where that configuration is.

    Raises:
        Unavailable: the host has no apt.
    """
    _need_apt()
    form = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(TARGET_OF)"
    # Without ReleaseInfo=false apt is silent on hosts that have never run `apt-get update`.
    options = ["-o", "APT::Get::IndexTargets::ReleaseInfo=false", "-o", f"Dir::Etc={etc}"]
    targets = _run(["apt-get", *options, "indextargets", "--format", form])
    suites = _DEBIAN_SUITES | ({_host().get("VERSION_CODENAME", "")} if _is_debian() else set())
    mirrors: list[str] = []
    for line in targets.splitlines():
        uri, release, component, kind = line.rsplit("|", 3)
        is_debians = release in suites and component == "main" and kind == "deb"
        if is_debians and not uri.startswith("cdrom:") and uri not in mirrors:
            mirrors.append(uri)
    return mirrors


def no_mirror() -> Unavailable:
    """What to say when the host's apt configuration names no Debian mirror."""
    if _is_debian():
        return Unavailable(
            "the host's apt configuration names no Debian mirror",
            do="set asterisk.mirror to one, or install Asterisk 20 or newer with the host's own packages",
        )
    return Unavailable(
        f"{_host().get('NAME', 'this host')} is not Debian, whose packages our Asterisk is made of",
        do="install debian-archive-keyring and set asterisk.mirror to the URL of a Debian mirror, "
        "or install Asterisk 20 or newer with the host's own packages",
    )


class PrivateApt:
    """apt with folders of its own.

    Args:
        folder: everything apt writes; may be deleted afterwards.
        mirror: where the suite is.
        keyring: whose signatures count.
    """

    def __init__(self, folder: Path, *, mirror: str, suite: str = SUITE, keyring: Path = KEYRING) -> None:
        _need_apt()
        if not re.fullmatch(r"[a-z0-9+]+:[^\s\[\]#]+", mirror):
            raise BadInput("the mirror is not a URL", do="set asterisk.mirror to one such as https://host/debian")
        if not keyring.is_file():
            raise Unavailable("Debian's signing keys are not on this host", do="install debian-archive-keyring")
        self._folder = folder
        self._host = urlsplit(mirror).hostname or "the local mirror"
        for name in ("lists/partial", "archives/partial", "packages"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").write_text("")
        (folder / "sources.list").write_text(f"deb [signed-by={keyring}] {mirror} {suite} main\n")
        self._conf = folder / "apt.conf"
        self._conf.write_text(self._configuration())

    def update(self) -> None:
        """Fetch the suite's index and check its signature.

        Raises:
            Unavailable: the mirror cannot be reached, lacks the suite, is out of date, or the disk is full.
            PeerMisbehaved: the signature is missing or wrong.
        """
        self._apt("apt-get", "update")

    def depends(self, package: str) -> list[str]:
        """Names of the packages this one needs, alternatives included."""
        output = self._apt("apt-cache", "depends", "--important", package)
        return re.findall(r"^[ |]*(?:Pre)?Depends: ([^<\s]+)$", output, re.MULTILINE)

    def download(self, packages: list[str]) -> list[Path]:
        """The packages' files, their checksums verified against the signed index.

        Raises:
            Unavailable: as for `update`, or the suite has no such package.
            PeerMisbehaved: a file is not what the index says.
        """
        place = self._folder / "packages"
        before = set(place.iterdir())
        self._apt("apt-get", "download", *packages, cwd=place)
        return sorted(set(place.iterdir()) - before)

    def _apt(self, *command: str, cwd: Path | None = None) -> str:
        try:
            return _run(list(command), conf=self._conf, cwd=cwd)
        except Unavailable as error:
            raise _explained(error.what, self._host) from None

    def _configuration(self) -> str:
        """Private folders, strict checks, and the host's own ways to the network."""
        own = f"""
            Dir::Etc::main "/dev/null";
            Dir::Etc::parts "/dev/null";
            Dir::Etc::sourcelist "{self._folder}/sources.list";
            Dir::Etc::sourceparts "/dev/null";
            Dir::Etc::preferences "/dev/null";
            Dir::Etc::preferencesparts "/dev/null";
            Dir::Etc::netrc "/etc/apt/auth.conf";
            Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
            Dir::State "{self._folder}";
            Dir::State::status "{self._folder}/status";
            Dir::Cache "{self._folder}";
            Dir::Cache::archives "archives/";
            APT::Sandbox::User "";
            APT::Update::Error-Mode "any";
            Acquire::Languages "none";
            Acquire::Retries "1";
            Acquire::http::Timeout "20";
            Acquire::https::Timeout "20";
        """
        lines = [line.strip() for line in own.splitlines()]
        lines += [line for line in _run(["apt-config", "dump"]).splitlines() if _INHERITED.match(line)]
        return "\n".join(lines) + "\n"


def _explained(complaint: str, host: str) -> OpenDeepError:
    """apt's complaint in our words."""
    if re.search(r"No space left|not have enough free space", complaint):
        return Unavailable("the disk is full", do="free 300 MB and try again")
    if re.search(r"not signed|GPG error|NO_PUBKEY|INVALIDSIGNATURE|cannot be authenticated", complaint):
        return PeerMisbehaved(
            f"the packages of {host} are not signed by Debian",
            do="update debian-archive-keyring, or set asterisk.mirror to another mirror",
        )
    if re.search(r"Hash Sum mismatch|unexpected size", complaint):
        return PeerMisbehaved(f"{host} sent a damaged file", do="try again, or set asterisk.mirror to another mirror")
    if re.search(r"is expired|not valid yet", complaint):
        return Unavailable(
            f"the index of {host} is out of date",
            do="check this machine's clock, or set asterisk.mirror to a mirror that is up to date",
        )
    if re.search(r"does not have a Release file|404", complaint):
        return Unavailable(f"{host} has no suite {SUITE}", do="set asterisk.mirror to a Debian mirror that has it")
    if match := re.search(r"Unable to locate package (\S+)|Can't find.*package (\S+)", complaint):
        return Unavailable(f"{host} has no package {match[1] or match[2]}", do="set asterisk.mirror to another mirror")
    return Unavailable(
        f"{host} could not be reached ({complaint[-200:]})",
        do="check the network and the host's apt proxy settings, or set asterisk.mirror",
    )


def _run(command: list[str], *, conf: Path | None = None, cwd: Path | None = None) -> str:
    """Its output.

    Raises:
        Unavailable: it failed; `what` is its complaint.
    """
    named = ["env", "LC_ALL=C", *([f"APT_CONFIG={conf}"] if conf else []), *command]
    try:
        done = subprocess.run(named, capture_output=True, text=True, cwd=cwd, timeout=COMMAND_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} took longer than {COMMAND_LIMIT_S:.0f} s", do="try again") from None
    if done.returncode != 0:
        complaint = " ".join(re.findall(r"^[EW]: (.*)$", done.stderr, re.MULTILINE)) or done.stderr.strip()
        raise Unavailable(re.sub(r"//[^/@\s]*@", "//", complaint), do="see what apt says")
    return done.stdout


def _need_apt() -> None:
    for name in ("apt-get", "apt-config", "dpkg-deb"):
        if shutil.which(name) is None:
            raise Unavailable(
                f"this host has no {name}",
                do="install Asterisk 20 or newer with the host's own packages and set asterisk.program to `system`",
            )


def _host() -> dict[str, str]:
    """What the host says it is (os-release)."""
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release()
    return {}


def _is_debian() -> bool:
    return _host().get("ID") == "debian"

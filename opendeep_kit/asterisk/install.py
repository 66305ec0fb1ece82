"""Puts a small, complete Asterisk into a folder, without root and in seconds.

Given the folder, takes Debian's signed packages (from the folder's own cache if possible), finds the libraries that the
wanted modules need, and keeps only those: nothing falls back to the host's libraries. Never touches the host or leaves
half an installation: the finished tree is moved into place in one step.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from opendeep_kit.asterisk.apt import PrivateApt, debian_mirrors, no_mirror
from opendeep_kit.asterisk.program import AsteriskProgram, program_in
from opendeep_kit.asterisk.templates import wanted_modules
from opendeep_kit.errors import Unavailable

ROOTS = ("asterisk", "asterisk-modules", "asterisk-core-sounds-en-gsm", "libc6")
"""The C library brings the loader that runs all of it."""
SOUNDS = ("beep", "ss-noservice", "vm-intro")
"""Spoken by the rehearsal's public; the other 40 MB of prompts stay out."""
NEEDED_BYTES = 400_000_000
"""Free space while unpacking; 40 MB stay."""

Report = Callable[[str], None]


def install_asterisk(
    into: Path, *, mirror: str | None = None, refresh: bool = False, report: Report = lambda _: None
) -> AsteriskProgram:
    """Install Asterisk into a folder, or return at once what is already there.

    Args:
        into: gets `program/` (the tree) and `packages/` (the cache). Processes that install at once wait their turn.
        mirror: a Debian mirror's URL; None takes those of the host's apt configuration.
        refresh: fetch the newest packages even when there are cached ones.
        report: told each step, one clause.

    Raises:
        Unavailable: no apt here, the mirror cannot be reached, the disk is full, the folder cannot be written, or a
            library is missing.
        PeerMisbehaved: the packages are not signed by Debian, or damaged.
    """
    into = into.absolute()
    try:
        # Before anything is written: somebody else may have installed it, into a folder that we can only read.
        return _present(into, refresh=refresh) or _install(into, mirror, refresh=refresh, report=report)
    except OSError as error:
        raise Unavailable(
            f"Asterisk cannot be installed into {into} ({error.strerror or error})",
            do="free some space, or set asterisk.folder to a writable folder",
        ) from None


def _present(into: Path, *, refresh: bool) -> AsteriskProgram | None:
    """What is there already, when it is whole and to be kept."""
    present = None if refresh else program_in(into)
    return present if present is not None and not present.missing(wanted_modules()) else None


def _install(into: Path, mirror: str | None, *, refresh: bool, report: Report) -> AsteriskProgram:
    into.mkdir(parents=True, exist_ok=True)
    (into / ".gitignore").write_text("*\n")
    with _only_one(into / "lock"):
        if (present := _present(into, refresh=refresh)) is not None:
            return present
        if shutil.disk_usage(into).free < NEEDED_BYTES:
            raise Unavailable("the disk is nearly full", do=f"free {NEEDED_BYTES // 1_000_000} MB and try again")
        with tempfile.TemporaryDirectory(prefix="installing-", dir=into) as work:
            if refresh or not _from_cache(into, Path(work) / "cached", report):
                _from_mirrors(into, Path(work), mirror, report)
        program = program_in(into)
        if program is None:
            raise Unavailable("the installed Asterisk does not run", do="install it again with --refresh")
        report(f"Asterisk {program.version_text} is in place")
        return program


# ---- where the packages come from -------------------------------------------------------------------


def _from_cache(into: Path, work: Path, report: Report) -> bool:
    """Whether the cached packages were whole and enough."""
    packages = into / "packages"
    try:
        manifest: dict[str, str] = json.loads((packages / "manifest.json").read_text())
    except (OSError, ValueError):
        return False
    files = [packages / name for name in manifest]
    if not all(file.is_file() and _sha256(file) == manifest[file.name] for file in files):
        report("the cached packages are damaged; fetching them again")
        return False
    report(f"unpacking {len(files)} cached packages")
    tree = Tree(work)
    for file in files:
        tree.unpack(file)
    if tree.missing():
        return False
    tree.keep_into(into / "program")
    return True


def _from_mirrors(into: Path, work: Path, mirror: str | None, report: Report) -> None:
    """Try each mirror in turn."""
    mirrors = [mirror] if mirror else debian_mirrors()
    if not mirrors:
        raise no_mirror()
    failure: Unavailable | None = None
    for number, url in enumerate(mirrors):
        try:
            _from_mirror(into, work / str(number), url, report)
            return
        except Unavailable as error:
            failure = failure or error
    assert failure is not None
    raise failure


def _from_mirror(into: Path, work: Path, mirror: str, report: Report) -> None:
    """Fetch what is needed, round by round: the roots, the libraries they miss, those these miss."""
    apt = PrivateApt(work / "apt", mirror=mirror)
    report("fetching the index of Debian's packages")
    apt.update()
    tree = Tree(work / "unpacked")
    fetched: list[Path] = []
    names: set[str] = set()
    candidates: set[str] = set()
    wanted = set(ROOTS)
    while wanted:
        report(f"fetching {len(wanted)} packages")
        for file in apt.download(sorted(wanted)):
            tree.unpack(file)
            fetched.append(file)
        names |= wanted
        for name in wanted:
            candidates.update(apt.depends(name))
        candidates -= names
        wanted = {_best(candidates, library) for library in tree.missing()}
    tree.keep_into(into / "program")
    _cache(fetched, into / "packages")


def _best(candidates: set[str], library: str) -> str:
    """The package most likely to hold a library: Debian names it after the soname (libssl.so.3: libssl3t64)."""
    if not candidates:
        raise Unavailable(f"no package holds {library}", do="install again with --refresh or from another mirror")
    plain = re.sub(r"[._]so\.?|_", "", library)

    def likeness(package: str) -> tuple[float, str]:
        return SequenceMatcher(None, plain, package.removesuffix("t64").replace("-", "")).ratio(), package

    return max(candidates, key=likeness)


def _cache(files: list[Path], packages: Path) -> None:
    """Keep the packages, and last of all the list that makes them count."""
    shutil.rmtree(packages, ignore_errors=True)
    packages.mkdir()
    manifest = {}
    for file in files:
        manifest[file.name] = _sha256(file)
        shutil.move(file, packages / file.name)
    (packages / "manifest.json").write_text(json.dumps(manifest, indent=1))


# ---- the tree ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tree:
    """Unpacked packages, of which the needed part is kept."""

    root: Path

    def unpack(self, package: Path) -> None:
        """Add one package's files.

        Raises:
            Unavailable: the disk is full or the file is damaged.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["dpkg-deb", "-x", package, self.root], capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode != 0:
            why = "the disk is full" if "No space left" in done.stderr else f"{package.name} is damaged"
            raise Unavailable(f"unpacking failed: {why}", do="free space and install again with --refresh")

    def missing(self) -> list[str]:
        """Sonames that no unpacked package holds; the host's libraries do not count."""
        return sorted(name for name, path in self._libraries().items() if path is None)

    def keep_into(self, place: Path) -> None:
        """Move what is needed into place, in one step.

        Raises:
            Unavailable: the packages lack something that must be there.
        """
        needed = self.root / "kept"
        libraries = {name: path for name, path in self._libraries().items() if path is not None}
        files = {f"lib/{name}": path for name, path in libraries.items()}
        files[f"lib/{self._loader.name}"] = self._loader
        files["bin/asterisk"] = self._asterisk
        files |= {f"modules/{name}": self._modules / name for name in wanted_modules()}
        share = self.root / "usr/share/asterisk"
        for name in ("core-en_US.xml", "appdocsxml.xslt"):
            files[f"share/documentation/{name}"] = share / "documentation" / name
        files |= {f"share/sounds/en/{name}.gsm": self._sounds / f"{name}.gsm" for name in SOUNDS}
        for notice in self.root.glob("usr/share/doc/*/copyright"):
            files[f"share/copyright/{notice.parent.name}"] = notice
        for name, source in files.items():
            (needed / name).parent.mkdir(parents=True, exist_ok=True)
            if not source.exists():
                raise Unavailable(f"Debian's packages lack {source.name}", do="report it with the package's version")
            shutil.copy2(source, needed / name)
        if place.exists():
            place.rename(self.root / "replaced")
        needed.rename(place)

    @property
    def _asterisk(self) -> Path:
        return self.root / "usr/sbin/asterisk"

    @property
    def _modules(self) -> Path:
        return self._one("usr/lib/*/asterisk/modules")

    @property
    def _sounds(self) -> Path:
        return self._one("usr/share/asterisk/sounds/en_US*")

    @property
    def _loader(self) -> Path:
        return self._one("usr/lib/*/ld-linux*.so.*")

    def _one(self, pattern: str) -> Path:
        path = next(iter(sorted(self.root.glob(pattern))), None)
        if path is None:
            raise Unavailable(f"Debian's packages lack {pattern}", do="report it with the package's version")
        return path

    def _libraries(self) -> dict[str, Path | None]:
        """Where each needed library is in the tree; None where it is not, whatever the host may have."""
        library_dir = self._loader.parent
        libraries: dict[str, Path | None] = {}
        for file in (self._asterisk, *(self._modules / name for name in wanted_modules())):
            # Not `--list`: that stops at the first library it misses; tracing, as ldd does, names them all.
            listed = subprocess.run(
                [self._loader, "--inhibit-cache", "--library-path", library_dir, file],
                env={"LD_TRACE_LOADED_OBJECTS": "1"},
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
            )
            for name, path in re.findall(r"^\s*(\S+) => (\S+)", listed.stdout, re.MULTILINE):
                is_ours = path.startswith(str(self.root))
                libraries[Path(name).name] = Path(path) if is_ours else libraries.get(Path(name).name)
        libraries.pop(self._loader.name, None)
        return libraries


# ---- small things -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Wait until no other process installs here."""
    handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()

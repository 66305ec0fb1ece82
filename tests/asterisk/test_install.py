"""The installation: signed packages only, complete without the host's libraries, quick again from the cache."""

import platform
import shutil
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from opendeep_kit.asterisk import install
from opendeep_kit.asterisk.apt import debian_mirrors
from opendeep_kit.asterisk.install import SOUNDS, install_asterisk
from opendeep_kit.asterisk.program import AsteriskProgram
from opendeep_kit.asterisk.templates import templates_dir
from opendeep_kit.errors import OpenDeepError, PeerMisbehaved, Unavailable
from tests.small_disk import small_disk

CLOSED = "http://127.0.0.1:9/debian"
"""A mirror that nobody serves."""

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="this host has no apt")


@pytest.fixture
def cached(asterisk_program: AsteriskProgram, short_dir: Path) -> Path:
    """An installation folder that has the packages but not the program."""
    packages = asterisk_program.modules_dir.parents[1] / "packages"
    if not packages.is_dir():
        pytest.skip("this Asterisk was not installed from packages")
    shutil.copytree(packages, short_dir / "packages", copy_function=os_link)
    return short_dir


def os_link(source: str, target: str) -> None:
    """A hard link where possible: the packages are only read."""
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def test_nothing_comes_from_the_host(asterisk_program: AsteriskProgram) -> None:
    """Every library of the program and of every module lies in its own folder."""
    loader = asterisk_program.command[0]
    root = asterisk_program.modules_dir.parent
    if not loader.startswith(str(root)):
        pytest.skip("this is the host's own Asterisk")
    files = [root / "bin/asterisk", *asterisk_program.modules_dir.glob("*.so")]
    foreign = set()
    for file in files:
        command = [loader, "--inhibit-cache", "--library-path", str(root / "lib"), "--list", str(file)]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        foreign |= {line.split()[2] for line in listed.splitlines() if "=>" in line and str(root) not in line}

    assert foreign == set()
    assert len(files) == 1 + 61


def test_installation_is_small(asterisk_program: AsteriskProgram) -> None:
    """Only what is needed stays: under 40 MB."""
    root = asterisk_program.modules_dir.parent
    size = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())

    assert 20_000_000 < size < 40_000_000


def test_second_installation_needs_no_network(cached: Path) -> None:
    """With the packages at hand no mirror is asked."""
    said: list[str] = []
    program = install_asterisk(cached, mirror=CLOSED, report=said.append)

    packages = len(list((cached / "packages").glob("*.deb")))
    assert said == [f"unpacking {packages} cached packages", f"Asterisk {program.version_text} is in place"]
    assert [entry.name for entry in cached.iterdir() if entry.name.startswith("installing-")] == []
    assert install_asterisk(cached, mirror=CLOSED) == program


@needs_apt
def test_damaged_cache_is_not_used(cached: Path) -> None:
    """A cached package with another checksum sends us back to the mirror."""
    package = next((cached / "packages").glob("libjansson*.deb"))
    package.unlink()
    package.write_bytes(b"!<arch>\n")

    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 could not be reached"):
        install_asterisk(cached, mirror=CLOSED)
    assert not (cached / "program").exists()


def test_simultaneous_installations_wait(cached: Path) -> None:
    """Two at once end with one program, installed once."""
    said: list[str] = []
    threads = [
        threading.Thread(target=install_asterisk, args=(cached,), kwargs={"mirror": CLOSED, "report": said.append})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([line for line in said if line.endswith("in place")]) == 1


@needs_apt
@pytest.mark.parametrize(
    ("files", "error", "says"),
    [
        ({}, Unavailable, "has no suite forky"),
        ({"dists/forky/Release": "Origin: Debian\nSuite: forky\nCodename: forky\n"}, PeerMisbehaved, "not signed by"),
        ({"dists/forky/InRelease": "Origin: Debian\n"}, PeerMisbehaved, "not signed by"),
    ],
)
def test_mirror_that_cannot_be_trusted(
    short_dir: Path, files: dict[str, str], error: type[OpenDeepError], says: str
) -> None:
    """A mirror without the suite, or without Debian's signature on it, gives nothing."""
    mirror = short_dir / "mirror"
    mirror.mkdir()
    for name, text in files.items():
        (mirror / name).parent.mkdir(parents=True)
        (mirror / name).write_text(text)

    with pytest.raises(error, match=says):
        install_asterisk(short_dir / "into", mirror=f"file:{mirror}")
    assert sorted(entry.name for entry in (short_dir / "into").iterdir()) == [".gitignore", "lock"]


@needs_apt
def test_mirrors_come_from_both_kinds_of_source_file(short_dir: Path) -> None:
    """One-line and deb822 sources are read; foreign, disabled, source-only and security entries are left out."""
    (short_dir / "sources.list.d").mkdir()
    (short_dir / "sources.list").write_text(
        "deb http://one.example/debian stable main\n"
        "deb-src http://source.example/debian stable main\n"
        "# deb http://commented.example/debian stable main\n"
        "deb http://foreign.example/tool anything contrib\n"
    )
    (short_dir / "sources.list.d" / "two.sources").write_text(
        "Types: deb\nURIs: http://two.example/debian\nSuites: stable stable-updates\nComponents: main\n\n"
        "Types: deb\nURIs: http://off.example/debian\nSuites: stable\nComponents: main\nEnabled: no\n\n"
        "Types: deb\nURIs: http://safe.example/security\nSuites: stable-security\nComponents: main\n"
    )

    assert debian_mirrors(short_dir) == ["http://one.example/debian/", "http://two.example/debian/"]


@needs_apt
def test_mirrors_of_another_distribution_are_not_debians(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ubuntu's mirror has no forky: it is not asked, and what to do is told at once. On Debian the codename counts."""
    (short_dir / "sources.list").write_text("deb http://one.example/linux noble main universe\n")
    ubuntu = {"ID": "ubuntu", "NAME": "Ubuntu", "VERSION_CODENAME": "noble"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: ubuntu)
    mirrors = debian_mirrors(short_dir)
    monkeypatch.setattr(install, "debian_mirrors", lambda: mirrors)
    with pytest.raises(Unavailable) as told:
        install_asterisk(short_dir / "into")

    assert str(told.value) == (
        "Ubuntu is not Debian, whose packages our Asterisk is made of: install debian-archive-keyring and set "
        "asterisk.mirror to the URL of a Debian mirror, or install Asterisk 20 or newer with the host's own packages."
    )
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: ubuntu | {"ID": "debian"})
    assert debian_mirrors(short_dir) == ["http://one.example/linux/"]


@needs_apt
def test_host_without_a_debian_mirror(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which setting to make."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "debian"})
    monkeypatch.setattr(install, "debian_mirrors", list)
    with pytest.raises(Unavailable, match=r"names no Debian mirror: set asterisk\.mirror"):
        install_asterisk(short_dir)


def test_full_disk_is_told_before_anything_is_fetched(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little space is an error with a figure."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    with pytest.raises(Unavailable, match="the disk is nearly full: free 400 MB"):
        install_asterisk(short_dir, mirror=CLOSED)


def test_folder_that_cannot_be_written(short_dir: Path) -> None:
    """It is named, with the setting; no traceback."""
    (short_dir / "file").touch()
    with pytest.raises(Unavailable, match=r"installed into .*/file/x \(Not a directory\): .*set asterisk\.folder"):
        install_asterisk(short_dir / "file" / "x")


def test_installation_that_can_only_be_read(asterisk_program: AsteriskProgram, short_dir: Path) -> None:
    """What somebody else installed is used without a word written."""
    root = asterisk_program.modules_dir.parent
    with small_disk(short_dir / "disk", megabytes=1) as disk:
        (disk.folder / "program").symlink_to(root)
        with disk.read_only():
            program = install_asterisk(disk.folder, mirror=CLOSED)

    assert program.version == asterisk_program.version


def test_host_without_apt(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on Debian and its kin the host's own Asterisk is the way."""
    monkeypatch.setenv("PATH", str(short_dir))
    with pytest.raises(Unavailable, match="this host has no apt-get: install Asterisk 20 or newer"):
        install_asterisk(short_dir)


def test_public_speaks_only_sounds_that_are_kept() -> None:
    """Every prompt that the dialplans play is installed."""
    text = (templates_dir() / "callees" / "extensions.conf").read_text()
    played = {
        line.split("Playback(")[1].split(")")[0].split(",")[0] for line in text.splitlines() if "Playback(" in line
    }

    assert played == set(SOUNDS)

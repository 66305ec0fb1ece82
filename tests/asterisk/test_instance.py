"""One Asterisk as a process: boots clean, several live side by side, every failure says what to do."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from opendeep_kit.asterisk.configuration import Trunk, configure_callees, configure_line, free_ports
from opendeep_kit.asterisk.instance import AsteriskInstance
from opendeep_kit.asterisk.program import AsteriskProgram, system_asterisk
from opendeep_kit.errors import BadInput, Unavailable
from tests.phone.agent import until
from tests.phone.asterisk_log import complaints

NOWHERE = Trunk(host="127.0.0.1", port=9)


@pytest.fixture
def line(asterisk_program: AsteriskProgram, short_dir: Path) -> AsteriskInstance:
    """A configured line."""
    return configure_line(short_dir / "line", program=asterisk_program, trunk=NOWHERE)


async def test_boots_without_a_warning(line: AsteriskInstance) -> None:
    """A start is quiet: no WARNING, no ERROR, and every module of modules.conf is loaded."""
    async with await line.start():
        loaded = await line.cli("module show")

    wanted = (line.etc_dir / "modules.conf").read_text().count("\nload = ")
    assert complaints(line) == []
    assert loaded.count("Running") >= wanted == 60


async def test_public_boots_without_a_warning(asterisk_program: AsteriskProgram, short_dir: Path) -> None:
    """So does the public."""
    callees = configure_callees(short_dir / "c", program=asterisk_program, personas_host="127.0.0.1", personas_port=9)
    async with await callees.start():
        assert "public" in await callees.cli("dialplan show public")

    assert complaints(callees) == []


async def test_trunk_behind_a_router_tells_its_outer_address(
    asterisk_program: AsteriskProgram, short_dir: Path
) -> None:
    """The address that the carrier sees is in the transport."""
    trunk = Trunk(host="127.0.0.1", port=9, external_address="203.0.113.5")
    line = configure_line(short_dir / "line", program=asterisk_program, trunk=trunk)
    async with await line.start():
        transport = await line.cli("pjsip show transport opendeep-udp")

    assert transport.count("203.0.113.5") == 2
    assert complaints(line) == []


async def test_trunk_with_an_account_boots_without_a_warning(
    asterisk_program: AsteriskProgram, short_dir: Path
) -> None:
    """Sign-in and registration are there when the trunk wants them."""
    trunk = Trunk(host="127.0.0.1", port=9, user="account", secret=SecretStr("s3cret"), registers=True)
    line = configure_line(short_dir / "line", program=asterisk_program, trunk=trunk)
    async with await line.start():
        endpoint = await line.cli("pjsip show endpoint opendeep-trunk")
        registrations = await line.cli("pjsip show registrations")

    assert "opendeep-trunk-auth/account" in endpoint
    assert "opendeep-trunk-registration/sip:127.0.0.1:9" in registrations
    assert [line for line in complaints(line) if "egist" not in line] == []


async def test_two_live_side_by_side(line: AsteriskInstance, short_dir: Path) -> None:
    """A second instance of the same program has its own folder, ports and secret."""
    other = configure_line(short_dir / "other", program=line.program, trunk=NOWHERE)
    async with await line.start() as one, await other.start() as two:
        assert (one.status, two.status, line.pid == other.pid) == (None, None, False)

    assert line.ami_secret.get_secret_value() != other.ami_secret.get_secret_value()
    assert (line.pid, other.pid) == (None, None)


async def test_secrets_are_the_owners(line: AsteriskInstance) -> None:
    """Nobody else can read the folder, and no repr tells the secret."""
    secret = line.ami_secret.get_secret_value()
    holding = [file for file in line.folder.rglob("*") if file.is_file() and secret in file.read_text()]

    assert sorted(file.name for file in holding) == ["instance.json", "manager.conf"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in holding} == {0o600}
    assert secret not in repr(line)


async def test_start_in_a_folder_in_use_is_refused(line: AsteriskInstance) -> None:
    """The second start says that the first one runs."""
    async with await line.start():
        with pytest.raises(Unavailable, match=r"an Asterisk runs in .* \(pid \d+\): stop it first\."):
            await line.start()


async def test_folder_in_use_is_not_written(line: AsteriskInstance) -> None:
    """Configuring it again would give a running Asterisk other ports and another secret than it has."""
    async with await line.start():
        with pytest.raises(Unavailable, match=r"an Asterisk runs in .* \(pid \d+\): stop it first, or use another"):
            configure_line(line.folder, program=line.program, trunk=NOWHERE)

    assert AsteriskInstance.load(line.folder).ports == line.ports


async def test_stale_folder_is_cleaned(line: AsteriskInstance) -> None:
    """What kill -9 leaves behind, and a pid that is somebody else's now, do not stop the next start."""
    async with await line.start():
        assert line.pid is not None
        os.kill(line.pid, signal.SIGKILL)
    (line.folder / "run" / "asterisk.pid").write_text(str(os.getpid()))
    assert line.control_socket.exists()

    async with await line.start() as running:
        assert running.status is None


async def test_taken_port_is_named(line: AsteriskInstance, short_dir: Path) -> None:
    """A port that somebody holds is told before anything starts."""
    async with await line.start():
        for port, name in ((line.ports.ami, "AMI"), (line.ports.sip, "SIP")):
            ports = replace(free_ports(), **{name.lower(): port})
            other = configure_line(short_dir / name, program=line.program, trunk=NOWHERE, ports=ports)
            with pytest.raises(Unavailable, match=f"the {name} port {port} on 127.0.0.1 is taken"):
                await other.start()


def test_long_folder_is_refused(asterisk_program: AsteriskProgram, short_dir: Path) -> None:
    """A socket path that Asterisk would cut is refused, with its length."""
    folder = short_dir / ("x" * 100)
    with pytest.raises(BadInput, match=r"socket path of \d+ bytes, the limit is 107: set asterisk.run_dir"):
        configure_line(folder, program=asterisk_program, trunk=NOWHERE)


@pytest.mark.parametrize("name", ["a,b", "a;b", "a\nb", "a^b"])
def test_folder_that_asterisk_would_misread_is_refused(
    asterisk_program: AsteriskProgram, short_dir: Path, name: str
) -> None:
    """Characters that mean something in Asterisk's files are refused."""
    with pytest.raises(BadInput, match="characters"):
        configure_line(short_dir / name, program=asterisk_program, trunk=NOWHERE)


@pytest.mark.parametrize("host", ["carrier.example;x", "a b", "a\nb", ""])
def test_trunk_host_cannot_write_settings(host: str) -> None:
    """A trunk's values cannot add lines or comments to the configuration."""
    with pytest.raises(BadInput, match="the trunk's host"):
        Trunk(host=host)


async def test_failed_start_quotes_asterisk(line: AsteriskInstance) -> None:
    """A start that fails quotes what Asterisk said, and leaves nothing running."""
    with (line.etc_dir / "asterisk.conf").open("a") as file:
        file.write(f"\n[directories](+)\nastmoddir = {line.folder}/none\n")
    (line.etc_dir / "modules.conf").write_text("[modules]\nautoload = no\nrequire = res_pjsip.so\n")

    with pytest.raises(Unavailable, match=r"Asterisk did not start .*res_pjsip"):
        await line.start()
    assert line.pid is None


async def test_missing_library_is_named(line: AsteriskInstance, short_dir: Path) -> None:
    """A program whose library is gone says which."""
    loader, _, _, executable = line.program.command
    broken = replace(line.program, command=(loader, "--inhibit-cache", "--library-path", str(short_dir), executable))

    with pytest.raises(Unavailable, match=r"did not start \(status 127\): .*lib\w+\.so"):
        await replace(line, program=broken).start()


async def test_daemon_is_found_again_and_stopped(line: AsteriskInstance) -> None:
    """Started to outlive us, it can be loaded from its folder and stopped by anybody."""
    await line.start(outlives_us=True)
    found = AsteriskInstance.load(line.folder)

    assert (found, found.pid is not None) == (line, True)
    assert "System uptime" in await found.cli("core show uptime")
    assert (await found.stop(), await found.stop(), found.pid) == (True, False, None)


async def test_frozen_asterisk_is_stopped_by_force(line: AsteriskInstance) -> None:
    """One that does not react to the request is killed."""
    running = await line.start()
    assert line.pid is not None
    os.kill(line.pid, signal.SIGSTOP)
    await running.stop(limit_s=0.3)

    assert (running.status, line.pid) == (-signal.SIGKILL, None)


async def test_no_orphan_when_we_are_killed(line: AsteriskInstance) -> None:
    """kill -9 of the process that started it ends Asterisk too."""
    program = f"""
import asyncio
from pathlib import Path
from opendeep_kit.asterisk.instance import AsteriskInstance
async def main():
    running = await AsteriskInstance.load(Path({str(line.folder)!r})).start()
    print("booted", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"booted\n"
    assert line.pid is not None
    parent.kill()
    await parent.wait()
    await until(lambda: line.pid is None)


def test_folder_without_an_instance(short_dir: Path) -> None:
    """Loading from a folder that nobody configured says how to get one."""
    with pytest.raises(Unavailable, match=r"no Asterisk is configured in .*: run `opendeep asterisk start`"):
        AsteriskInstance.load(short_dir)


# ---- the host's own Asterisk ------------------------------------------------------------------------


def lay_out(root: Path, program: AsteriskProgram, *, version: str | None = None) -> None:
    """A host that has Asterisk where distributions put it; `version` makes it claim another one."""
    for place, target in (("usr/lib/asterisk/modules", program.modules_dir), ("usr/share/asterisk", program.data_dir)):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).symlink_to(target)
    executable = root / "usr/sbin/asterisk"
    executable.parent.mkdir()
    run = f"echo Asterisk {version}" if version else f'exec {" ".join(program.command)} "$@"'
    executable.write_text(f"#!/bin/sh\n{run}\n")
    executable.chmod(0o755)


async def test_system_asterisk_is_adopted(asterisk_program: AsteriskProgram, short_dir: Path) -> None:
    """The host's own program runs with our configuration."""
    lay_out(short_dir, asterisk_program)
    adopted = system_asterisk(short_dir)
    line = configure_line(short_dir / "line", program=adopted, trunk=NOWHERE)
    async with await line.start():
        assert complaints(line) == []

    assert adopted.version == asterisk_program.version


@pytest.mark.parametrize(
    ("version", "wideband", "filters"), [("20.6.0~dfsg", False, False), ("22.6.0", False, True), ("22.7.0", True, True)]
)
def test_features_depend_on_the_version(
    asterisk_program: AsteriskProgram, short_dir: Path, version: str, wideband: bool, filters: bool
) -> None:
    """Wideband AudioSocket and TechCause need 22.7, filters by event name need 22."""
    lay_out(short_dir, asterisk_program, version=version)
    program = system_asterisk(short_dir)

    assert (program.has_wideband, program.has_tech_cause, program.has_advanced_filters) == (wideband, wideband, filters)


def test_old_system_asterisk_is_refused(asterisk_program: AsteriskProgram, short_dir: Path) -> None:
    """Older than 20 is refused."""
    lay_out(short_dir, asterisk_program, version="18.10.0")
    with pytest.raises(BadInput, match=r"the host's Asterisk is 18\.10\.0: install 20 or newer"):
        system_asterisk(short_dir)


def test_no_system_asterisk(short_dir: Path) -> None:
    """A host without one says what to do."""
    with pytest.raises(Unavailable, match=r"no asterisk program: .* `opendeep asterisk install`"):
        system_asterisk(short_dir)

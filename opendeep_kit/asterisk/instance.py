"""One configured Asterisk: starts it, knows whether it is running, stops it.

Given a folder that `configuration` wrote, runs the program unprivileged (or as the current user) and returns when it
has booted. Never leaves it behind: the kernel ends it with our process, unless it was started to outlive us.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from opendeep_kit.asterisk.program import AsteriskProgram
from opendeep_kit.asterisk.templates import Role
from opendeep_kit.errors import BadInput, OurMistake, Unavailable

SOCKET_PATH_LIMIT = 107
"""Bytes of a Unix socket's path (sockaddr_un); Asterisk cuts longer ones without a word."""
START_LIMIT_S = 30.0
"""Alone it takes half a second; six at once on two cores took five and a half."""
STOP_LIMIT_S = 5.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What one instance listens on."""

    ami: int
    """TCP, loopback only."""
    sip: int
    """UDP."""
    rtp_start: int
    """UDP, even."""
    rtp_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskInstance:
    """An Asterisk with a folder of its own. Any process can load it from there."""

    folder: Path
    """Absolute; `etc/`, `run/`, `log/`, `lib/`, `spool/`, `recordings/` and `instance.json`."""
    role: Role
    program: AsteriskProgram
    ports: Ports
    sip_host: str
    ami_user: str
    ami_secret: SecretStr
    ami_host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        if set(str(self.folder)) & set(",;^|&()\"'\\\r\n") or not self.folder.is_absolute():
            raise BadInput(
                "the instance's folder contains characters that Asterisk cannot accept", do="choose another folder"
            )
        length = len(os.fsencode(self.control_socket))
        if length > SOCKET_PATH_LIMIT:
            raise BadInput(
                f"the instance's folder makes a socket path of {length} bytes, the limit is {SOCKET_PATH_LIMIT}",
                do="set asterisk.run_dir to a shorter path",
            )

    @property
    def etc_dir(self) -> Path:
        """The rendered configuration."""
        return self.folder / "etc"

    @property
    def control_socket(self) -> Path:
        """Where `asterisk -r` connects."""
        return self.folder / "run" / "asterisk.ctl"

    @property
    def log_file(self) -> Path:
        """Asterisk's warnings and errors."""
        return self.folder / "log" / "messages.log"

    @property
    def recordings_dir(self) -> Path:
        """Callees: what each persona heard and said, `<number>-<call id>.heard.wav` and `….said.wav`."""
        return self.folder / "recordings"

    @property
    def pid(self) -> int | None:
        """The running process, also when another process of ours started it."""
        try:
            pid = int((self.folder / "run" / "asterisk.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if self.owns(pid) else None

    def adopt(self) -> RunningAsterisk | None:
        """It, when it runs already and was started to outlive whoever started it: left, it goes on."""
        pid = self.pid
        return RunningAsterisk(self, pid, goes_on=True) if pid is not None and self._for_good.exists() else None

    def owns(self, pid: int) -> bool:
        """Whether this process lives and was started from our folder: a pid is used again after a while."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return os.fsencode(self._conf) in words and state != "Z"

    # ---- keeping ------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write `instance.json`, readable by its owner only."""
        facts = asdict(replace(self, ami_secret=SecretStr("")))
        facts["ami_secret"] = self.ami_secret.get_secret_value()
        file = self.folder / "instance.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(facts, default=str, indent=1))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The instance in this folder.

        Raises:
            Unavailable: none was configured there.
        """
        try:
            facts = json.loads((folder / "instance.json").read_text())
            program = facts.pop("program")
            program |= {name: Path(program[name]) for name in ("modules_dir", "data_dir")}
            program |= {name: tuple(program[name]) for name in ("command", "version")}
            facts |= {"program": AsteriskProgram(**program), "ports": Ports(**facts["ports"])}
            facts |= {"role": Role(facts["role"]), "folder": spelled(folder)}
            return cls(**facts | {"ami_secret": SecretStr(facts["ami_secret"])})
        except (OSError, ValueError, KeyError, TypeError):
            raise Unavailable(f"no Asterisk is configured in {folder}", do="run `opendeep asterisk start`") from None

    # ---- running ------------------------------------------------------------------------------------

    async def start(self, *, outlives_us: bool = False, limit_s: float = START_LIMIT_S) -> RunningAsterisk:
        """Start it and wait until it has booted.

        Args:
            outlives_us: run as a daemon; otherwise the kernel ends it when the thread that called this ends.
            limit_s: longest wait.

        Raises:
            Unavailable: it runs already, a port is taken, its folder cannot be written, or it did not boot; the text
                says why.
        """
        if self.pid is not None:
            raise Unavailable(f"an Asterisk runs in {self.folder} (pid {self.pid})", do="stop it first")
        self._check_ports()
        try:
            for stale in (self.folder / "run").iterdir():
                stale.unlink()
            if outlives_us:
                self._for_good.touch()
            running = RunningAsterisk(self, self._launch_daemon() if outlives_us else self._launch())
        except OSError as error:
            raise unwritable(self.folder, error) from None
        try:
            async with asyncio.timeout(limit_s):
                await self._booted(running)
        except TimeoutError:
            await running.stop()
            raise Unavailable(f"Asterisk did not boot within {limit_s:.0f} s", do="look into its log") from None
        except BaseException:
            await running.stop()
            raise
        return running

    async def stop(self, *, limit_s: float = STOP_LIMIT_S) -> bool:
        """Stop it, whoever started it; False when it was not running."""
        pid = self.pid
        if pid is None:
            return False
        await self.end(pid, limit_s=limit_s)
        return True

    async def end(self, pid: int, *, limit_s: float) -> None:
        """Ask one of our processes to end, then make it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            for _ in range(int(limit_s / _POLL_S)):
                if not self.owns(pid):
                    return
                await asyncio.sleep(_POLL_S)
        raise Unavailable(f"Asterisk (pid {pid}) cannot be stopped", do="see whether its process hangs in the kernel")

    def cli_command(self, *words: str) -> list[str]:
        """What to run for Asterisk's own command line: a console, or one command."""
        return [*self.program.command, "-C", str(self._conf), *(["-rx", " ".join(words)] if words else ["-r"])]

    async def cli(self, *words: str, limit_s: float = 10.0) -> str:
        """What Asterisk answers to one command.

        Raises:
            Unavailable: it does not run or does not answer.
        """
        process = await asyncio.create_subprocess_exec(
            *self.cli_command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            async with asyncio.timeout(limit_s):
                output, _ = await process.communicate()
        except TimeoutError:
            raise Unavailable("Asterisk does not answer", do="stop it and start it again") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise Unavailable("Asterisk does not run", do="start it with `opendeep asterisk start`")
        return output.decode(errors="replace")

    # ---- inside -------------------------------------------------------------------------------------

    @property
    def _conf(self) -> Path:
        return self.etc_dir / "asterisk.conf"

    @property
    def _for_good(self) -> Path:
        """There while one runs that was started to outlive whoever started it."""
        return self.folder / "run" / "for-good"

    @property
    def _console(self) -> Path:
        """What Asterisk says before its log is open."""
        return self.folder / "log" / "console.log"

    def _free_ports(self) -> list[str]:
        """Those of our ports on which nobody listens."""
        ami, sip = ("127.0.0.1", self.ports.ami, socket.SOCK_STREAM), (self.sip_host, self.ports.sip, socket.SOCK_DGRAM)
        return [name for name, port in (("AMI", ami), ("SIP", sip)) if _is_free(*port)]

    def _check_ports(self) -> None:
        free = self._free_ports()
        for name, host, port in (("AMI", "127.0.0.1", self.ports.ami), ("SIP", self.sip_host, self.ports.sip)):
            if name not in free:
                raise Unavailable(
                    f"the {name} port {port} on {host} is taken",
                    do="stop the program that uses it, or configure the instance with another port",
                )

    def _launch(self) -> subprocess.Popen[bytes]:
        """A child that the kernel ends with us (PDEATHSIG): even when we are killed without a word."""
        command = [_setpriv(), "--pdeathsig", "SIGTERM", *self.program.command, "-C", str(self._conf), "-f"]
        with self._console.open("wb") as console:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )

    def _launch_daemon(self) -> int:
        """A process that is nobody's child; returns its pid. Asterisk's own way (without -f) tells none in time."""
        script = 'console=$1; shift; "$@" >"$console" 2>&1 & echo $!'
        command = [*self.program.command, "-C", str(self._conf), "-f"]
        shell = subprocess.run(
            ["/bin/sh", "-c", script, "sh", str(self._console), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
            check=True,
        )
        return int(shell.stdout)

    async def _booted(self, running: RunningAsterisk) -> None:
        """Wait for the word of Asterisk itself, then see that it holds its ports."""
        output = ""
        while "fully booted" not in output:
            if running.status is not None:
                raise self._did_not_start(running.status)
            await asyncio.sleep(_POLL_S)
            if self.control_socket.exists():
                with contextlib.suppress(Unavailable):
                    output = await self.cli("core waitfullybooted", limit_s=START_LIMIT_S)
        if self._free_ports():
            raise self._did_not_start(0)

    def _did_not_start(self, status: int) -> Unavailable:
        lines: list[str] = []
        for file in (self._console, self.log_file):
            if file.exists():
                lines += file.read_text(errors="replace").splitlines()[-3:]
        return Unavailable(
            f"Asterisk did not start (status {status}): {' | '.join(lines) or 'it said nothing'}",
            do=f"see the logs in {self.log_file.parent}",
        )


class RunningAsterisk:
    """A started instance; `async with` it, or `stop` it.

    Args:
        goes_on: it is not ours to stop.
    """

    def __init__(
        self, instance: AsteriskInstance, process: subprocess.Popen[bytes] | int, *, goes_on: bool = False
    ) -> None:
        self.instance = instance
        self._process = process
        self._goes_on = goes_on

    @property
    def status(self) -> int | None:
        """None while it runs; the exit status afterwards (0 for a daemon, whose status nobody gets)."""
        if isinstance(self._process, int):
            return None if self.instance.owns(self._process) else 0
        return self._process.poll()

    async def stop(self, *, limit_s: float = STOP_LIMIT_S) -> None:
        """Stop it: a request first, then by force. Calls still up are hung up."""
        process = self._process
        if self._goes_on:
            return
        if isinstance(process, int):
            await self.instance.end(process, limit_s=limit_s)
            return
        for end in (process.terminate, process.kill):
            end()
            for _ in range(int(limit_s / _POLL_S)):
                if process.poll() is not None:
                    return
                await asyncio.sleep(_POLL_S)
        raise OurMistake("an Asterisk that was killed still runs")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def spelled(folder: Path) -> Path:
    """The one way to write an instance's folder: by its spelling a process is known to be ours."""
    # Not `resolve`: a short link may stand for a path that is too long.
    return Path(os.path.normpath(folder.absolute()))


def unwritable(folder: Path, error: OSError) -> Unavailable:
    """An instance's folder cannot hold it: read-only, or a full disk."""
    return Unavailable(
        f"Asterisk cannot run in {folder} ({error.strerror or error})",
        do="free some space, or set asterisk.run_dir to a writable folder",
    )


def _is_free(host: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            # As Asterisk does: connections of a former instance that are still closing do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _setpriv() -> str:
    path = shutil.which("setpriv")
    if path is None:
        raise Unavailable("this host has no setpriv", do="install util-linux, or start Asterisk to outlive us")
    return path

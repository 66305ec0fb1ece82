"""Which line carries the calls: Asterisk, or the simulator where there is none and nobody real would be called."""

import asyncio
from pathlib import Path

import pytest
import structlog

from opendeep_kit import line_choice
from opendeep_kit.asterisk.exchange import configure_exchange, configured, start_for_good
from opendeep_kit.asterisk.program import AsteriskProgram
from opendeep_kit.config import Settings, load_settings
from opendeep_kit.errors import BadInput, OpenDeepError, PeerMisbehaved, Unavailable
from opendeep_kit.line_choice import LineName, open_line
from opendeep_kit.phone.asterisk_line import AsteriskLine
from opendeep_kit.rehearsal.host import Addresses

NOBODY = Addresses(realtime_url="", callees_host="127.0.0.1", callees_port=9)
NO_ASTERISK = [
    Unavailable("no network", do="try later"),
    BadInput("the host's Asterisk is 18.1", do="install 20 or newer"),
    PeerMisbehaved("not signed by Debian", do="set asterisk.mirror"),
]


def without_asterisk(monkeypatch: pytest.MonkeyPatch, error: OpenDeepError) -> None:
    """A host on which none can be had."""

    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(line_choice, "obtain_program", fail)


async def opened(settings: Settings, name: LineName) -> str:
    """Which line it is in the end."""
    async with open_line(settings, name, NOBODY) as line:
        return line.name


@pytest.mark.parametrize("error", NO_ASTERISK, ids=lambda error: type(error).__name__)
async def test_simulator_takes_the_place_of_an_asterisk_that_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, error: OpenDeepError
) -> None:
    """Whatever the reason; it is told with what to do. Who asks for Asterisk by name gets the reason itself."""
    without_asterisk(monkeypatch, error)
    with structlog.testing.capture_logs() as said:
        assert await opened(Settings(), LineName.AUTO) == "simulator"

    assert [(one["why"], one["do"]) for one in said] == [(error.what, error.do)]
    with pytest.raises(type(error)):
        await opened(Settings(), LineName.ASTERISK)


@pytest.mark.parametrize("own", [{"trunk_host": "sip.example"}, {"ami_host": "127.0.0.1", "ami_port": 9}])
async def test_simulator_never_takes_the_place_of_real_telephones(
    monkeypatch: pytest.MonkeyPatch, own: dict[str, object]
) -> None:
    """With a trunk or an Asterisk of one's own its absence is an error."""
    without_asterisk(monkeypatch, NO_ASTERISK[0])
    with pytest.raises((Unavailable, BadInput)):
        await opened(load_settings(asterisk=own), LineName.AUTO)


async def test_each_folder_of_data_has_telephones_of_its_own(
    monkeypatch: pytest.MonkeyPatch, asterisk_program: AsteriskProgram, short_dir: Path
) -> None:
    """Two services in two folders live side by side."""
    monkeypatch.setattr(line_choice, "obtain_program", lambda _: asterisk_program)
    one, two = (load_settings(data_dir=short_dir / name) for name in ("one", "two"))
    async with open_line(one, LineName.AUTO, NOBODY) as line, open_line(two, LineName.AUTO, NOBODY) as other:
        assert [line.name, other.name] == ["asterisk", "asterisk"]

    assert sorted(folder.name for folder in (short_dir / "one" / "asterisk").iterdir()) == ["callees", "line", "lock"]


async def test_two_at_once_in_one_folder(
    monkeypatch: pytest.MonkeyPatch, asterisk_program: AsteriskProgram, short_dir: Path
) -> None:
    """One of them gets Asterisk, whole; the other is told that it runs already."""
    monkeypatch.setattr(line_choice, "obtain_program", lambda _: asterisk_program)
    settings = load_settings(data_dir=short_dir)
    all_open, leave = asyncio.Semaphore(0), asyncio.Event()

    async def service() -> str:
        async with open_line(settings, LineName.AUTO, NOBODY) as line:
            all_open.release()
            await leave.wait()
            return line.name if not isinstance(line, AsteriskLine) else (await line.ami.ask("Ping")).headers["ping"]

    with structlog.testing.capture_logs() as said:
        services = [asyncio.create_task(service()) for _ in range(2)]
        async with asyncio.timeout(30):
            for _ in services:
                await all_open.acquire()
            leave.set()
            assert sorted([await one for one in services]) == ["Pong", "simulator"]

    assert ["an Asterisk runs in" in one["why"] for one in said] == [True]


@pytest.mark.parametrize("own", [{"trunk_host": "127.0.0.1", "trunk_port": 9}, {}], ids=["trunk", "rehearsal"])
async def test_an_asterisk_started_for_good_is_used_and_left_running(
    monkeypatch: pytest.MonkeyPatch, asterisk_program: AsteriskProgram, short_dir: Path, own: dict[str, object]
) -> None:
    """It serves whoever wants just that one, as often as they come; with other settings it is not taken for theirs."""
    monkeypatch.setattr(line_choice, "obtain_program", lambda _: asterisk_program)
    settings = load_settings(data_dir=short_dir, asterisk=own)
    made = configure_exchange(settings.asterisk, asterisk_program, run_dir=settings.asterisk_dir, personas_port=9)
    await start_for_good(made)
    pid = made.line.pid
    try:
        for _ in range(2):
            async with open_line(settings, LineName.ASTERISK, NOBODY) as line:
                assert await line.living_calls() == frozenset()
            assert made.line.pid == pid is not None
        other = load_settings(data_dir=short_dir, asterisk=own | {"caller_id": "+12125550100"})
        with pytest.raises(Unavailable, match="was started with different settings: run `opendeep asterisk stop`"):
            await opened(other, LineName.ASTERISK)
        assert made.line.pid == pid
    finally:
        for instance in configured(settings.asterisk_dir):
            await instance.stop()


async def test_folder_that_asterisk_cannot_use(
    monkeypatch: pytest.MonkeyPatch, asterisk_program: AsteriskProgram, short_dir: Path
) -> None:
    """A path too long for its socket, or one that cannot be written, leaves the simulator; no traceback."""
    monkeypatch.setattr(line_choice, "obtain_program", lambda _: asterisk_program)
    (short_dir / "file").touch()
    with structlog.testing.capture_logs() as said:
        for folder in (short_dir / ("x" * 100), short_dir / "file" / "x"):
            assert await opened(load_settings(asterisk={"run_dir": folder}), LineName.AUTO) == "simulator"

    assert ["socket path" in said[0]["why"], "(Not a directory)" in said[1]["why"]] == [True, True]

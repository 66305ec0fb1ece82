"""`opendeep doctor`: every check runs for real; each miss says what to do."""

import socket
from pathlib import Path
from typing import Any

import pytest

from opendeep_kit.commands import doctor
from opendeep_kit.commands.doctor import CHECKS, CheckResult
from opendeep_kit.config import Settings
from opendeep_kit.rehearsal.engines import Say
from tests.rehearsal.realtime_peer import serving

CALL_HOUR = {"engine": "tones"}


async def finding(name: str, folder: Path, **settings: Any) -> CheckResult:
    """What one check finds under these settings."""
    given = {"data_dir": folder / "data", "rehearsal": CALL_HOUR} | settings
    return await doctor._try(name, CHECKS[name], Settings.model_validate(given))


@pytest.mark.slow
async def test_whole_examination(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each check, in the order of a call; what is missing is marked, and the exit code says so."""
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "rehearsal": CALL_HOUR,
            "asterisk": {"ami_host": "127.0.0.1", "ami_port": 1, "ami_secret": "x"},
        }
    )
    code = await doctor.examine(settings)

    marks = [(line[:4], line[6:].split("  ")[0]) for line in capsys.readouterr().out.splitlines() if line[:4].strip()]
    marks = [(mark.strip(), name) for mark, name in marks if mark.strip() in ("ok", "miss")]
    assert [name for _, name in marks] == list(CHECKS)
    assert [name for mark, name in marks if mark == "miss"] == ["asterisk"]
    assert code == 1


@pytest.mark.parametrize(
    ("name", "settings", "detail", "do"),
    [
        ("phone", {"phone": {"host": "0.0.0.0"}}, "without password or encryption", "isolate that network"),
        (
            "limits",
            {"service": {"calls_per_worker": 500}},
            "may open only 100 files, but 500 calls need 3200",
            "ulimit -n",
        ),
        ("voice", {"voice": {"provider": "realtime"}}, "there is no API key", "set OPENAI_API_KEY or voice.api_key"),
        ("text model", {"llm": {"base_url": "http://127.0.0.1:1/v1"}}, "does not answer", "check llm.base_url"),
        ("asterisk", {"asterisk": {"ami_host": "127.0.0.1"}}, "ami_secret is not", "set both"),
        (
            "asterisk",
            {"asterisk": {"program": "system"}},
            "Asterisk is not installed yet",
            "`opendeep asterisk install`",
        ),
    ],
)
async def test_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, settings: dict[str, Any], detail: str, do: str
) -> None:
    """What is wrong, and what to do about it."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (100, 100))
    if name == "asterisk" and "program" in settings["asterisk"]:
        monkeypatch.setattr(doctor, "system_asterisk", lambda: _no_asterisk(tmp_path))
    found = await finding(name, tmp_path, **settings)

    assert detail in found.detail
    assert do in found.miss


def _no_asterisk(root: Path) -> Any:
    from opendeep_kit.asterisk.program import system_asterisk

    return system_asterisk(root)


async def test_data_folder_that_cannot_be(tmp_path: Path) -> None:
    """A file in the folder's place."""
    (tmp_path / "data").write_text("")
    found = await finding("disk", tmp_path)

    assert "cannot create" in found.detail
    assert found.miss == "set data_dir"


async def test_realtime_server(tmp_path: Path) -> None:
    """A compatible server is asked with our key and our session: it accepts both, or says which it does not."""
    async with serving([[Say("Hello.")]], api_keys=frozenset(["right"])) as server:
        voice = {"provider": "realtime", "base_url": server.base_url, "model": "m"}
        accepted = await finding("voice", tmp_path, voice=voice | {"api_key": "right"})
        refused = await finding("voice", tmp_path, voice=voice | {"api_key": "wrong"})

    assert (accepted.detail, accepted.miss) == (f"m at {server.base_url} accepts the key and our session settings", "")
    assert "refused the API key (HTTP 401)" in refused.detail
    assert "wrong" not in refused.detail + refused.miss


async def test_tenants_own_tools(tmp_path: Path) -> None:
    """Every tenant's tools are named; a broken file is told with its place."""
    folder = tmp_path / "data" / "knowledge" / "clinic"
    (folder / "documents").mkdir(parents=True)
    found = await finding("knowledge", tmp_path)
    (folder / "tools.toml").write_text("[tables.x]\n")
    broken = await finding("knowledge", tmp_path)

    assert found.detail == "tenants' own tools: clinic: search_documents"
    assert "tables.x.file: field required" in broken.detail


async def test_phone_port_taken(tmp_path: Path) -> None:
    """A port in use is told before a call needs it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = await finding("phone", tmp_path, phone={"port": taken.getsockname()[1]})

    assert "Address already in use" in found.detail
    assert "set phone.port" in found.miss

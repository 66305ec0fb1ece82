"""`opendeep dashboards` and `opendeep lab` up to the point where they become a server."""

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from opendeep_kit.boards.access import access_file
from opendeep_kit.commands import dashboards
from opendeep_kit.config import Settings, dashboards_environment, load_settings
from opendeep_kit.errors import BadInput, Unavailable

SECRETS = {
    "voice": {"api_key": "sk-voice"},
    "asterisk": {"ami_secret": "ami-word", "trunk_secret": "trunk-word"},
    "llm": {"api_key": "sk-text"},
    "dashboards": {"passwords": {"garage": "argon2:a-hash-of-the-garage"}, "port": 0},
}


class Became:
    """What the process would have become."""

    def __init__(self) -> None:
        self.command: list[str] = []
        self.environment: Mapping[str, str] = {}

    def __call__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self.command, self.environment = command, environment


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> Became:
    """The last step, which would replace the test's own process."""
    made = Became()
    monkeypatch.setattr(dashboards, "_become", made)
    return made


def settings(data_dir: Path, **more: object) -> Settings:
    """Settings full of secrets."""
    return load_settings(data_dir=data_dir, **(SECRETS | more))


def test_password_is_printed_once(tmp_path: Path, became: Became, capsys: pytest.CaptureFixture[str]) -> None:
    """The first start prints address and password, a later one only where its hash is."""
    dashboards.serve_dashboards(settings(tmp_path))
    first = capsys.readouterr().out
    dashboards.serve_dashboards(settings(tmp_path))
    second = capsys.readouterr().out

    assert "Dashboards of default at http://localhost:" in first
    assert ("Password: " in first, "Password: " in second) == (True, False)
    assert became.command[1:3] == ["-m", "opendeep_kit.boards.voila_server"]
    assert access_file(tmp_path, "default").is_file()


def test_no_secret_reaches_a_viewers_kernel(tmp_path: Path, became: Became, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's environment holds the record and what is shown, and neither keys nor passwords."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    monkeypatch.setenv("OPENDEEP_VOICE__API_KEY", "sk-environment")
    dashboards.serve_dashboards(settings(tmp_path))
    text = json.dumps(dict(became.environment))

    for secret in ("sk-voice", "ami-word", "trunk-word", "sk-text", "a-hash-of-the-garage", "sk-environment"):
        assert secret not in text
    assert became.environment["OPENDEEP_DATA_DIR"] == str(tmp_path)
    assert became.environment["OPENDEEP_CONFIG"] == os.devnull


def test_environment_means_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process with that environment finds the same record, tenant and limits."""
    made = settings(tmp_path, service={"worker_dead_after_s": 7}, dashboards={"tenant": "clinic", "max_viewers": 3})
    environment = dashboards_environment(made, jupyter_path=Path("page"))
    for name in [name for name in os.environ if name.startswith("OPENDEEP_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        if name.startswith("OPENDEEP_"):
            monkeypatch.setenv(name, value)
    found = load_settings()

    assert (found.store_url, found.data_dir) == (made.store_url, tmp_path)
    assert (found.dashboards.tenant, found.dashboards.max_viewers) == ("clinic", 3)
    assert found.service.worker_dead_after_s == 7
    assert environment["JUPYTER_PATH"].split(os.pathsep)[0] == "page"


def test_taken_port(tmp_path: Path, became: Became) -> None:
    """A port that is taken is told, and no password is made for nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=f"port {port} is taken"):
            dashboards.serve_dashboards(settings(tmp_path, dashboards={"port": port}))

    assert (became.command, access_file(tmp_path, "default").exists()) == ([], False)


def test_unknown_tenant(tmp_path: Path, became: Became) -> None:
    """A tenant that is not there has no dashboards."""
    with pytest.raises(BadInput, match="no tenant 'nobody'"):
        dashboards.serve_dashboards(settings(tmp_path, dashboards={"tenant": "nobody", "port": 0}))
    assert became.command == []


def test_lab(tmp_path: Path, became: Became) -> None:
    """JupyterLab gets the notebooks, loopback, and the data folder whatever folder a notebook runs in."""
    dashboards.serve_lab(settings(tmp_path), port=8899, open_browser=False)

    assert became.command[1:3] == ["-m", "jupyterlab"]
    assert "--ServerApp.ip=127.0.0.1" in became.command
    assert "--no-browser" in became.command
    assert any(word.endswith("/notebooks") for word in became.command)
    assert became.environment["OPENDEEP_DATA_DIR"] == str(tmp_path)


@pytest.mark.parametrize("is_root", [True, False])
def test_lab_as_root(
    tmp_path: Path, became: Became, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_root: bool
) -> None:
    """Root is let in, and told what that means; nobody else hears of it."""
    monkeypatch.setattr(dashboards, "_is_root", lambda: is_root)

    dashboards.serve_lab(settings(tmp_path), port=8899, open_browser=False)

    assert ("--ServerApp.allow_root=True" in became.command) is is_root
    assert ("runs as root" in capsys.readouterr().err) is is_root


def test_missing_folder() -> None:
    """A folder that neither the checkout nor the package has is told in a sentence."""
    with pytest.raises(Unavailable, match="the folder dashboards is missing"):
        dashboards.folder_of("dashboards", "no-such-board.ipynb")

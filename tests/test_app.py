"""What a service starts, and what it refuses to start with."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from opendeep_kit import line_choice
from opendeep_kit.app import host_addresses, needs_host, open_service, with_voice
from opendeep_kit.config import Settings, load_settings
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.line_choice import LineName, open_line
from opendeep_kit.rehearsal.host_process import HostProcess
from opendeep_kit.settings import AsteriskSettings
from tests.phone.fake_ami import FakeAmi
from tests.service_rig import settings_for, world

OWN = {"ami_host": "127.0.0.1"}
TRUNK = {"trunk_host": "sip.carrier.example"}


def settings_of(provider: str, asterisk: dict[str, Any]) -> Settings:
    """Settings with this voice and telephone."""
    return load_settings(voice={"provider": provider}, asterisk=asterisk)


@pytest.mark.parametrize(
    ("provider", "asterisk", "line", "needed"),
    [
        ("local", OWN, LineName.ASTERISK, True),
        ("realtime", {}, LineName.ASTERISK, True),
        ("realtime", OWN, LineName.SIMULATOR, True),
        ("realtime", OWN, LineName.ASTERISK, False),
        ("realtime", TRUNK, LineName.AUTO, False),
    ],
)
def test_who_is_simulated(provider: str, asterisk: dict[str, Any], line: LineName, needed: bool) -> None:
    """The rehearsal's process is for a local voice or simulated callees, and for nobody else."""
    assert needs_host(settings_of(provider, asterisk), line) is needed


async def test_a_real_voice_and_line_start_no_rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a Realtime server and an Asterisk of one's own no speech model is loaded."""

    async def start(_: HostProcess) -> None:
        raise AssertionError("the rehearsal was started")

    monkeypatch.setattr(HostProcess, "start", start)
    async with FakeAmi() as asterisk, world(settings_for(tmp_path)) as (settings, _):
        voice = settings.voice.model_copy(update={"provider": "realtime"})
        own = AsteriskSettings(ami_host="127.0.0.1", ami_port=asterisk.port, ami_secret=SecretStr("right"))
        settings = settings.model_copy(update={"voice": voice, "asterisk": own})
        async with open_service(settings, line=LineName.ASTERISK) as service:
            assert service.host is None


def test_an_address_that_would_not_be_asked() -> None:
    """A server's address without its provider is told, not passed over."""
    settings = load_settings(voice={"base_url": "http://127.0.0.1:9/v1"})

    with pytest.raises(BadInput, match=r'set voice\.provider = "realtime"'):
        with_voice(settings, host_addresses(settings))


async def test_the_simulator_takes_no_carriers_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the settings lead to people, an Asterisk that cannot be had is told."""

    def obtain(_: AsteriskSettings) -> None:
        raise Unavailable("there is no Asterisk here")

    monkeypatch.setattr(line_choice, "obtain_program", obtain)
    settings = settings_of("realtime", TRUNK)
    with pytest.raises(Unavailable, match="there is no Asterisk here"):
        async with open_line(settings, LineName.AUTO, host_addresses(settings)):
            pass

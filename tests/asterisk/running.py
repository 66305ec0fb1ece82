"""A real Asterisk for the tests: installed once, two instances a session (the line, and the rehearsal's public)."""

import asyncio
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from opendeep_kit.asterisk.exchange import Exchange, configure_exchange, obtain_program
from opendeep_kit.asterisk.program import AsteriskProgram
from opendeep_kit.config import load_settings
from opendeep_kit.errors import Unavailable
from opendeep_kit.settings import AsteriskSettings
from tests.phone.asterisk_log import complaints

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def asterisk_program() -> AsteriskProgram:
    """Asterisk, installed into the checkout's cache folder at the first use."""
    settings = load_settings().asterisk
    settings = settings.model_copy(update={"folder": ROOT / settings.folder})
    try:
        return obtain_program(settings)
    except Unavailable as why_not:
        pytest.skip(f"Asterisk cannot be installed here: {why_not}")


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A folder with a short path: pytest's own are too long for a control socket."""
    with tempfile.TemporaryDirectory(prefix="od-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def personas_port() -> int:
    """Where the public's talking numbers look for their persona; a test that wants one listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def exchange(asterisk_program: AsteriskProgram, personas_port: int) -> Iterator[Exchange]:
    """The line and the public, running."""
    with tempfile.TemporaryDirectory(prefix="od-", dir="/tmp") as folder:
        made = configure_exchange(
            AsteriskSettings(), asterisk_program, run_dir=Path(folder), personas_port=personas_port
        )
        assert made.callees is not None
        callees = asyncio.run(made.callees.start())
        line = asyncio.run(made.line.start())
        yield made
        asyncio.run(line.stop())
        asyncio.run(callees.stop())


@pytest.fixture(scope="module")
def quiet_log(exchange: Exchange) -> Iterator[None]:
    """The module's calls leave no warning and no error in either log."""
    instances = [instance for instance in (exchange.line, exchange.callees) if instance is not None]
    before = [len(instance.log_file.read_text().splitlines()) for instance in instances]
    yield
    found = [complaints(instance, since) for instance, since in zip(instances, before, strict=True)]
    assert found == [[], []]

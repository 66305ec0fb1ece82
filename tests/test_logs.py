"""Logs: one line a happening, for people or machines, bound to its call."""

import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from opendeep_kit.logs import configure, log


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Other tests log as if nothing had been configured here."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_json_line_with_its_call() -> None:
    """One JSON object a line, with level, time in UTC and what was bound at the bridge."""
    stream = io.StringIO()
    configure(as_json=True, stream=stream)
    with bound_contextvars(call_id="c-1", tenant_id="riverside"):
        log().info("= answered", frames=3)
    log().warning("! alone")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())

    assert (first["event"], first["level"], first["frames"]) == ("= answered", "info", 3)
    assert (first["call_id"], first["tenant_id"]) == ("c-1", "riverside")
    assert first["timestamp"].endswith("Z")
    assert "call_id" not in second


def test_text_for_people() -> None:
    """Text has no colour codes: it may go into a file."""
    stream = io.StringIO()
    configure(stream=stream)
    log().info("= answered", call_id="c-1")

    assert "= answered" in stream.getvalue()
    assert "call_id=c-1" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_level() -> None:
    """What is below the level is not written; the level may be changed while running."""
    stream = io.StringIO()
    configure(level="warning", as_json=True, stream=stream)
    log().info("< frame")
    configure(level="debug", as_json=True, stream=stream)
    log().debug("> frame")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["> frame"]


def test_line_ends_in_values_do_not_make_lines() -> None:
    """A value with line ends stays on its event's one line."""
    stream = io.StringIO()
    configure(as_json=True, stream=stream)
    log().error("! a peer misbehaved", reason="x\r\nevent=forged")

    assert len(stream.getvalue().splitlines()) == 1


def test_a_closed_stream_loses_the_line_only() -> None:
    """A terminal that is gone ends no call: whoever logs goes on."""
    stream = io.StringIO()
    configure(stream=stream)
    stream.close()
    log().warning("! nobody reads this")

    configure()
    log().info("= nor fails")


def test_stderr_is_looked_up_when_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever replaced stderr since, as a notebook does, gets the lines."""
    before, sys.stderr = sys.stderr, io.StringIO()
    configure()
    sys.stderr = before
    log().info("= here")

    assert "= here" in capsys.readouterr().err

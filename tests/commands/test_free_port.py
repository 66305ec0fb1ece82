"""Asking for ports."""

import socket

from opendeep_kit.commands.dashboards import free_port, is_free


def test_taken_and_free() -> None:
    """A port that is listened on is not free; one that was found is."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert not is_free("127.0.0.1", taken.getsockname()[1])
    assert is_free("127.0.0.1", free_port("127.0.0.1"))

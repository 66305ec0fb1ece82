"""Structured logs: one line per event, bound to its call and tenant.

Given a level and a stream, configures structlog once. Messages never hold a name, a telephone number or anything said:
those belong to the call's events, which have access rules of their own. Debug legend: `<` received, `>` sent,
`=` state, `!` error.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog


def configure(*, level: str = "info", as_json: bool = False, stream: TextIO | None = None) -> None:
    """Send logs to `stream` (stderr by default), as text for people or JSON for machines."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Forgiving(stream))),
        cache_logger_on_first_use=False,
    )


class _Forgiving:
    """Where lines go. A closed terminal, a broken pipe or a full disk loses the line, never the call that wrote it."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        """None: whatever stderr is at the time."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):  # a closed file says ValueError
            return (self._stream or sys.stderr).write(text)
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            (self._stream or sys.stderr).flush()


def log() -> structlog.stdlib.BoundLogger:
    """The logger; bind `call_id` and `tenant_id` with `structlog.contextvars.bind_contextvars`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger

"""Translates DBOS into our own terms: its errors, its log, its file.

Given what DBOS raises or logs, says what it means, without the rows and passwords that the driver's text may contain.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from dbos import error as dbos_error
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from opendeep_kit.errors import Unavailable
from opendeep_kit.logs import log
from opendeep_kit.record.faults import explain

WHERE = "of the durable queue"
"""Its URL may hold a password."""


def let_readers_pass(url: str) -> None:
    """On SQLite: without a write-ahead log each poll of the queue holds up every attempt's next step."""
    if not url.startswith("sqlite"):
        return
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")  # kept in the file, for all who open it
    finally:
        engine.dispose()


@contextlib.contextmanager
def reached() -> Iterator[None]:
    """Errors of the queue's database as ours: a periodic task that meets one is tried again."""
    try:
        yield
    except SQLAlchemyError as error:
        raise explain(error, WHERE) from None
    except dbos_error.DBOSException as error:
        raise Unavailable(f"the durable queue refuses ({type(error).__name__})", do="try again") from None


def _tells_briefly(record: logging.LogRecord) -> bool:
    """A traceback of the driver contains rows and fills a page: log one clause instead."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, SQLAlchemyError):
        log().error("! an attempt's step could not be noted in the durable queue", what=explain(error, WHERE).what)
        return False
    return True


class _OwnLog(logging.Handler):
    """DBOS's errors in our log. Its own handler writes to what stderr was when it was imported, closed or not."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line; of a traceback only the error's type, as its text may hold what a person said."""
        error = record.exc_info[1] if record.exc_info else None
        what = record.getMessage().partition("\n")[0] if error is None else type(error).__name__
        log().error("! the durable queue reports an error", what=what)


def log_briefly() -> None:
    """Errors only, each in a clause."""
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.ERROR)
    logger.handlers = [_OwnLog()]
    if _tells_briefly not in logger.filters:
        logger.addFilter(_tells_briefly)

"""Says what a database error means and what to do about it.

Given the driver's error, builds one of ours. The driver's own text is never passed on: it may contain a password or a
person's number.
"""

from __future__ import annotations

from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from opendeep_kit.errors import BadInput, OpenDeepError, OurMistake, Unavailable

_SQLITE: dict[str, tuple[type[OpenDeepError], str, str]] = {
    "SQLITE_NOTADB": (BadInput, "is not a database", "name another file in store.url, or move this one away"),
    "SQLITE_CORRUPT": (Unavailable, "is damaged", "restore it from a backup"),
    "SQLITE_READONLY": (Unavailable, "is read-only", "let this user write the file and its folder"),
    "SQLITE_FULL": (Unavailable, "cannot grow, the disk is full", "free disk space"),
    "SQLITE_BUSY": (Unavailable, "is locked by another process", "try again, or end the process that holds it"),
    "SQLITE_CANTOPEN": (
        Unavailable,
        "cannot be opened",
        "check that it is a file and that this user may read and write it and its folder",
    ),
    "SQLITE_IOERR": (Unavailable, "cannot be read or written, the disk reports errors", "check the disk"),
}
"""By the beginning of the error's name; extended names follow, such as `SQLITE_READONLY_DBMOVED`."""

_POSTGRESQL: dict[str, tuple[type[OpenDeepError], str, str]] = {
    "28": (BadInput, "refuses the user or the password", "correct store.url"),
    "3D": (BadInput, "has no database of this name", "create it, or correct store.url"),
    "42501": (BadInput, "does not let this user create or use tables", "grant it the rights on its schema"),
    "25006": (Unavailable, "is read-only", "name the primary server in store.url"),
    "53": (Unavailable, "has run out of disk, memory or connections", "give it more, or try later"),
    "40": (Unavailable, "gave up a transaction in favour of another", "try again"),
    "57": (Unavailable, "is shutting down or starting", "try later"),
}
"""By the beginning of the SQLSTATE, PostgreSQL's appendix A."""


def explain(error: SQLAlchemyError, where: str) -> OpenDeepError:
    """Our error for the driver's.

    Args:
        where: which database, for a person to read; holds no secret.
    """
    original = error.orig if isinstance(error, StatementError) else error
    if isinstance(original, OpenDeepError):  # from a column's own type
        return original
    name = getattr(original, "sqlite_errorname", None) or ""
    state = getattr(original, "sqlstate", None) or ""
    for table, code in ((_SQLITE, name), (_POSTGRESQL, state)):
        for prefix, (kind, what, do) in table.items():
            if code.startswith(prefix):
                return kind(f"the database {where} {what}", do=do)
    if isinstance(error, PoolTimeout):
        return Unavailable(f"all connections to the database {where} are in use", do="keep transactions short")
    if isinstance(error, IntegrityError):
        return BadInput(
            f"the database {where} refuses a row: it exists already, or refers to one that does not",
            do="save what it refers to first, under the same tenant",
        )
    if isinstance(error, DataError):
        return BadInput(f"the database {where} cannot hold a value of this row", do="correct the value")
    if isinstance(error, OperationalError | InterfaceError) and not name:
        # libpq gives no SQLSTATE when there is no server to ask.
        return Unavailable(f"the database {where} cannot be reached", do="start it, or correct store.url")
    return OurMistake(
        f"the database {where} refused a statement ({name or state or type(original).__name__})",
        do="report it with the version of opendeep_kit",
    )

"""Who gets into a tenant's dashboards: a password, kept as a hash in a file that only its owner can read.

Given the data folder and a tenant, makes the password at the first start and returns it that once. Never writes a
password down, and never shares one among tenants.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_server.auth.security import passwd

from opendeep_kit.errors import BadInput, Unavailable

PASSWORD_BYTES = 12
"""96 bits: nobody guesses it, whatever the number of tries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What the login checks."""

    password_hash: str = field(repr=False)
    cookie_secret: bytes = field(repr=False)
    """Signs the cookies: kept, so that a restart logs nobody out."""


def access_file(data_dir: Path, tenant_id: str) -> Path:
    """Where a tenant's access is kept."""
    return data_dir / "dashboards" / f"{tenant_id}.json"


def prepare_access(data_dir: Path, tenant_id: str, *, given_hash: str = "", is_new: bool = False) -> str | None:
    """Make sure that there is a password. Returns it when it was made now; None: there was one.

    Args:
        given_hash: of the settings; it counts instead of one of ours.
        is_new: make another one; whoever is logged in is logged out.

    Raises:
        BadInput: what was given is no hash.
        Unavailable: the file cannot be written.
    """
    path = access_file(data_dir, tenant_id)
    if given_hash:
        if given_hash.count(":") < 1 or len(given_hash) < 20:
            raise BadInput(
                f"dashboards.passwords: that of {tenant_id!r} is not a password hash",
                do="make one with `python -m jupyter_server.auth password`, or leave it out",
            )
        current = access_of(data_dir, tenant_id) if path.is_file() else None
        if current is None or current.password_hash != given_hash:
            _write(path, given_hash)
        return None
    if path.is_file() and not is_new:
        return None
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    _write(path, passwd(password))  # type: ignore[no-untyped-call]
    return password


def access_of(data_dir: Path, tenant_id: str) -> Access:
    """What was prepared.

    Raises:
        Unavailable: nothing was, or the file cannot be read.
    """
    path = access_file(data_dir, tenant_id)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Access(password_hash=content["password_hash"], cookie_secret=bytes.fromhex(content["cookie_secret"]))
    except (OSError, ValueError, KeyError):
        raise Unavailable(
            f"the password of these dashboards cannot be read in {path}",
            do="make another with `opendeep dashboards --new-password`",
        ) from None


def _write(path: Path, password_hash: str) -> None:
    text = json.dumps({"password_hash": password_hash, "cookie_secret": secrets.token_hex(32)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written ({error.strerror})", do="check the data folder") from None

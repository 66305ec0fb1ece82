"""The dashboards' password: made once, kept as a hash, per tenant."""

from pathlib import Path

import pytest
from jupyter_server.auth.security import passwd, passwd_check

from opendeep_kit.boards.access import access_file, access_of, prepare_access
from opendeep_kit.errors import BadInput, Unavailable


def test_made_once(tmp_path: Path) -> None:
    """The first start makes a password and tells it; later ones do not."""
    password = prepare_access(tmp_path, "clinic")
    assert password is not None
    assert prepare_access(tmp_path, "clinic") is None
    assert passwd_check(access_of(tmp_path, "clinic").password_hash, password)


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    """The file is its owner's alone and holds no password."""
    password = prepare_access(tmp_path, "clinic")
    path = access_file(tmp_path, "clinic")
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(password) not in path.read_text()
    assert "argon2" not in repr(access_of(tmp_path, "clinic"))


def test_tenants_do_not_share(tmp_path: Path) -> None:
    """Each tenant's password opens its own dashboards alone, and cookies are signed differently."""
    clinic, garage = prepare_access(tmp_path, "clinic"), prepare_access(tmp_path, "garage")
    assert clinic != garage
    assert not passwd_check(access_of(tmp_path, "garage").password_hash, clinic)
    assert access_of(tmp_path, "garage").cookie_secret != access_of(tmp_path, "clinic").cookie_secret


def test_new_password_logs_everybody_out(tmp_path: Path) -> None:
    """Another password makes the old one and the old cookies useless."""
    old = prepare_access(tmp_path, "clinic")
    before = access_of(tmp_path, "clinic")
    new = prepare_access(tmp_path, "clinic", is_new=True)
    after = access_of(tmp_path, "clinic")
    assert (old != new, before.cookie_secret != after.cookie_secret) == (True, True)
    assert not passwd_check(after.password_hash, old)


def test_hash_of_the_settings(tmp_path: Path) -> None:
    """A hash in the settings counts, and nothing is told; cookies survive a restart with the same one."""
    given = passwd("open sesame")
    assert prepare_access(tmp_path, "clinic", given_hash=given) is None
    first = access_of(tmp_path, "clinic")
    assert prepare_access(tmp_path, "clinic", given_hash=given) is None
    assert (access_of(tmp_path, "clinic"), first.password_hash) == (first, given)


def test_plain_password_in_the_settings_is_refused(tmp_path: Path) -> None:
    """What is no hash is refused, and not repeated in the message."""
    with pytest.raises(BadInput, match="is not a password hash") as refused:
        prepare_access(tmp_path, "clinic", given_hash="open sesame")
    assert "sesame" not in str(refused.value)


def test_broken_file(tmp_path: Path) -> None:
    """A file that cannot be read says what to do."""
    prepare_access(tmp_path, "clinic")
    access_file(tmp_path, "clinic").write_text("{")
    with pytest.raises(Unavailable, match="--new-password"):
        access_of(tmp_path, "clinic")

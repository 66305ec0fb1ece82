"""Opening a tenant's record for a board, and how boards say numbers, money and times."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opendeep_kit.boards.campaign.presenter import CampaignPresenter
from opendeep_kit.boards.live.presenter import LivePresenter
from opendeep_kit.boards.presenter import epoch_ms, moment, money, named, open_tenant_record
from opendeep_kit.boards.quality.presenter import QualityPresenter
from opendeep_kit.boards.tenant.presenter import TenantPresenter
from opendeep_kit.config import load_settings
from opendeep_kit.errors import BadInput
from opendeep_kit.record import directory
from tests.dashboards.played import Played

HEAVY = ("numpy", "pandas", "duckdb", "matplotlib", "pyarrow", "scipy", "openai", "dbos")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_fresh_folder(tmp_path: Path) -> None:
    """On a data folder that does not exist the default tenant is made, and every board can look."""
    record = open_tenant_record(load_settings(data_dir=tmp_path / "new"))
    for presenter in (
        LivePresenter(record),
        CampaignPresenter(record),
        QualityPresenter(record),
        TenantPresenter(record),
    ):
        presenter.refresh()
        assert presenter.board.trouble == ""
    record.close()

    assert record.tenant_id == "default"
    assert (tmp_path / "new" / "opendeep.db").is_file()


def test_tenant_of_the_settings(tmp_path: Path) -> None:
    """The settings decide whose boards they are; a tenant that is not there is refused, not made."""
    played = Played(tmp_path)
    played.tenant("clinic", "Riverside Dental")
    settings = load_settings(data_dir=tmp_path, dashboards={"tenant": "clinic"})
    record = open_tenant_record(settings)
    assert record.tenant.display_name == "Riverside Dental"
    record.close()

    with pytest.raises(BadInput, match="no tenant 'nobody'"):
        open_tenant_record(settings, tenant_id="nobody")
    assert directory.tenant(played.database, "nobody") is None
    played.close()


@pytest.mark.parametrize("board", ["live", "campaign", "tenant"])
def test_viewers_kernel_stays_thin(tmp_path: Path, board: str) -> None:
    """A board that looks every second imports none of the large libraries: each viewer is a kernel."""
    presenter = f"{board.capitalize()}Presenter"
    code = (
        "import sys; from opendeep_kit.config import load_settings; "
        "from opendeep_kit.boards.presenter import open_tenant_record; "
        f"from opendeep_kit.boards.{board}.presenter import {presenter}; "
        f"{presenter}(open_tenant_record(load_settings(data_dir={str(tmp_path)!r}))).refresh(); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert printed.stdout.strip() == "[]"


# ---- words ------------------------------------------------------------------------------------------


def test_named() -> None:
    """Whoever acts has a name."""
    assert named("  Ann ") == "Ann"
    with pytest.raises(BadInput, match="write your name"):
        named("  ")


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [(123456, "USD", "1,234.56 USD"), (500, "JPY", "500 JPY"), (1500, "KWD", "1.500 KWD"), (5, "EUR", "0.05 EUR")],
)
def test_money(minor: int, currency: str, said: str) -> None:
    """Each currency has the digits that it has."""
    assert money(minor, currency) == said


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (timedelta(seconds=20), "13:00 CET, in less than a minute"),
        (timedelta(minutes=12), "13:12 CET, in 12 min"),
        (timedelta(hours=5), "18:00 CET, in 5 h"),
        (timedelta(days=3), "Fri 27 Nov 13:00 CET, in 3 days"),
        (timedelta(minutes=-5), "12:55 CET"),
    ],
)
def test_moment(wait: timedelta, said: str) -> None:
    """A time is said on the tenant's wall clock, with the wait."""
    assert moment(NOON + wait, NOON, "Europe/Berlin") == said


def test_epoch_ms() -> None:
    """Instants are counted as a browser counts them."""
    assert epoch_ms(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1000.0

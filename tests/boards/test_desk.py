"""Opening a tenant's desk."""

import subprocess
import sys
from pathlib import Path

import pytest

from opendeep_kit.boards.desk import open_desk
from opendeep_kit.config import load_settings
from opendeep_kit.errors import BadInput
from opendeep_kit.record import directory
from tests.dashboards.played import Played

HEAVY = ("numpy", "pandas", "duckdb", "matplotlib", "pyarrow", "scipy", "openai", "dbos")


def test_fresh_folder(tmp_path: Path) -> None:
    """On a data folder that does not exist the default tenant is made, and every board can look."""
    desk = open_desk(load_settings(data_dir=tmp_path / "new"))
    for board in (desk.live(), desk.campaign(), desk.quality(), desk.tenant_board()):
        board.refresh()
        assert board.board.trouble == ""
    desk.close()

    assert desk.tenant.tenant_id == "default"
    assert (tmp_path / "new" / "opendeep.db").is_file()


def test_tenant_of_the_settings(tmp_path: Path) -> None:
    """The settings decide whose desk it is; one that is not there is refused, not made."""
    played = Played(tmp_path)
    played.tenant("clinic", "Riverside Dental")
    settings = load_settings(data_dir=tmp_path, dashboards={"tenant": "clinic"})
    desk = open_desk(settings)
    assert desk.tenant.display_name == "Riverside Dental"
    desk.close()

    with pytest.raises(BadInput, match="no tenant 'nobody'"):
        open_desk(settings, tenant_id="nobody")
    assert directory.tenant(played.database, "nobody") is None
    played.close()


@pytest.mark.parametrize("board", ["live", "campaign", "tenant_board"])
def test_viewers_kernel_stays_thin(tmp_path: Path, board: str) -> None:
    """A board that looks every second imports none of the large libraries: each viewer is a kernel."""
    code = (
        "import sys; from opendeep_kit.config import load_settings; from opendeep_kit.boards.desk import open_desk; "
        f"d = open_desk(load_settings(data_dir={str(tmp_path)!r})); d.{board}().refresh(); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert printed.stdout.strip() == "[]"

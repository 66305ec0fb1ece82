"""What a person does with campaigns and tenants, beside the commands that are tested themselves."""

from pathlib import Path

import pytest

from opendeep_kit.engine.campaign_service import caller_id_of
from opendeep_kit.record.database import open_database
from tests.service_rig import TENANT, new_tenant


@pytest.mark.parametrize(
    ("limits", "shown"),
    [({}, ""), ({"caller_ids": []}, ""), ({"caller_ids": ["+12125550198", "+12125550199"]}, "+12125550198")],
)
def test_the_first_is_shown(tmp_path: Path, limits: dict[str, list[str]], shown: str) -> None:
    """Of several caller ids the first; of none the line's own."""
    database = open_database(f"sqlite:///{tmp_path / 'opendeep.db'}")
    new_tenant(database, **limits)

    assert caller_id_of(database, TENANT) == shown
    database.close()

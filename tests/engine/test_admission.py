"""What a call says of its callee is what the row of its own campaign's list said, whoever shares an id."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from opendeep_kit.boards.live.figures import LiveCalls
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.engine import campaign_service
from opendeep_kit.engine.admission import expect
from opendeep_kit.errors import BadInput
from opendeep_kit.record import calls, enrolments
from opendeep_kit.record.attempts import Attempt
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.tasks.script import parse_script
from tests.service_rig import SCRIPT, TENANT, new_tenant, now

ANN, BOB = "+12125550101", "+12125550102"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A record with two campaigns."""
    opened = open_database(f"sqlite:///{tmp_path / 'opendeep.db'}")
    new_tenant(opened)
    for name in ("spring", "autumn"):
        campaign_service.create(
            opened, Campaign(tenant_id=TENANT, campaign_id=name), parse_script(SCRIPT), by="test", now=now()
        )
    yield opened
    opened.close()


def bring(database: Database, folder: Path, campaign_id: str, *rows: str) -> campaign_service.Imported:
    """Import a list of such rows."""
    (folder / "list.csv").write_text("id,number,name\n" + "".join(f"{row}\n" for row in rows))
    return campaign_service.import_contacts(database, TENANT, campaign_id, folder / "list.csv", by="test", now=now())


def placed(database: Database, campaign_id: str, number: str) -> calls.Call:
    """A call to this contact, as the media worker reads it."""
    who = enrolments.enrolment(database, TENANT, campaign_id, number)
    assert who is not None
    row: Any = dict.fromkeys(part.name for part in dataclasses.fields(Attempt))
    row |= {"attempt_id": str(uuid4()), "tenant_id": TENANT, "campaign_id": campaign_id, "number": number}
    expect(database, SimpleNamespace(**row), line="simulator", within_s=60, now=now())  # type: ignore[arg-type]
    found = calls.call(database, TENANT, row["attempt_id"])
    assert found is not None
    return found


def names(database: Database) -> dict[str, str]:
    """Of those who are in a call, by number, as the boards show them."""
    look = LiveCalls(database, TENANT, dead_after_s=10).look(now=now() + timedelta(seconds=1))
    return {one.number: one.name for one in look.calls}


def test_two_lists_may_give_one_id_to_two_people(database: Database, tmp_path: Path) -> None:
    """A list whose ids are those of another campaign's people changes nothing of them."""
    bring(database, tmp_path, "spring", f"1,{ANN},Ann")
    bring(database, tmp_path, "autumn", f"1,{BOB},Bob")

    assert (placed(database, "spring", ANN).contact_id, placed(database, "autumn", BOB).contact_id) == ("1", "1")
    assert names(database) == {ANN: "Ann", BOB: "Bob"}


def test_two_lists_of_one_campaign_may_number_their_rows(database: Database, tmp_path: Path) -> None:
    """Ids that begin again with the second list are other people, each with their own facts."""
    bring(database, tmp_path, "spring", f"1,{ANN},Ann")
    bring(database, tmp_path, "spring", f"1,{BOB},Bob")
    for number in (ANN, BOB):
        placed(database, "spring", number)

    assert names(database) == {ANN: "Ann", BOB: "Bob"}


def test_a_number_in_two_campaigns_has_two_rows(database: Database, tmp_path: Path) -> None:
    """Each campaign says what its own list says of the number."""
    bring(database, tmp_path, "spring", f",{ANN},Ann")
    bring(database, tmp_path, "autumn", f",{ANN},Mrs Lee")
    placed(database, "spring", ANN)

    assert names(database) == {ANN: "Ann"}


def test_mended_facts_are_said(database: Database, tmp_path: Path) -> None:
    """The same list again, mended, is what the next call says."""
    bring(database, tmp_path, "spring", f"1,{ANN},An")
    came = bring(database, tmp_path, "spring", f"1,{ANN},Ann")
    placed(database, "spring", ANN)

    assert ((came.added, came.merged), names(database)) == ((0, 1), {ANN: "Ann"})


def test_one_list_gives_an_id_once(database: Database, tmp_path: Path) -> None:
    """Of two rows with one id and two numbers the second is refused, and told."""
    came = bring(database, tmp_path, "spring", f"1,{ANN},Ann", f"1,{BOB},Bob", f"1,{ANN},Ann")

    assert (came.added, came.merged) == (1, 1)
    told = [(row.line, row.reason) for row in came.report.first_refused]
    assert told == [(3, "its id '1' is that of another number in a row before")]


def test_without_its_facts_nobody_is_called(database: Database, tmp_path: Path) -> None:
    """A contact of whom nothing is known, such as one that an older version mixed up, is not let in."""
    bring(database, tmp_path, "spring", f"1,{ANN},Ann")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE enrolments SET facts = '{}'")

    with pytest.raises(BadInput, match="name"):
        placed(database, "spring", ANN)

"""The workbench on the embedded default: a real host, real calls, tones for voices."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from opendeep_kit.config import load_settings
from opendeep_kit.errors import BadInput, Refused, Unavailable
from opendeep_kit.lab.own_thread import ProgressBar
from opendeep_kit.lab.past_calls import PastCalls
from opendeep_kit.lab.placed_call import PlacedCall
from opendeep_kit.lab.workbench import Order, Workbench, script_from
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.record import directory
from opendeep_kit.record.database import open_database, utc_now
from opendeep_kit.tasks.script import load_script
from opendeep_kit.tenants import Tenant

SCRIPT = Path(__file__).parents[2] / "notebooks" / "scripts" / "confirm_appointment.md"
FACTS = {"name": "Maria Alvarez", "appointment": "Tuesday at ten"}
BUSY, HANGS_UP = "+12125550120", "+12125550110"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """One workbench for all."""
    settings = load_settings(data_dir=tmp_path_factory.mktemp("bench"), rehearsal={"engine": "tones"})
    with Workbench.open(settings=settings).result() as opened:
        yield opened


def test_rehearse(bench: Workbench) -> None:
    """A rehearsed call comes back with its outcome, its events and its recording, and is in the record."""
    call = bench.rehearse(SCRIPT, "hangs_up_early").result()

    assert (call.callee, call.script_name, call.script_version) == ("hangs_up_early", "confirm-appointment", 1)
    assert (call.summary.disposition, call.summary.ended_by) == (Disposition.HUNG_UP_EARLY, EndedBy.CALLEE)
    assert call.recording is not None
    assert call.recording.is_file()
    assert bench.outcomes().set_index("call_id").loc[call.call_id, "campaign"] == "rehearsal"
    assert bench.past.call(call.call_id).events == call.events


@pytest.mark.slow
async def test_compare(bench: Workbench) -> None:
    """Two versions are tried on the same personas, and each call belongs to its version."""
    changed = SCRIPT.read_text().replace("Hello, this is the assistant", "Good morning, this is the assistant")

    comparison = await bench.compare(SCRIPT, changed, ["hangs_up_early"], repeats=1)

    assert comparison.callees == ("hangs_up_early",)
    assert comparison.frame["side"].to_list() == ["A", "B"]
    first, second = comparison.of("hangs_up_early")
    assert second[0].script_version == first[0].script_version + 1
    assert comparison.totals.loc["A", "calls"] == 1
    assert "hung up early" in comparison._repr_html_()
    assert comparison.players()._repr_html_().count("<svg") == 2


async def test_call(bench: Workbench) -> None:
    """One number is called from a notebook's loop; a busy one is told as such."""
    call = await bench.call(BUSY, SCRIPT, FACTS)

    assert (call.callee, call.summary.phone_result) == ("…0120", PhoneResult.BUSY)


def test_several_personas(bench: Workbench) -> None:
    """Each gets a result in the order in which it was named, two at a time."""
    calls = bench.rehearse(SCRIPT, ["hangs_up_early", "hangs_up_early", "hangs_up_early"]).result()

    assert [str(call.summary.disposition) for call in calls] == ["hung_up_early"] * 3
    assert calls.not_placed == ()


@pytest.fixture
def mexico(bench: Workbench) -> Iterator[None]:
    """The tenant is a Mexican one."""
    database = open_database(bench.settings.store_url)
    for region, name in (("MX", "Clínica"), ("US", "Clinic")):
        tenant = Tenant(tenant_id=bench.tenant_id, display_name=name, default_region=region)
        directory.save_tenant(database, tenant, now=utc_now())
        if region == "MX":
            yield
    database.close()


def test_numbers_are_read_in_the_tenants_region(bench: Workbench, mexico: None) -> None:
    """As an import reads them: no stranger of another country is called."""
    asked: list[str] = []

    async def note(order: Order, progress: ProgressBar, place: int = 0) -> PlacedCall:
        asked.append(order[1].number)
        raise Refused("not in a test")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "_place", note)
        with pytest.raises(Refused):
            bench.call("5512345678", SCRIPT, FACTS).result()

    assert asked == ["+525512345678"]


async def test_an_interrupted_cell_hangs_up(bench: Workbench) -> None:
    """Stopping the cell ends its call, and the record says that we did."""
    before = len(bench.outcomes())

    async def cell() -> None:
        await bench.rehearse(SCRIPT, "silent")

    waiting = asyncio.create_task(cell())
    await asyncio.sleep(2.0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    for _ in range(100):
        if len(bench.outcomes()) > before:
            break
        await asyncio.sleep(0.1)

    assert bench.outcomes().iloc[0]["ended_by"] == "supervisor"


@pytest.mark.parametrize(
    ("who", "facts", "told"),
    [
        ("nobody", {}, "there is no persona 'nobody'"),
        ("agrees", {"colour": "red"}, "the script does not use the fact 'colour': its facts are: name, appointment"),
    ],
)
def test_mistakes_are_told_before_anything_rings(bench: Workbench, who: str, facts: dict[str, str], told: str) -> None:
    """What is wrong is said at once, not when the work is awaited."""
    with pytest.raises(BadInput, match=told):
        bench.rehearse(SCRIPT, who, facts)


def test_a_number_that_is_none(bench: Workbench) -> None:
    """A wrong number is told before dialling."""
    with pytest.raises(BadInput):
        bench.call("12", SCRIPT, FACTS)


def test_nobody_to_compare_with(bench: Workbench) -> None:
    """A comparison needs a persona."""
    with pytest.raises(BadInput, match="there is nobody to compare with: name at least one persona"):
        bench.compare(SCRIPT, SCRIPT, [])


def test_script_from() -> None:
    """A script is taken as it is, by its path, or as its text."""
    script = load_script(SCRIPT)

    assert script_from(script) is script
    assert script_from(str(SCRIPT)) == script
    assert script_from(SCRIPT.read_text()).sha256 == script.sha256


def test_a_line_that_is_none() -> None:
    """An unknown line is told."""
    with pytest.raises(BadInput, match="there is no line 'fax': choose one of: auto, asterisk, simulator"):
        Workbench.open(line="fax")


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """What keeps the workbench from opening is raised where it is waited for."""
    (tmp_path / "file").write_text("")
    settings = load_settings(data_dir=tmp_path / "file", rehearsal={"engine": "tones"})

    with pytest.raises((BadInput, Unavailable)):
        Workbench.open(settings=settings).result()


# ---- these open another one, which closes that of the others ----------------------------------------


@pytest.mark.slow
async def test_a_workbench_is_one_tenants(tmp_path: Path) -> None:
    """Calls, script versions and the past are the tenant's; a tenant that is not there is told at once."""
    settings = load_settings(data_dir=tmp_path, rehearsal={"engine": "tones"})
    with pytest.raises(BadInput, match="there is no tenant 'clinic'"):
        await Workbench.open(settings=settings, tenant_id="clinic")
    database = open_database(settings.store_url)
    directory.save_tenant(database, Tenant(tenant_id="clinic", display_name="Clinic"), now=utc_now())
    database.close()

    async with await Workbench.open(settings=settings, tenant_id="clinic") as bench:
        call = await bench.call(BUSY, SCRIPT, FACTS)
        assert bench.outcomes()["call_id"].to_list() == [call.call_id]
        tasks = bench.past.df("SELECT task_id FROM calls SEMI JOIN staging.tasks USING (task_id)")["task_id"]
        assert tasks.to_list() == [load_script(SCRIPT).name]
    with PastCalls.open(tmp_path) as others:
        assert others.outcomes().empty


async def test_one_workbench_in_a_kernel(tmp_path: Path) -> None:
    """A cell that opens it is run again: the one before is closed, and the new one calls."""
    settings = load_settings(data_dir=tmp_path, rehearsal={"engine": "tones"})
    first = await Workbench.open(settings=settings)
    second = await Workbench.open(settings=settings)
    try:
        assert [repr(bench)[:18] for bench in (first, second)] == ["<Workbench: closed", "<Workbench: open, "]
        call = await second.call(BUSY, SCRIPT, FACTS)
        assert call.summary.phone_result is PhoneResult.BUSY
    finally:
        second.close()

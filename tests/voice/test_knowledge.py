"""What the agent looks up: a tenant's documents and a tenant's table, and nothing beside them."""

import asyncio
from pathlib import Path

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.voice.knowledge import PASSAGE_CHARS, Documents, documents_tool, table_tool
from opendeep_kit.voice.tools import Tool, Toolbox, ToolContext

PRICES = """# Prices

A check-up costs 45 euros.

Whitening costs 300 euros and takes two visits.

# Parking

There are ten places behind the house.
"""
CUSTOMERS = """tenant,id,name,next appointment,diagnosis
clinic,AB-12,Ann,Tuesday at ten,caries
clinic,AB-13,Bob,,none
garage,AB-14,Eve,Friday,brakes
clinic,ab 15,Cat,Monday,none
"""
MOMENT = ToolContext(call_id="c", at_ms=0.0)


async def asked(tool: Tool, arguments: str) -> tuple[str, bool]:
    """What the model reads, and whether the tool failed."""
    result, is_failure = await Toolbox([tool]).run(tool.name, arguments, MOMENT, timeout_s=5)
    return result.output, is_failure


def replace(file: Path, content: bytes | None) -> None:
    """Put another file, or none, in this one's place."""
    file.unlink()
    if content is not None:
        file.write_bytes(content)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The clinic's documents."""
    folder = tmp_path / "clinic"
    (folder / "info").mkdir(parents=True)
    (folder / "info" / "prices.md").write_text(PRICES)
    (folder / "hours.txt").write_text("We are open on Mondays from nine to five.\n\nOn Sundays we are closed.")
    (folder / "secret.csv").write_text("password,hunter2")
    return folder


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    """A table with two tenants' rows."""
    file = tmp_path / "customers.csv"
    file.write_text(CUSTOMERS)
    return file


# ---- documents --------------------------------------------------------------------------------------


async def test_best_passage_comes_with_its_document(folder: Path) -> None:
    """A question finds the passage that answers it, and where it stands."""
    told, is_failure = await asked(documents_tool(folder), '{"query": "What does whitening cost?"}')

    assert told.startswith("From info/prices.md:\n# Prices\nA check-up costs 45 euros.\nWhitening costs 300 euros")
    assert "Parking" not in told
    assert not is_failure


def test_passages_keep_their_heading(tmp_path: Path) -> None:
    """The later passages of a long section still say what they are about."""
    (tmp_path / "long.md").write_text(
        "# Title\n\n# Refunds\n\n" + "\n\n".join([f"Rule {n}: {'word ' * 80}" for n in "123"])
    )

    found = Documents(tmp_path).search("refunds", at_most=9)

    assert [passage.text[:17] for passage in found] == [
        "# Refunds\nRule 1:",
        "# Refunds\nRule 2:",
        "# Refunds\nRule 3:",
    ]


async def test_nothing_found_is_said(folder: Path) -> None:
    """Words that occur nowhere, and no words at all, give a sentence."""
    tool = documents_tool(folder)

    for query in ("hunter2", "", "the of and", "?!"):
        told, is_failure = await asked(tool, f'{{"query": "{query}"}}')
        assert told == "Nothing in the documents fits. Say that you do not know."
        assert not is_failure


async def test_an_answer_is_short(tmp_path: Path) -> None:
    """However long the documents, three passages are told."""
    (tmp_path / "a.txt").write_text("parking " * 5000)
    (tmp_path / "b.txt").write_text("x" * 5000 + " parking")

    told, _ = await asked(documents_tool(tmp_path), '{"query": "parking"}')

    assert told.count("From a.txt:") == 3
    assert len(told) < 3 * (PASSAGE_CHARS + 20)


async def test_links_out_of_the_folder_are_not_followed(folder: Path) -> None:
    """Another tenant's document is not found through a link."""
    other = folder.parent / "garage"
    other.mkdir()
    (other / "brakes.md").write_text("Brakes cost 99 euros.")
    (folder / "link.md").symlink_to(other / "brakes.md")
    (folder / "folder").symlink_to(other)

    assert Documents(folder).search("brakes") == []


def test_change_is_told_from_the_next_search_on(folder: Path) -> None:
    """A document edited in place, added in a subfolder or taken away: the old words are told no more."""
    prices, fees, documents = folder / "info" / "prices.md", folder / "info" / "fees.md", Documents(folder)

    def costs() -> list[str]:
        return [passage.text for passage in documents.search("cleaning costs")]

    before = costs()
    prices.write_text("Cleaning costs 99 euros.")
    edited = costs()
    fees.write_text("Cleaning costs 80 euros on Mondays.")
    added = costs()
    fees.unlink()
    prices.unlink()

    assert "A check-up costs 45 euros." in before[0]
    assert edited == ["Cleaning costs 99 euros."]
    assert sorted(added) == ["Cleaning costs 80 euros on Mondays.", "Cleaning costs 99 euros."]
    assert costs() == []


def test_unchanged_documents_are_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search looks whether a document has changed, and reads none that has not."""
    documents = Documents(folder)
    found = documents.search("parking")
    monkeypatch.setattr(Path, "read_text", lambda *args, **options: pytest.fail("read again"))

    assert documents.search("parking") == found


def test_empty_folder_answers_nothing(tmp_path: Path) -> None:
    """A folder without documents is searched in vain."""
    (tmp_path / "empty.md").touch()

    assert Documents(tmp_path).search("parking") == []


def test_missing_folder_is_told_when_the_tool_is_made(tmp_path: Path) -> None:
    """A wrong path shows before the first call."""
    with pytest.raises(BadInput, match=r"no folder .*: create it, with the tenant's \.md and \.txt documents"):
        documents_tool(tmp_path / "nowhere")


def test_searches_from_many_threads_build_one_index(folder: Path) -> None:
    """Calls that search at the same time get the same answer."""

    async def search_at_once() -> set[str]:
        tool = documents_tool(folder)
        return {told for told, _ in await asyncio.gather(*(asked(tool, '{"query": "Sundays"}') for _ in range(8)))}

    assert asyncio.run(search_at_once()) == {
        "From hours.txt:\nWe are open on Mondays from nine to five.\nOn Sundays we are closed."
    }


# ---- tables -----------------------------------------------------------------------------------------


def clinic_table(file: Path) -> Tool:
    """The clinic's rows, without what nobody may hear."""
    return table_tool(file, key="id", columns=["name", "next appointment"], only=("tenant", "clinic"))


@pytest.mark.parametrize("said", ["AB-12", "ab12", " a b 1 2 "])
async def test_row_is_found_as_it_is_heard(customers: Path, said: str) -> None:
    """Case, spaces and dashes do not count; only the columns allowed are told."""
    told, is_failure = await asked(clinic_table(customers), f'{{"value": "{said}"}}')

    assert told == "name: Ann; next appointment: Tuesday at ten"
    assert not is_failure


@pytest.mark.parametrize("said", ["AB-14", "AB-99", "", "-", "Ann"])
async def test_other_rows_are_not_there(customers: Path, said: str) -> None:
    """Another tenant's row, an unknown key and no key at all are the same."""
    told, _ = await asked(clinic_table(customers), f'{{"value": "{said}"}}')

    assert told == "Nothing is known under this id. Ask the callee to repeat it."


async def test_too_many_rows_are_not_told(customers: Path) -> None:
    """A key that many share gives nobody's data."""
    tool = table_tool(customers, key="diagnosis", columns=["name"])
    replace(customers, f"{CUSTOMERS}clinic,1,Dan,,none\nclinic,2,Fay,,none\n".encode())

    assert (await asked(tool, '{"value": "none"}'))[0].startswith("More than 3 entries have this diagnosis.")


async def test_a_changed_table_is_read_again(customers: Path) -> None:
    """A new export counts from the next look-up on."""
    tool = clinic_table(customers)
    replace(customers, CUSTOMERS.replace("Tuesday at ten", "Wednesday at noon").encode())

    assert (await asked(tool, '{"value": "AB-12"}'))[0] == "name: Ann; next appointment: Wednesday at noon"


@pytest.mark.parametrize("content", [None, b"id,name\nAB-12,Ann\n", b"\xff\xfe\x00"])
async def test_a_table_that_breaks_is_a_sentence(customers: Path, content: bytes | None) -> None:
    """A table that is gone, lost a column or is no text fails politely."""
    tool = clinic_table(customers)
    replace(customers, content)

    told, is_failure = await asked(tool, '{"value": "AB-12"}')

    assert told == "It did not work: the table cannot be read now: go on without it."
    assert is_failure


def test_wrong_tables_are_told_when_the_tool_is_made(customers: Path, tmp_path: Path) -> None:
    """A missing column or file shows before the first call."""
    with pytest.raises(BadInput, match="no column 'phone': it has: tenant, id, name"):
        table_tool(customers, key="phone", columns=["name"])
    with pytest.raises(BadInput, match="no column 'organisation'"):
        table_tool(customers, key="id", columns=["name"], only=("organisation", "clinic"))
    with pytest.raises(BadInput, match="cannot be read"):
        table_tool(tmp_path / "nowhere.csv", key="id", columns=["name"])
    with pytest.raises(BadInput, match="name the columns"):
        table_tool(customers, key="id", columns=[])


def test_the_model_is_told_what_to_give(customers: Path) -> None:
    """The tool's schema has one argument and names the key."""
    schema = table_tool(customers, key="id", columns=["name"], name="find", about="Customers.").schema()

    assert schema["name"] == "find"
    assert schema["description"] == "Customers. The value to look for is its id."
    assert schema["parameters"]["required"] == ["value"]

"""The tools that a tenant's folder gives, with real files."""

from pathlib import Path

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.voice.tenant_tools import TenantTools
from opendeep_kit.voice.tools import Toolbox, ToolContext

TABLE = '[tables.look_up_contact]\nfile = "customers.csv"\nkey = "number"\ncolumns = ["plan"]\n'
SERVICE = """
[services.free_slots]
about = "Knows the free slots."
endpoints = [{ address = "https://api.example.com/slots", headers = { Authorization = "Bearer k-secret" } }]
"""


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A tenant's folder with all three kinds."""
    folder = tmp_path / "clinic"
    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "parking.md").write_text("# Parking\n\nYou can park behind the house.")
    (folder / "customers.csv").write_text("number,plan,diagnosis\nA-1,basic,secret\n")
    (folder / "tools.toml").write_text(TABLE + SERVICE)
    return tmp_path


async def asked(root: Path, name: str, arguments: str) -> str:
    """What the tool of this name tells the model."""
    box = Toolbox(TenantTools(root).named("clinic", [name]))
    result, _ = await box.run(name, arguments, ToolContext(call_id="c", at_ms=0), timeout_s=5)
    return result.output


def test_only_the_tools_named_are_given(clinic: Path) -> None:
    """A script gets what it asks for, in its order, and nothing else of the tenant's."""
    tools = TenantTools(clinic).named("clinic", ["free_slots", "search_documents"])

    assert [tool.name for tool in tools] == ["free_slots", "search_documents"]
    assert tools[0].description == "Knows the free slots. Addresses: GET https://api.example.com/slots."
    assert TenantTools(clinic).named("clinic", []) == ()


async def test_documents_and_tables_answer(clinic: Path) -> None:
    """Each reads the tenant's own files, and tells no column that was not allowed."""
    found = await asked(clinic, "search_documents", '{"query": "where to park"}')

    assert found == "From parking.md:\n# Parking\nYou can park behind the house."
    assert await asked(clinic, "look_up_contact", '{"value": "a 1"}') == "plan: basic"


def test_another_tenant_has_none_of_it(clinic: Path) -> None:
    """Tools are the tenant's, and no id leads out of the folder of them all."""
    with pytest.raises(BadInput, match=r"the tenant 'other' has no tool 'search_documents', only: none: add it in"):
        TenantTools(clinic).named("other", ["search_documents"])
    with pytest.raises(BadInput, match="can have no folder"):
        TenantTools(clinic / "clinic").named("../clinic", ["search_documents"])


def test_made_once_until_the_file_changes(clinic: Path) -> None:
    """All calls share a tenant's tools; a new file counts from the next call on."""
    own = TenantTools(clinic)
    first = own.named("clinic", ["look_up_contact"])

    assert own.named("clinic", ["look_up_contact"])[0] is first[0]
    (clinic / "clinic" / "tools.toml").write_text(TABLE.replace("look_up_contact", "look_up_customer"))
    assert own.named("clinic", ["look_up_customer"])[0].name == "look_up_customer"
    with pytest.raises(BadInput, match="only: search_documents, look_up_customer"):
        own.named("clinic", ["look_up_contact"])


def test_edited_document_counts_without_a_restart(clinic: Path) -> None:
    """The tools made for the first call tell what stands in the file now."""
    (tool,) = TenantTools(clinic).named("clinic", ["search_documents"])
    tool.function("park")
    (clinic / "clinic" / "documents" / "parking.md").write_text("You can park in front of the house.")

    assert tool.function("park") == "From parking.md:\nYou can park in front of the house."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[tables\nk-secret", "cannot be read (line 1): it must be TOML."),
        ("[tables.x]\nfile = 'customers.csv'\n", "tables.x.key: field required: correct it."),
        (TABLE.replace("look_up_contact", "Look-Up"), "tables.Look-Up.[key]: string should match pattern"),
        (TABLE.replace("look_up_contact", "end_call"), "there is already a tool 'end_call': give it another name."),
        (TABLE.replace("look_up_contact", "search_documents"), "there is already a tool 'search_documents'"),
        (TABLE.replace('"plan"', '"shoe_size"'), "customers.csv has no column 'shoe_size'"),
        (SERVICE.replace("https://", "ftp://"), "an address is http or https with a host"),
        (SERVICE.replace('k-secret"', "k-secret"), "cannot be read (line 4)"),
        ("[tables.x]\nkey = 'k'\nfile = 'gone.csv'\ncolumns = ['a']\n", "gone.csv cannot be read"),
    ],
)
def test_wrong_file_is_a_sentence(clinic: Path, text: str, sentence: str) -> None:
    """What is wrong, where, and what to do; never a key that stands in the file."""
    (clinic / "clinic" / "tools.toml").write_text(text)

    with pytest.raises(BadInput) as caught:
        TenantTools(clinic).named("clinic", ["search_documents"])
    assert sentence in str(caught.value)
    assert "k-secret" not in str(caught.value)

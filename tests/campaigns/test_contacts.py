"""Whom to call, read from files as people save them; every row is accounted for."""

from pathlib import Path

import pytest

from opendeep_kit.campaigns.contacts import Contact, Contacts, read_contacts
from opendeep_kit.errors import BadInput

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, so that sentences name short paths."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(data: str | bytes, **options: object) -> Contacts:
    """The contacts in a file with this content."""
    path = Path("c.csv")
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_contacts(path, **options)  # type: ignore[arg-type]


def refused(found: Contacts) -> dict[int, str]:
    """Reasons by line."""
    return {row.line: row.reason for row in found.refused}


def test_contact_with_its_facts(folder: Path) -> None:
    """A row becomes an E.164 number, an id and the other columns by heading."""
    found = read("id,Phone,Name,Favourite Dish\n17,(212) 555-0101, Maria Alvarez ,soup\n")

    assert found.accepted == [
        Contact(contact_id="17", number="+12125550101", facts={"name": "Maria Alvarez", "favourite_dish": "soup"})
    ]
    assert (found.refused, found.merged) == ([], 0)


def test_name_without_a_name(folder: Path) -> None:
    """A contact without a name is called by its last digits, and without an id goes by its number."""
    (contact,) = read("number\n+12125550101\n").accepted

    assert (contact.name, contact.contact_id) == ("…0101", "+12125550101")


def test_shipped_contacts_can_all_be_called() -> None:
    """The example's file holds eleven contacts and nothing else."""
    found = read_contacts(ROOT / "notebooks/data/contacts.csv", needs=("name", "appointment"))

    assert (len(found.accepted), found.refused, found.merged) == (11, [], 0)


def test_every_row_is_accounted_for(folder: Path) -> None:
    """Accepted, refused with its line, or merged: nothing is dropped; blank lines are no rows."""
    found = read(
        "number,name\n+12125550101,Maria\n\n12345,Tom\n(212) 555-0101,Maria again\n  ,  \n,Nobody\n+12125550104,\n",
        needs=("name",),
    )

    assert [contact.number for contact in found.accepted] == ["+12125550101"]
    assert found.merged == 1
    assert refused(found) == {
        4: "'12345' is not in use in any numbering plan: check its digits.",
        7: "there is no telephone number: fill it in.",
        8: "name is empty",
    }


def test_first_of_two_rows_with_one_number_counts(folder: Path) -> None:
    """One number is one contact, however it is written."""
    found = read("number,name\n+12125550101,Maria\n212 555 0101,Mary\n")

    assert [contact.name for contact in found.accepted] == ["Maria"]
    assert found.merged == 1


def test_line_is_counted_in_the_file(folder: Path) -> None:
    """A cell that spans lines does not put the count out."""
    found = read('number,note\n+12125550101,"two\nlines"\n12345,x\n')

    assert found.accepted[0].facts == {"note": "two\nlines"}
    assert list(refused(found)) == [4]


def test_rows_of_other_lengths(folder: Path) -> None:
    """Short rows have empty facts, trailing commas are nothing; a comma too many would put facts in wrong places."""
    found = read("number,name,note\n+12125550101\n+12125550104,Tom,x,,\n+12125550107,Becker, Tom,x\n")

    assert [dict(contact.facts) for contact in found.accepted] == [
        {"name": "", "note": ""},
        {"name": "Tom", "note": "x"},
    ]
    assert refused(found) == {4: "4 cells, but 3 headings: put quotes round a cell that holds a comma"}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("\ufeffnumber,name\r\n+12125550101,Jürgen Groß\r\n".encode(), "Jürgen Groß"),
        ("number,name\n+12125550101,李\n".encode(), "李"),
        (b"number,name\r+12125550101,Tom\r", "Tom"),
    ],
    ids=["BOM and CRLF", "UTF-8", "CR"],
)
def test_text_as_programs_save_it(folder: Path, data: bytes, name: str) -> None:
    """UTF-8 with and without a mark, and every kind of line end."""
    (contact,) = read(data).accepted

    assert (contact.number, contact.name) == ("+12125550101", name)


@pytest.mark.parametrize(
    "data",
    [
        "number,name\n+12125550101,Jürgen\n".encode("cp1252"),
        "number,name\n+12125550101,Jürgen\n".encode("utf-16"),
        "number,name\n+12125550101,Jürgen\n".encode("utf-16-le"),
        b"\x89PNG\r\n\x1a\n\x00\x00",
    ],
    ids=["cp1252", "UTF-16", "UTF-16 without a mark", "a picture"],
)
def test_text_that_is_not_utf8(folder: Path, data: bytes) -> None:
    """No umlaut is guessed at: the sentence says how to save the file."""
    with pytest.raises(BadInput, match=r"c\.csv is not UTF-8 text: save it as CSV UTF-8"):
        read(data)


@pytest.mark.parametrize("data", ["", "\n\n", "name,town\nMaria,Rome\n", "+12125550101,Maria\n", "number;name\n1;2\n"])
def test_no_column_with_numbers(folder: Path, data: str) -> None:
    """An empty file, one without a heading line or with another separator: the sentence names the headings."""
    with pytest.raises(BadInput, match=r"c\.csv has no column with telephone numbers: .* number, phone,"):
        read(data)


def test_column_the_script_uses_is_missing(folder: Path) -> None:
    """Said once for the file, with the columns there are."""
    with pytest.raises(
        BadInput, match=r"no column appointment, which the script uses: add it \(there are: number, name\)"
    ):
        read("number,name\n+12125550101,Maria\n", needs=("name", "appointment"))


@pytest.mark.parametrize("data", ['number,name\n+12125550101,"Maria\n', 'number,name\n+12125550101,"Ma"ria\n'])
def test_broken_quotes(folder: Path, data: str) -> None:
    """A quote that never closes would swallow the rest of the file: refused."""
    with pytest.raises(BadInput, match=r"c\.csv is not a CSV file"):
        read(data)


def test_control_characters(folder: Path) -> None:
    """A NUL or an escape in any cell refuses the row: no store and no voice could do anything with it."""
    found = read("number,name\n+12125550101,Ma\0ria\n+12125550104,\x1b[2J\n+12125550107,Zoë\n")

    assert [contact.name for contact in found.accepted] == ["Zoë"]
    assert refused(found) == {2: "a cell holds a control character", 3: "a cell holds a control character"}


def test_two_columns_of_one_name(folder: Path) -> None:
    """One of them would be lost: the file is refused."""
    with pytest.raises(BadInput, match=r"c\.csv has two columns name: rename one of them"):
        read("number,name,Name\n+12125550101,Maria,Alvarez\n")


def test_file_that_is_not_there(folder: Path) -> None:
    """The sentence names the path and what is the matter."""
    with pytest.raises(BadInput, match=r"cannot read the contacts in gone.csv \(No such file or directory\)"):
        read_contacts(Path("gone.csv"))
    with pytest.raises(BadInput, match="Is a directory"):
        read_contacts(folder)


@pytest.mark.parametrize("number", ["", "2125550101", "+0212555", "+1 212 555 0101", "+1212555010112345"])
def test_numbers_are_e164(number: str) -> None:
    """A contact with another way of writing a number cannot be built, and the number is not repeated."""
    with pytest.raises(BadInput, match=r"^the number of a contact is not E\.164"):
        Contact(contact_id="1", number=number)


def test_a_contacts_repr_names_nobody() -> None:
    """A contact that slips into a log or a failing test gives nobody away."""
    assert "2125550101" not in repr(Contact(contact_id="1", number="+12125550101", facts={"phone": "+12125550101"}))

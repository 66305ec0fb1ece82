"""Contacts from large files: CSV, Parquet and DataFrames, one after another, with every row accounted for."""

import csv
import tracemalloc
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from opendeep_kit.campaigns.contact_files import ContactStream, stream_contacts
from opendeep_kit.campaigns.contacts import Contact, read_contacts
from opendeep_kit.errors import BadInput, OurMistake, Unavailable

ROWS = (
    "number,name,visits\n+12125550101,Maria,3\n12345,Tom,1\n(212) 555-0101,Mary,2\n+12125550104,,4\n+12125550107,Ann,\n"
)
EXPECTED = [
    Contact(contact_id="+12125550101", number="+12125550101", facts={"name": "Maria", "visits": "3"}),
    Contact(contact_id="+12125550107", number="+12125550107", facts={"name": "Ann", "visits": ""}),
]


def counts(stream: ContactStream) -> tuple[int, int, int, int]:
    """Rows, accepted, refused, merged."""
    report = stream.report
    return report.rows, report.accepted, report.refused, report.merged


def frame() -> pd.DataFrame:
    """The rows as a table with numbers in it."""
    return pd.DataFrame(
        {
            "Number": ["+12125550101", "12345", "(212) 555-0101", "+12125550104", "+12125550107"],
            "Name": ["Maria", "Tom", "Mary", None, "Ann"],
            "visits": [3, 1, 2, 4, None],
        }
    )


@pytest.mark.parametrize("kind", ["csv", "parquet", "frame"])
def test_every_kind_of_source(tmp_path: Path, kind: str) -> None:
    """The same rows give the same contacts and the same report."""
    source: Path | pd.DataFrame = tmp_path / f"c.{kind}"
    if kind == "csv":
        Path(str(source)).write_text(ROWS)
    elif kind == "parquet":
        frame().to_parquet(source)
    else:
        source = frame()
    stream = stream_contacts(source, needs=("name",))

    assert list(stream) == EXPECTED
    assert counts(stream) == (5, 2, 2, 1)
    place = 2 if kind == "csv" else 1
    assert [row.line - place for row in stream.report.first_refused] == [1, 3]
    assert stream.report.first_refused[1].reason == "name is empty"


def test_same_as_read_contacts(tmp_path: Path) -> None:
    """A CSV streamed holds what `read_contacts` reads."""
    path = tmp_path / "c.csv"
    path.write_text(ROWS)
    whole, stream = read_contacts(path), stream_contacts(path)

    assert list(stream) == whole.accepted
    assert (stream.report.first_refused, stream.report.merged) == (whole.refused, whole.merged)


@pytest.mark.parametrize(
    ("cells", "number"),
    [
        ([2125550101.0, None], "+12125550101"),
        ([12125550101], "+12125550101"),
        (["+12125550101"], "+12125550101"),
        (pd.array([2125550101, None], dtype="Int64"), "+12125550101"),
    ],
)
def test_number_as_tables_hold_it(cells: Any, number: str) -> None:
    """A column of numbers with gaps becomes floats: their digits are kept, and a gap is a refused row."""
    stream = stream_contacts(pd.DataFrame({"phone": cells}))

    assert [contact.number for contact in stream] == [number]
    assert stream.report.refused == len(cells) - 1


def test_facts_as_tables_hold_them() -> None:
    """Dates, truths and fractions become text; what is missing is empty."""
    table = pd.DataFrame(
        {"phone": ["+12125550101"], "day": [date(2026, 3, 8)], "vip": [True], "debt": [12.5], "gone": [pd.NaT]}
    )

    (contact,) = stream_contacts(table)
    assert contact.facts == {"day": "2026-03-08", "vip": "true", "debt": "12.5", "gone": ""}


def test_many_refusals(tmp_path: Path) -> None:
    """The first ones are in the report, all of them in the file."""
    path, refused = tmp_path / "c.csv", tmp_path / "refused.csv"
    path.write_text("number\n" + "".join(f"{number}\n" for number in range(100, 130)) + "+12125550101\n")
    stream = stream_contacts(path, refused_path=refused, keep_refused=5)
    accepted = list(stream)
    with refused.open(newline="") as file:
        written = list(csv.reader(file))

    assert len(accepted) == 1
    assert (counts(stream), len(stream.report.first_refused)) == ((31, 1, 30, 0), 5)
    assert (stream.report.refused_path, len(written)) == (refused, 31)
    assert written[:2] == [["line", "reason"], ["2", stream.report.first_refused[0].reason]]
    assert written[-1][0] == "31"


def test_a_file_that_is_named_holds_every_refusal(tmp_path: Path) -> None:
    """One or none: it is written, and never over the contacts."""
    path, refused = tmp_path / "c.csv", tmp_path / "refused.csv"
    for text, written in ((ROWS, "3,"), ("number\n+12125550101\n", "")):
        path.write_text(text)
        stream = stream_contacts(path, refused_path=refused)
        list(stream)
        lines = refused.read_text().splitlines()
        assert (lines[0], len(lines) - 1) == ("line,reason", stream.report.refused)
        assert "".join(lines[1:]).startswith(written)
    with pytest.raises(BadInput, match=r"would overwrite .*: name another file"):
        stream_contacts(path, refused_path=tmp_path / "." / "c.csv")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_zone_that_does_not_exist(tmp_path: Path, kind: str) -> None:
    """Its row is refused like any other: counted, in its place, and in the file, however many there are."""
    table = pd.DataFrame({"number": ["+12125550101"] * 3, "time_zone": ["Moon/Base", "Moon/Base", "UTC"]})
    path, refused = tmp_path / f"c.{kind}", tmp_path / "refused.csv"
    if kind == "csv":
        path.write_text(table.to_csv(index=False).replace("\n", "\n\n", 1))
    else:
        table.to_parquet(path)
    stream = stream_contacts(path, refused_path=refused, keep_refused=1)

    assert [contact.facts["time_zone"] for contact in stream] == ["UTC"]
    first = 3 if kind == "csv" else 1
    assert [row.line for row in stream.report.first_refused] == [first]
    assert stream.report.first_refused[0].reason.startswith("'Moon/Base' is no time zone")
    assert [line.split(",")[0] for line in refused.read_text().splitlines()] == ["line", str(first), str(first + 1)]


def test_an_id_names_one_number() -> None:
    """The second number of an id is refused; an id whose first row was refused is free."""
    rows = [("1", "none"), ("1", "+12125550101"), ("1", "+12125550104"), ("1", "+12125550101"), ("2", "+12125550107")]
    stream = stream_contacts(pd.DataFrame(rows, columns=["id", "number"]))

    assert [(contact.contact_id, contact.number) for contact in stream] == [("1", rows[1][1]), ("2", rows[4][1])]
    assert counts(stream) == (5, 2, 2, 1)
    assert stream.report.first_refused[1].reason == "its id '1' is that of another number in a row before"


@pytest.mark.parametrize("place", ["missing/refused.csv", "/dev/full"])
def test_refusals_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    """No folder or a full disk: said, with what to do."""
    path = tmp_path / "c.csv"
    path.write_text("number\n" + "12345\n" * 2000)

    with pytest.raises(Unavailable, match=r"the refused rows cannot be written to .*: free some space or name another"):
        list(stream_contacts(path, refused_path=tmp_path / place, keep_refused=1))


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("c.parquet", b"number\n+12125550101\n", "is not a Parquet file: export it again"),
        ("c.parquet", b"", "is not a Parquet file"),
        ("gone.parquet", None, r"cannot read the contacts in .* \(No such file or directory\)"),
        ("c.csv", b"name\nMaria\n", "has no column with telephone numbers"),
        ("c.csv", "number\nJürgen\n".encode("cp1252"), "is not UTF-8 text"),
    ],
)
def test_source_that_cannot_be_read(tmp_path: Path, name: str, data: bytes | None, says: str) -> None:
    """The file's fault, told in a sentence."""
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)

    with pytest.raises(BadInput, match=says):
        list(stream_contacts(path))


def test_columns_of_a_frame() -> None:
    """A missing column and one that stands twice are told as in a file."""
    with pytest.raises(BadInput, match="the DataFrame has no column debt, which the script uses"):
        list(stream_contacts(frame(), needs=("debt",)))
    with pytest.raises(BadInput, match="the DataFrame has two columns name"):
        list(stream_contacts(pd.DataFrame([["+12125550101", "a", "b"]], columns=["phone", "name", "Name"])))


def test_control_character() -> None:
    """It reaches no fact."""
    stream = stream_contacts(pd.DataFrame({"phone": ["+12125550101"], "name": ["Ma\0ria"]}))

    assert list(stream) == []
    assert stream.report.first_refused[0].reason == "a cell holds a control character"


def test_stream_is_read_once() -> None:
    """A second time would find every number a double."""
    stream = stream_contacts(frame())
    list(stream)

    with pytest.raises(OurMistake, match="read twice"):
        list(stream)


def test_memory_is_bounded(tmp_path: Path) -> None:
    """A Parquet file of 6 000 rows with 20 MB of text goes through a part of that."""
    path = tmp_path / "c.parquet"
    schema = pyarrow.schema([("number", pyarrow.string()), ("note", pyarrow.string())])
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, 6_000, 1_000):
            numbers = [f"+1212{2_000_000 + start + step}" for step in range(1_000)]
            notes = [f"{start + step:07}" * 500 for step in range(1_000)]
            writer.write_table(pyarrow.table({"number": numbers, "note": notes}, schema=schema))
    list(stream_contacts(frame()))
    tracemalloc.start()
    count = sum(1 for _ in stream_contacts(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 6_000
    assert peak < 12_000_000


@pytest.mark.soak
def test_a_million_rows(tmp_path: Path) -> None:
    """A million rows are read with less than 200 MB held, and all of them are accounted for."""
    path = tmp_path / "c.csv"
    with path.open("w") as file:
        file.write("id,number,name\n")
        file.writelines(f"{step},+1212{2_000_000 + step % 900_000},Person {step}\n" for step in range(1_000_000))
    stream = stream_contacts(path)
    tracemalloc.start()
    count = sum(1 for _ in stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (count, counts(stream)) == (900_000, (1_000_000, 900_000, 0, 100_000))
    assert peak < 200_000_000

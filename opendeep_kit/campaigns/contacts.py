"""Reads whom to call from a file; nothing is dropped silently.

Given a CSV, returns the contacts that can be called and, for every row that cannot, the line and the reason. Numbers
become E.164 through `numbers.e164`; two rows with one number become one contact, and an id names one number. Never asks
whether a call is allowed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from opendeep_kit.campaigns.windows import zone
from opendeep_kit.errors import BadInput
from opendeep_kit.numbers import MAX_WRITTEN_CHARS, checked, e164, masked

NUMBER_COLUMNS = ("number", "phone", "phone_number", "telephone", "mobile")
"""Headings under which the number may stand; the first present is taken."""
ZONE_COLUMN = "time_zone"
"""Heading under which the tenant says where it knows the contact to be."""
Row = tuple[int, dict[str, str], str]
"""Its place, its cells by heading, and why it is no row; empty when it is one."""
_CONTROL = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody to call."""

    contact_id: str = field(repr=False)
    """Given by the file (column `id`), else its number."""
    number: str = field(repr=False)
    """E.164."""
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """All other columns, by heading in lower case: what a script may say of them."""

    def __post_init__(self) -> None:
        if not self.contact_id:
            raise BadInput("a contact has no id", do="give every contact an id of its own")
        checked(self.number, "the number of a contact")

    @property
    def name(self) -> str:
        """As the file calls them; the number's last digits when it does not."""
        return self.facts.get("name") or masked(self.number)

    @property
    def time_zone(self) -> str | None:
        """Where the tenant knows them to be, an IANA name; None: by the number."""
        return self.facts.get(ZONE_COLUMN) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that is not called."""

    line: int
    """In the file, the heading being line 1."""
    reason: str


@dataclass(slots=True)
class Contacts:
    """What a file held."""

    accepted: list[Contact] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    merged: int = 0
    """Rows whose number had been there before."""


def read_contacts(path: Path, *, region: str = "US", needs: Iterable[str] = ()) -> Contacts:
    """The contacts in a CSV file.

    Args:
        region: of numbers without a country code, ISO 3166.
        needs: columns that must be there and filled: the facts a script uses.

    Raises:
        BadInput: the file cannot be read, or lacks a column.
    """
    contacts = Contacts()
    needed = tuple(needs)
    seen = Seen()
    for line, row, fault in csv_rows(path, needed):
        contact = fault or seen.judge(contact_from(row, region=region, needed=needed))
        if isinstance(contact, str):
            contacts.refused.append(RefusedRow(line=line, reason=contact))
        elif contact is None:
            contacts.merged += 1
        else:
            contacts.accepted.append(contact)
    return contacts


class Seen:
    """The numbers and ids of one list so far: each is some bytes, however long the list."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()
        self._ids: set[int] = set()

    def judge(self, contact: Contact | str) -> Contact | str | None:
        """The contact; None when its number was there before; or why it is none.

        An id that was another number's may be a mistake in either row: only one of them is called by it.
        """
        if isinstance(contact, str):
            return contact
        number = int(contact.number)
        if number in self._numbers:
            return None
        if contact.contact_id != contact.number:
            # Of a million ids two have one hash once in thirty million lists; then one row too many is refused.
            known = hash(contact.contact_id)
            if known in self._ids:
                return f"its id {contact.contact_id[:MAX_WRITTEN_CHARS]!r} is that of another number in a row before"
            self._ids.add(known)
        self._numbers.add(number)
        return contact


def csv_rows(path: Path, needed: tuple[str, ...]) -> Iterator[Row]:
    """The rows of a CSV file, one after another.

    Raises:
        BadInput: the file cannot be read, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(file, path, needed)
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text", do="save it as CSV UTF-8 (in Excel: 'CSV UTF-8')") from None
    except OSError as error:
        raise BadInput(f"cannot read the contacts in {path} ({error.strerror})", do="check the path") from None
    except csv.Error as error:
        raise BadInput(f"{path} is not a CSV file ({error})", do="export it again as CSV") from None


def headings_of(names: Iterable[str], where: str, needed: tuple[str, ...]) -> list[str]:
    """The columns' names as facts are called.

    Args:
        where: names the file in an error.

    Raises:
        BadInput: there is no column with numbers, a column that is needed is missing, or a name stands twice.
    """
    headings = [name.strip().lower().replace(" ", "_") for name in names]
    if not any(name in headings for name in NUMBER_COLUMNS):
        raise BadInput(
            f"{where} has no column with telephone numbers",
            do=f"give a heading line with one of: {', '.join(NUMBER_COLUMNS)}",
        )
    twice = [name for name in headings if name and headings.count(name) > 1]
    if twice:
        raise BadInput(f"{where} has two columns {twice[0]}", do="rename one of them")
    missing = [name for name in needed if name not in headings]
    if missing:
        raise BadInput(
            f"{where} has no column {', '.join(missing)}, which the script uses",
            do=f"add it (there are: {', '.join(headings)})",
        )
    return headings


def contact_from(row: Mapping[str, str], *, region: str, needed: tuple[str, ...]) -> Contact | str:
    """The contact that a row describes, or the reason why it describes none."""
    if any(_CONTROL.search(cell) for cell in row.values()):
        return "a cell holds a control character"
    column = next(name for name in NUMBER_COLUMNS if name in row)
    empty = [name for name in needed if not row.get(name)]
    if empty:
        return f"{', '.join(empty)} is empty"
    try:
        number = e164(row[column], region)
    except BadInput as error:
        return str(error)
    if row.get(ZONE_COLUMN):
        try:
            zone(row[ZONE_COLUMN])
        except BadInput as error:
            return str(error)
    facts = {name: value for name, value in row.items() if name not in (column, "id")}
    return Contact(contact_id=row.get("id") or number, number=number, facts=facts)


def _rows(file: Iterable[str], path: Path, needed: tuple[str, ...]) -> Iterator[Row]:
    reader = csv.reader(file, strict=True)
    headings = headings_of(next(reader, []), str(path), needed)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            padded = [cell.strip() for cell in cells] + [""] * (len(headings) - len(cells))
            row = {name: cell for name, cell in zip(headings, padded, strict=False) if name}
            yield reader.line_num, row, _fault(cells, headings)


def _fault(cells: list[str], headings: list[str]) -> str:
    """Why this row is no row of its table; empty when it is."""
    if any(cell.strip() for cell in cells[len(headings) :]):
        return f"{len(cells)} cells, but {len(headings)} headings: put quotes round a cell that holds a comma"
    return ""

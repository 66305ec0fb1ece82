"""Reads whom to call from a file; nothing is dropped silently.

Given a CSV, returns the contacts that can be called and, for every row that cannot, the line and the reason. Numbers
become E.164 through `phonenumbers`; two rows with one number become one contact. Never asks whether a call is allowed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import phonenumbers

from opendeep_kit.errors import BadInput

NUMBER_COLUMNS = ("number", "phone", "phone_number", "telephone", "mobile")
"""Headings under which the number may stand; the first present is taken."""
MAX_NUMBER_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody to call."""

    contact_id: str
    """Given by the file (column `id`), else its number."""
    number: str
    """E.164."""
    facts: Mapping[str, str]
    """All other columns, by heading in lower case."""

    @property
    def name(self) -> str:
        """As the file calls them; the number's last digits when it does not."""
        return self.facts.get("name") or f"…{self.number[-4:]}"


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
    found = Contacts()
    needed = tuple(needs)
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in _rows(file, path, needed):
                _take(found, seen, line, row, region, needed)
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text", do="save it as CSV UTF-8 (in Excel: 'CSV UTF-8')") from None
    except OSError as error:
        raise BadInput(f"cannot read the contacts in {path} ({error.strerror})", do="check the path") from None
    except csv.Error as error:
        raise BadInput(f"{path} is not a CSV file ({error})", do="export it again as CSV") from None
    return found


def e164(text: str, region: str) -> str:
    """The number in international form.

    Raises:
        BadInput: it cannot be dialled; the sentence says why.
    """
    shown = text.strip()[:MAX_NUMBER_CHARS]
    if len(text) > MAX_NUMBER_CHARS or not text.isprintable():
        raise BadInput(f"{shown!r} is no telephone number", do="give digits, with + and the country code first")
    if any(char.isalpha() for char in text):
        raise BadInput(f"{shown!r} holds letters", do="give digits, with + and the country code first")
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        reason = str(error).rstrip(".").lower()
        what = f"{shown!r} is no telephone number ({reason})"
        raise BadInput(what, do="give it with + and the country code") from None
    if not phonenumbers.is_valid_number(parsed):
        raise BadInput(f"{shown!r} is not in use in any numbering plan", do="check its digits")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _rows(file: Iterable[str], path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(file, strict=True)
    headings = [heading.strip().lower().replace(" ", "_") for heading in next(reader, [])]
    if not any(name in headings for name in NUMBER_COLUMNS):
        raise BadInput(
            f"{path} has no column with telephone numbers",
            do=f"give a heading line with one of: {', '.join(NUMBER_COLUMNS)}",
        )
    missing = [name for name in needed if name not in headings]
    if missing:
        raise BadInput(
            f"{path} has no column {', '.join(missing)}, which the script uses",
            do=f"add it (there are: {', '.join(headings)})",
        )
    for cells in reader:
        if any(cell.strip() for cell in cells):
            padded = [*cells, *[""] * (len(headings) - len(cells))]
            yield reader.line_num, {name: cell.strip() for name, cell in zip(headings, padded, strict=False) if name}


def _take(
    found: Contacts, seen: set[str], line: int, row: dict[str, str], region: str, needed: tuple[str, ...]
) -> None:
    column = next(name for name in NUMBER_COLUMNS if name in row)
    empty = [name for name in needed if not row.get(name)]
    if empty:
        found.refused.append(RefusedRow(line=line, reason=f"{', '.join(empty)} is empty"))
        return
    try:
        number = e164(row[column], region)
    except BadInput as error:
        found.refused.append(RefusedRow(line=line, reason=str(error)))
        return
    if number in seen:
        found.merged += 1
        return
    seen.add(number)
    facts = {name: value for name, value in row.items() if name not in (column, "id")}
    found.accepted.append(Contact(contact_id=row.get("id") or number, number=number, facts=facts))

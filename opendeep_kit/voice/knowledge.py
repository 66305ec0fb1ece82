"""What the agent may look up in a call: a tenant's documents and a tenant's table.

Given one tenant's folder or file, makes a tool that reads nothing else and changes nothing. A source that fails becomes
a sentence to the model. Never asks the network: that is left to `webhooks`.
"""

from __future__ import annotations

import csv
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import bm25s
import numpy as np

from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.voice.tools import Tool, tool

SUFFIXES = frozenset([".md", ".txt"])
MAX_FILE_BYTES = 5_000_000
"""A larger document is left out, a larger table refused."""
PASSAGE_CHARS = 600
"""About what can be read aloud in half a minute."""
PASSAGES = 3
MAX_ROWS = 3
_WORD = re.compile(r"\w+")


# ---- documents --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document."""

    document: str
    """Its path below the folder."""
    text: str


Stamp = tuple[int, int]
"""A file's time of change in ns and its size: other figures, other words."""


def _stamp(file: Path) -> Stamp:
    state = file.stat()
    return state.st_mtime_ns, state.st_size


@dataclass(frozen=True, slots=True)
class _Indexed:
    """A folder's documents as they were when they were read."""

    files: Mapping[Path, Stamp] = field(default_factory=dict)
    passages: list[Passage] = field(default_factory=list)
    index: bm25s.BM25 | None = None


class Documents:
    """The documents of one tenant, indexed by the words in them (BM25).

    The index is built at the first search, and again at one that finds a document added, edited or gone. Links that
    lead out of the folder are not followed. Searching may block: do it off the loop.

    Raises:
        BadInput: there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise BadInput(f"there is no folder {folder}", do="create it, with the tenant's .md and .txt documents")
        self._folder = folder
        self._building = threading.Lock()
        self._indexed = _Indexed()

    def search(self, query: str, *, at_most: int = PASSAGES) -> list[Passage]:
        """The passages that fit best, the best first; none when no word of the query occurs."""
        with self._building:  # searches of several calls come from several threads
            files = self._files()
            if files != self._indexed.files:
                self._indexed = self._build(files)
            indexed = self._indexed
        index = indexed.index
        words = [word for word in _words([query])[0] if index and word in index.vocab_dict]
        if index is None or not words:
            return []
        scores = index.get_scores(words)
        best = np.argsort(-scores, kind="stable")[:at_most]
        return [indexed.passages[at] for at in best if scores[at] > 0]

    def _build(self, files: Mapping[Path, Stamp]) -> _Indexed:
        inside = self._folder.resolve()
        passages: list[Passage] = []
        for file, (_, size) in files.items():
            if size > MAX_FILE_BYTES:
                log().warning("! a document is too large to be searched", limit_bytes=MAX_FILE_BYTES)
            elif file.resolve().is_relative_to(inside):
                passages += _passages(file, self._folder)
        # The document's name and headings count as its words: "prices.md" answers "prices".
        words = _words([f"{passage.document} {passage.text}" for passage in passages])
        if not any(words):
            return _Indexed(files)
        index = bm25s.BM25()
        index.index(words, show_progress=False)
        return _Indexed(files, passages, index)

    def _files(self) -> dict[Path, Stamp]:
        files = sorted(file for file in self._folder.rglob("*") if file.suffix.lower() in SUFFIXES)
        return {file: _stamp(file) for file in files if file.is_file()}


def documents_tool(folder: Path) -> Tool:
    """A tool that searches one tenant's documents.

    Raises:
        BadInput: there is no such folder.
    """
    documents = Documents(folder)

    def search_documents(query: str) -> str:
        """Search the organisation's documents. Use it before you state a fact that is not in your instructions.

        Args:
            query: the words to look for, as a document would put them.
        """
        try:
            passages = documents.search(query)
        except OSError:
            raise Unavailable("the documents cannot be read now", do="go on without them") from None
        if not passages:
            return "Nothing in the documents fits. Say that you do not know."
        return "\n\n".join(f"From {passage.document}:\n{passage.text}" for passage in passages)

    return tool(search_documents)


def _words(texts: list[str]) -> list[list[str]]:
    tokens: list[list[str]] = bm25s.tokenize(
        texts, token_pattern=r"(?u)\b\w+\b", stopwords="english", return_ids=False, show_progress=False
    )
    return tokens


def _passages(file: Path, folder: Path) -> Iterator[Passage]:
    """Paragraphs joined up to a passage's length; a passage keeps the heading it stands under."""
    document = file.relative_to(folder).as_posix()
    heading, body = "", ""
    for paragraph in re.split(r"\n\s*\n|\n(?=#)", file.read_text(encoding="utf-8-sig", errors="replace")):
        for piece in _pieces(paragraph.strip()):
            is_heading = piece.startswith("#")
            if body and (is_heading or len(body) + len(piece) > PASSAGE_CHARS):
                if body != heading:
                    yield Passage(document, body)
                body = "" if is_heading else heading
            if is_heading:
                heading = piece.split("\n")[0]
            body = f"{body}\n{piece}".strip()
    if body:
        yield Passage(document, body)


def _pieces(paragraph: str) -> Iterator[str]:
    """A paragraph, cut between words where it is longer than a passage."""
    while len(paragraph) > PASSAGE_CHARS:
        cut = paragraph.rfind(" ", 0, PASSAGE_CHARS)
        cut = cut if cut > 0 else PASSAGE_CHARS
        yield paragraph[:cut]
        paragraph = paragraph[cut:].strip()
    if paragraph:
        yield paragraph


# ---- tables -----------------------------------------------------------------------------------------


class LookupTable:
    """One tenant's CSV file, looked up by a key; it is read again when it has changed.

    Args:
        key: the column to look in.
        columns: the only ones ever given out.
        only: column and value that a row must have, such as ("tenant", "clinic"); others are not there.

    Raises:
        BadInput: the file cannot be read or lacks a column.
    """

    def __init__(self, file: Path, *, key: str, columns: Sequence[str], only: tuple[str, str] | None = None) -> None:
        self._file = file
        self._key = key
        self._columns = tuple(columns)
        self._only = only
        self._reading = threading.Lock()
        self._stamp: Stamp | None = None
        self._rows: dict[str, list[dict[str, str]]] = {}
        if not columns:
            raise BadInput(f"no column of {file.name} may be shared", do="name the columns that the agent may read out")
        try:
            self._refresh()
        except (OSError, csv.Error, UnicodeDecodeError):
            raise BadInput(f"the table {file} cannot be read", do="check the path; it must be CSV in UTF-8") from None

    def look_up(self, value: str) -> list[dict[str, str]]:
        """The rows whose key is this value; case, spaces and punctuation do not count: they are not heard.

        Raises:
            Unavailable: the table cannot be read now.
        """
        try:
            with self._reading:
                self._refresh()
                rows = self._rows
        except (OSError, csv.Error, UnicodeDecodeError, BadInput):
            raise Unavailable("the table cannot be read now", do="go on without it") from None
        return rows.get(_as_heard(value), []) if _as_heard(value) else []

    def _refresh(self) -> None:
        stamp = _stamp(self._file)
        if stamp == self._stamp:
            return
        if stamp[1] > MAX_FILE_BYTES:
            raise BadInput(f"the table {self._file} is larger than {MAX_FILE_BYTES} bytes", do="use a webhook instead")
        with self._file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            _check_columns(self._file, reader.fieldnames or (), {self._key, *self._columns, *(self._only or ())[:1]})
            rows: dict[str, list[dict[str, str]]] = {}
            for row in reader:
                if self._only is None or row[self._only[0]] == self._only[1]:
                    shown = {column: row[column] or "" for column in self._columns}
                    rows.setdefault(_as_heard(row[self._key] or ""), []).append(shown)
        self._rows, self._stamp = rows, stamp


def table_tool(
    file: Path,
    *,
    key: str,
    columns: Sequence[str],
    only: tuple[str, str] | None = None,
    name: str = "look_up_contact",
    about: str = "Look up what the organisation knows of a customer.",
) -> Tool:
    """A tool that looks up rows of one tenant's table.

    Args:
        file: the tenant's CSV file.
        key: the column to look in.
        columns: the only ones ever given out.
        only: column and value that a row must have when the file holds several tenants' rows.
        name: of the tool, when a call has several.
        about: what is in the table and when to use it, for the model.

    Raises:
        BadInput: the file cannot be read or lacks a column.
    """
    table = LookupTable(file, key=key, columns=columns, only=only)

    def look_up(value: str) -> str:
        """Look up a row.

        Args:
            value: what to look for, exactly as the callee gave it.
        """
        rows = table.look_up(value)
        if not rows:
            return f"Nothing is known under this {key}. Ask the callee to repeat it."
        if len(rows) > MAX_ROWS:
            return f"More than {MAX_ROWS} entries have this {key}. Ask for something more exact."
        return "\n".join("; ".join(f"{column}: {value}" for column, value in row.items()) for row in rows)

    return replace(tool(look_up), name=name, description=f"{about} The value to look for is its {key}.")


def _check_columns(file: Path, columns: Collection[str], wanted: Collection[str]) -> None:
    for missing in sorted(set(wanted) - set(columns)):
        raise BadInput(f"{file.name} has no column {missing!r}", do=f"it has: {', '.join(columns) or 'none'}")


def _as_heard(value: str) -> str:
    return "".join(_WORD.findall(value)).casefold()

"""The changes that a document shows as diffs, put into files."""

import re

from tests.docs.documents import blocks

_FILE = re.compile(r"^\+\+\+ b/(\S+)\n", re.MULTILINE)


def changes(text: str) -> list[tuple[str, str, str]]:
    """Each place that the document changes: the file, what stands there, and what shall stand there."""
    found = []
    for block in blocks(text):
        if block.language == "diff":
            _, *files = _FILE.split(block.text)
            for path, body in zip(files[::2], files[1::2], strict=True):
                for hunk in body.split("@@\n")[1:]:
                    lines = hunk.removesuffix("\n").split("\n")
                    before = [line[1:] for line in lines if line[:1] != "+"]
                    after = [line[1:] for line in lines if line[:1] != "-"]
                    found.append((path, "\n".join(before) + "\n", "\n".join(after) + "\n"))
    return found


def applied(text: str, sources: dict[str, str]) -> dict[str, str]:
    """The files after every change of the document.

    Raises:
        ValueError: what a change expects stands nowhere, or more than once.
    """
    files = dict(sources)
    for path, before, after in changes(text):
        if (places := files[path].count(before)) != 1:
            raise ValueError(f"{path}: this stands there {places} times:\n{before}")
        files[path] = files[path].replace(before, after)
    return files

"""Every block of Python and of SQL in the documents runs, in a folder with a history of calls."""

import ast
import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

import opendeep_kit
from tests.docs.documents import Block, blocks, made, written
from tests.past import fill

EVERY = {name: blocks(text) for name, text in (written() | made()).items()}
WITH_CODE = [name for name, inside in EVERY.items() if any(block.language in ("python", "sql") for block in inside)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of a reader: six calls in `data`."""
    (tmp_path / "data").mkdir()
    fill(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(block: Block, names: dict[str, Any]) -> None:
    """Run one block as a notebook's cell: what a block before it named is there, and it may await."""
    if block.language == "sql":
        with opendeep_kit.warehouse() as house:
            house.df(block.text)
    elif block.language == "python":
        code = compile(block.text, "block", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, names))
        else:
            exec(code, names)


@pytest.mark.parametrize("name", WITH_CODE)
def test_blocks_run(name: str, folder: Path) -> None:
    """From the first block of the document to its last."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in EVERY[name]:
        run(block, names)


def test_a_wrong_block_would_be_seen(folder: Path) -> None:
    """A name that does not exist, in Python or in SQL, fails."""
    with pytest.raises(AttributeError):
        run(Block(language="python", rest="", text="import opendeep_kit\nopendeep_kit.wharehouse()"), {})
    with pytest.raises(Exception, match="colour"):
        run(Block(language="sql", rest="", text="SELECT colour FROM calls"), {})
    run(Block(language="sql", rest="", text="SELECT disposition, count(*) FROM calls GROUP BY ALL"), {})

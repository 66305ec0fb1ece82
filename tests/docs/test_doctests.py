"""The examples in docstrings do what they show."""

import doctest
import importlib
from pathlib import Path

import pytest

import opendeep_kit

PACKAGE = Path(opendeep_kit.__file__).parent
WITH_EXAMPLES = sorted(path for path in PACKAGE.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_examples_run(path: Path) -> None:
    """Each example of the module gives what stands below it."""
    name = ".".join(("opendeep_kit", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    failures, tried = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)

    assert tried > 0
    assert failures == 0


def test_there_are_examples() -> None:
    """They are found."""
    assert len(WITH_EXAMPLES) > 5

"""What `import opendeep_kit` gives, and what it costs."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import opendeep_kit

NAMES = [
    "Comparison",
    "PERSONAS",
    "PastCalls",
    "Price",
    "Workbench",
    "briefing_chat",
    "execute_report",
    "headline",
    "load_script",
    "parse_script",
    "pictures",
    "read_contacts",
    "run_campaign",
    "warehouse",
]
"""What notebooks use."""


@pytest.mark.parametrize("name", NAMES)
def test_names_are_found(name: str) -> None:
    """Every name is there, listed, and the same after its module was imported."""
    found = getattr(opendeep_kit, name)

    assert name in dir(opendeep_kit)
    assert getattr(opendeep_kit, name) is found
    assert isinstance(found, ModuleType) is (name in ("pictures", "warehouse"))


def test_the_warehouse_is_called_by_its_name(tmp_path: Path) -> None:
    """The folder `warehouse` opens one, whichever of its modules were loaded before."""
    import_module("opendeep_kit.warehouse.pull")

    with opendeep_kit.warehouse(f"sqlite:///{tmp_path}/opendeep.db") as opened:
        assert opened.sql("SELECT count(*) AS calls FROM calls").fetchall() == [(0,)]


def test_a_name_that_is_none() -> None:
    """A wrong name is an ordinary mistake."""
    with pytest.raises(AttributeError, match="has no attribute 'Workbank'"):
        _ = opendeep_kit.Workbank


def test_importing_it_loads_nothing() -> None:
    """The package itself brings in no library: a notebook pays for what it uses."""
    code = "import sys; before = {*sys.modules}; import opendeep_kit; print(*sorted({*sys.modules} - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert [name for name in loaded if name.split(".")[0] in ("pandas", "numpy", "duckdb", "openai", "IPython")] == []
    assert len(loaded) < 10

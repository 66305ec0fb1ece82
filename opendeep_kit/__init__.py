"""OpenDeep: a Jupyter-first workbench for AI phone calls on Asterisk.

Names a notebook needs are found here, and their modules are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opendeep_kit.store.warehouse import Price as Price
    from opendeep_kit.store.warehouse import warehouse as warehouse

__version__ = "0.1.0"
_HOME = {
    "Price": "opendeep_kit.store.warehouse",
    "warehouse": "opendeep_kit.store.warehouse",
}
"""Where each name lives."""


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_HOME]

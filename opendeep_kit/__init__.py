"""OpenDeep: a Jupyter-first workbench for AI phone calls on Asterisk.

Names a notebook needs are found here, and their modules are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from opendeep_kit import warehouse as warehouse
    from opendeep_kit.campaigns.contacts import read_contacts as read_contacts
    from opendeep_kit.lab import pictures as pictures
    from opendeep_kit.lab.campaign_run import run_campaign as run_campaign
    from opendeep_kit.lab.comparison import Comparison as Comparison
    from opendeep_kit.lab.headline_figures import headline as headline
    from opendeep_kit.lab.past_calls import PastCalls as PastCalls
    from opendeep_kit.lab.reports import execute_report as execute_report
    from opendeep_kit.lab.workbench import Workbench as Workbench
    from opendeep_kit.rehearsal.personas import PERSONAS as PERSONAS
    from opendeep_kit.settings import Price as Price
    from opendeep_kit.tasks.script import load_script as load_script
    from opendeep_kit.tasks.script import parse_script as parse_script
    from opendeep_kit.widgets.briefing import briefing_chat as briefing_chat

__version__ = "0.1.0"
_HOME = {
    "Comparison": "opendeep_kit.lab.comparison",
    "PERSONAS": "opendeep_kit.rehearsal.personas",
    "PastCalls": "opendeep_kit.lab.past_calls",
    "Price": "opendeep_kit.settings",
    "Workbench": "opendeep_kit.lab.workbench",
    "briefing_chat": "opendeep_kit.widgets.briefing",
    "headline": "opendeep_kit.lab.headline_figures",
    "execute_report": "opendeep_kit.lab.reports",
    "load_script": "opendeep_kit.tasks.script",
    "parse_script": "opendeep_kit.tasks.script",
    "read_contacts": "opendeep_kit.campaigns.contacts",
    "run_campaign": "opendeep_kit.lab.campaign_run",
}
"""Where each name lives."""
_MODULES = {"pictures": "opendeep_kit.lab.pictures", "warehouse": "opendeep_kit.warehouse"}
"""Names that are modules; `warehouse` can be called."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_MODULES})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext opendeep_kit`: adds `%%call_script` and `%%calls_sql`, and shows tables so that they can be read."""
    from opendeep_kit.lab.magics import CallMagics

    CallMagics(shell).register()

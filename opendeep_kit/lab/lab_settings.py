"""A notebook's settings: those in force, for the data folder that the notebook names.

Given a folder or none, returns settings. Never creates the folder.
"""

from __future__ import annotations

from pathlib import Path

from opendeep_kit.config import Settings, load_settings

BESIDE_NOTEBOOKS = Path("..") / "data"
"""Where `make demo` and the commands keep their data, seen from `notebooks/`."""


def lab_settings(data_dir: Path | str | None = None, settings: Settings | None = None) -> Settings:
    """These settings, or those of `opendeep.toml` and the environment, with this folder of data.

    Args:
        data_dir: folder of database and recordings; None: the settings'. Empty, as in the notebooks: the one that the
            settings say (`opendeep lab` says it to every notebook), and where they are silent `../data`.

    Raises:
        BadInput: a setting is wrong.
    """
    chosen = settings or load_settings()
    if data_dir is None or (data_dir == "" and "data_dir" in chosen.model_fields_set):
        return chosen
    return chosen.model_copy(update={"data_dir": Path(data_dir) if data_dir != "" else BESIDE_NOTEBOOKS})

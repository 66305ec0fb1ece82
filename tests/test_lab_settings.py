"""Where a notebook looks for data: where it says, else where the settings say, else beside the notebooks."""

from pathlib import Path

import pytest

from opendeep_kit.config import Settings, lab_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder and an environment that says nothing of data."""
    monkeypatch.delenv("OPENDEEP_DATA_DIR", raising=False)
    monkeypatch.setenv("OPENDEEP_CONFIG", str(tmp_path / "none.toml"))


def test_a_named_folder_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the settings say."""
    monkeypatch.setenv("OPENDEEP_DATA_DIR", "said")

    assert lab_settings("named").data_dir == Path("named")
    assert lab_settings(Path("named"), Settings(data_dir=Path("given"))).data_dir == Path("named")


def test_no_name_is_the_settings_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a script that runs in the project's folder."""
    assert lab_settings().data_dir == Path("data")
    monkeypatch.setenv("OPENDEEP_DATA_DIR", "said")
    assert lab_settings().data_dir == Path("said")


def test_an_empty_name_is_the_labs_folder_or_the_one_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """`opendeep lab --data X` reaches notebooks; a notebook opened elsewhere finds what `make demo` left."""
    assert lab_settings("").data_dir == Path("../data")
    monkeypatch.setenv("OPENDEEP_DATA_DIR", "said")
    assert lab_settings("").data_dir == Path("said")


def test_other_settings_stay() -> None:
    """Only the folder is another."""
    given = Settings.model_validate({"rehearsal": {"engine": "tones"}})

    assert lab_settings("named", given).rehearsal.engine == "tones"
    assert lab_settings(None, given) is given

"""`opendeep dial`: what is not a telephone number is refused in one sentence, before anything is started."""

import sys
from pathlib import Path

import pytest

from opendeep_kit.cli import main
from opendeep_kit.record import directory
from opendeep_kit.record.database import open_database, utc_now
from opendeep_kit.tenants import DEFAULT_TENANT, Tenant

SCRIPT = Path(__file__).parents[2] / "notebooks" / "scripts" / "confirm_appointment.md"
HOSTILE = [
    "",
    "+12125550101\r\nAction: Originate",
    "+12125550101\n",
    '+1212555"0101',
    "+1212555'0101",
    "+${SHELL(id)}",
    "${EXTEN}",
    "+12125550101@evil",
    "+12125550101&PJSIP/other",
    "+12125550101,30,g",
    "+1 212 555 01 01 and more",
    "+1212555abcd",
    "+" + "1" * 200,
    "+12125",
]


@pytest.mark.parametrize("number", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_number(
    number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line breaks, quotes, dialplan expressions, letters, 200 characters: exit code 2, and no file was made."""
    folder = tmp_path / "data"
    facts = ["--fact", "name=Maria", "--fact", "appointment=Tuesday at ten"]
    words = ["opendeep", "dial", "--script", str(SCRIPT), *facts, "--data", str(folder), "--", number]
    monkeypatch.setattr(sys, "argv", words)

    with pytest.raises(SystemExit) as left:
        main()

    said = capsys.readouterr()
    assert (left.value.code, said.out, folder.exists()) == (2, "", False)
    assert said.err.startswith("opendeep: ")
    assert said.err.count("\n") == 1
    assert said.err.endswith(".\n")


@pytest.mark.parametrize("words", [["rehearse"], ["dial", "+12125550101", "--fact", "name=Maria", "--script"]])
def test_language_that_the_local_models_do_not_speak(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A German script with the packaged models: refused before anything is started."""
    text = "---\ngoal: g\norganisation: o\nlanguage: de\n---\n# Opening\n{disclosure}\n# Closing\nDanke.\n"
    script, folder = tmp_path / "deutsch.md", tmp_path / "data"
    script.write_text(text)
    monkeypatch.setattr(sys, "argv", ["opendeep", *words, str(script), "--data", str(folder)])

    with pytest.raises(SystemExit) as left:
        main()

    assert (left.value.code, folder.exists()) == (2, False)
    assert "English only, and the script's language is de: set rehearsal.tts_voice" in capsys.readouterr().err


def dial_in_play(number: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """The exit code of `opendeep dial` on the simulated line."""
    monkeypatch.setenv("OPENDEEP_REHEARSAL__ENGINE", "tones")
    facts = ["--fact", "name=Maria", "--fact", "appointment=Tuesday at ten"]
    words = ["opendeep", "dial", "--script", str(SCRIPT), *facts, "--data", str(data), "--line", "simulator"]
    monkeypatch.setattr(sys, "argv", [*words, number])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


def test_a_real_number_without_a_trunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that plays the public is not asked for somebody's number: exit code 2, and what to set."""
    assert dial_in_play("+442071838750", tmp_path, monkeypatch) == 2
    assert "no trunk is configured: set asterisk.trunk_host" in capsys.readouterr().err


def test_a_number_is_read_in_the_tenants_region(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A London number as it is written there is a real one; in the United States there is none such."""
    database = open_database(f"sqlite:///{tmp_path / 'opendeep.db'}")
    london = Tenant(tenant_id=DEFAULT_TENANT, display_name="Clinic", default_region="GB")
    directory.save_tenant(database, london, now=utc_now())
    database.close()
    assert dial_in_play("020 7183 8750", tmp_path, monkeypatch) == 2
    assert "no trunk is configured: set asterisk.trunk_host" in capsys.readouterr().err

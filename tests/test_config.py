"""Settings: file and environment, their precedence, their secrets, and sentences for what is wrong."""

import json
import os
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from opendeep_kit.config import (
    Settings,
    config_file,
    dashboards_environment,
    load_settings,
    rehearsal_environment,
    service_environment,
)
from opendeep_kit.errors import BadInput
from opendeep_kit.settings import LlmSettings, Price


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and an environment without settings."""
    for name in list(os.environ):
        if name.upper().startswith(("OPENDEEP_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str, name: str = "opendeep.toml") -> None:
    """The settings file."""
    Path(name).write_text(text)


def test_nothing_to_configure() -> None:
    """Without file and environment everything runs on this machine, on loopback, for nothing."""
    settings = load_settings()

    assert (settings.voice.provider, settings.phone.host, settings.phone.line_format) == (
        "local",
        "127.0.0.1",
        "slin24",
    )
    assert settings.store_url == "sqlite:///data/opendeep.db"
    assert settings.recordings_dir == Path("data/recordings")
    assert settings.voice.api_key is None


def test_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments win over the environment, the environment over the file, the file over the defaults."""
    write('data_dir = "file"\n[voice]\nvoice = "cedar"\nspeed = 1.2\n[call]\nlead_ms = 40\n')
    monkeypatch.setenv("OPENDEEP_VOICE__SPEED", "0.9")
    monkeypatch.setenv("OPENDEEP_DATA_DIR", "environment")
    settings = load_settings(data_dir=Path("argument"))

    assert (settings.data_dir, settings.voice.speed, settings.voice.voice) == (Path("argument"), 0.9, "cedar")
    assert (settings.call.lead_ms, settings.call.chunk_ms) == (40, 40)


def test_file_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OPENDEEP_CONFIG` names another file; a file that is not there is no error."""
    write('[store]\nurl = "postgresql://db/opendeep"\n', "other.toml")
    monkeypatch.setenv("OPENDEEP_CONFIG", "other.toml")
    other = load_settings().store_url
    monkeypatch.setenv("OPENDEEP_CONFIG", "gone.toml")

    assert other == "postgresql://db/opendeep"
    assert config_file() == Path("gone.toml")
    assert load_settings().store_url == "sqlite:///data/opendeep.db"


def test_nested_values_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two underscores lead into a section of a section; a whole section may be JSON."""
    monkeypatch.setenv("OPENDEEP_VOICE__TURN_DETECTION__TYPE", "semantic_vad")
    monkeypatch.setenv("OPENDEEP_ASTERISK", '{"trunk_codecs": ["alaw"]}')
    settings = load_settings()

    assert settings.voice.turn_detection.type == "semantic_vad"
    assert settings.asterisk.trunk_codecs == ("alaw",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '[voice]\nvoise = "x"\n',
            "setting 'voice.voise': there is no such setting (did you mean 'voice'?): correct it in opendeep.toml or in",
        ),
        ("[voise]\nx = 1\n", "setting 'voise': there is no such setting (did you mean 'voice'?)"),
        ("[prices.x]\ninput_minor_per_million = 1\n", "setting 'prices.x.output_minor_per_million': field required"),
        (
            "[voice.turn_detection]\nx = 1\n",
            "setting 'voice.turn_detection.x': there is no such setting (there are type, ",
        ),
        ("[service.trunks.gold]\nmax = 1\n", "setting 'service.trunks.gold.max': there is no such setting: correct it"),
        ("[call]\nlead_ms = 80\n", "setting 'call.lead_ms': input should be less than or equal to 60: correct it in"),
        ('[call]\nchunk_ms = "x"\n', "setting 'call.chunk_ms': input should be 20, 40 or 100"),
        ("[phone]\nport = 70000\n", "setting 'phone.port': input should be less than or equal to 65535"),
        ('[asterisk]\ncaller_id = "Bob"\n', "setting 'asterisk.caller_id': it should be +, country code and digits"),
        ('[asterisk]\ncaller_id = "030123"\n', "setting 'asterisk.caller_id': it should be +, country code and digits"),
        (
            '[voice]\nbase_url = "localhost:8000/v1"\n',
            "setting 'voice.base_url': it should be an address such as http://",
        ),
        ('[llm]\nbase_url = "http://[::x/v1"\n', "setting 'llm.base_url': it should be an address"),
        (
            "[voice.turn_detection]\nidle_timeout_ms = 10\n",
            "setting 'voice.turn_detection.idle_timeout_ms': input should",
        ),
    ],
)
def test_wrong_value_in_the_file(text: str, sentence: str) -> None:
    """The sentence names the setting, what is wrong, the file and the variable."""
    write(text)

    with pytest.raises(BadInput) as caught:
        load_settings()
    assert str(caught.value).startswith(sentence)


def test_wrong_value_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable's own name is in the sentence, its value is not."""
    monkeypatch.setenv("OPENDEEP_CALL__LEAD_MS", "sk-secret")

    with pytest.raises(BadInput) as caught:
        load_settings()
    assert "environment variable OPENDEEP_CALL__LEAD_MS" in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def test_broken_json_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A section that is not JSON is the person's mistake, with a sentence."""
    monkeypatch.setenv("OPENDEEP_VOICE", "{broken")

    with pytest.raises(BadInput, match="voice"):
        load_settings()


def test_broken_toml() -> None:
    """The line is named."""
    write("[voice]\nvoice = cedar\n")

    with pytest.raises(
        BadInput, match=r"opendeep\.toml is not valid TOML \(Invalid value \(at line 2, column 9\)\): correct"
    ):
        load_settings()


def test_file_that_is_not_text() -> None:
    """A file in another encoding is named, not raised."""
    Path("opendeep.toml").write_bytes(b'[voice]\nvoice = "\xfc"\n')

    with pytest.raises(BadInput, match=r"opendeep\.toml is not"):
        load_settings()


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No repr, text or dump for people shows a key or a password."""
    monkeypatch.setenv("OPENDEEP_VOICE__API_KEY", "sk-voice")
    monkeypatch.setenv("OPENDEEP_LLM__API_KEY", "sk-llm")
    monkeypatch.setenv("OPENDEEP_ASTERISK__AMI_SECRET", "ami-secret")
    monkeypatch.setenv("OPENDEEP_ASTERISK__TRUNK_SECRET", "trunk-secret")
    settings = load_settings()

    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert [word for word in ("sk-voice", "sk-llm", "ami-secret", "trunk-secret") if word in shown] == []
    assert settings.voice.api_key is not None
    assert settings.voice.api_key.get_secret_value() == "sk-voice"


def test_well_known_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """OPENAI_API_KEY serves when no key of our own is set, and only then."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-common")
    common = load_settings().voice.api_key
    monkeypatch.setenv("OPENDEEP_VOICE__API_KEY", "sk-own")
    own = load_settings().voice.api_key

    assert common is not None
    assert own is not None
    assert (common.get_secret_value(), own.get_secret_value()) == ("sk-common", "sk-own")


def test_settings_cannot_be_changed() -> None:
    """What was read at the edge holds for the whole run."""
    settings = load_settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.call.lead_ms = 60
    with pytest.raises(ValidationError, match="frozen"):
        settings.data_dir = Path("other")


def test_child_gets_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the rehearsal's process reads from its environment is what this one has, secrets and overrides included."""
    monkeypatch.setenv("OPENDEEP_REHEARSAL__THINK_MS", "900")
    monkeypatch.setenv("OPENDEEP_DATA_DIR", "elsewhere")
    parent = load_settings()
    rehearsal = parent.rehearsal.model_copy(update={"think_ms": 0, "stt_model": "small"})
    llm = LlmSettings(base_url="http://127.0.0.1:1/v1", api_key=SecretStr("sk-llm"))
    phone = parent.phone.model_copy(update={"line_format": "slin16"})
    parent = parent.model_copy(update={"rehearsal": rehearsal, "llm": llm, "phone": phone})
    environment = rehearsal_environment(parent)
    for name in [name for name in os.environ if name.startswith("OPENDEEP_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    child = load_settings()

    assert (child.rehearsal, child.llm, child.phone.line_format) == (parent.rehearsal, parent.llm, "slin16")
    assert child.llm.api_key is not None
    assert child.llm.api_key.get_secret_value() == "sk-llm"
    assert child.data_dir == Path("elsewhere")


def test_child_is_told_no_more_than_it_needs() -> None:
    """The voice model's and the telephone's secrets stay out of the rehearsal's environment."""
    environment = rehearsal_environment(Settings(asterisk={"ami_secret": "ami-secret"}, voice={"api_key": "sk-voice"}))

    assert "ami-secret" not in json.dumps(environment)
    assert "sk-voice" not in json.dumps(environment)


@pytest.mark.parametrize("which", ["service", "dashboards"])
def test_prices_reach_whoever_counts_costs(which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook that the service runs, in another folder, and a viewer's board know the prices of the file."""
    write('[prices."gpt-realtime-2.1"]\ninput_minor_per_million = 400\noutput_minor_per_million = 1600\n')
    settings = load_settings()
    environment = (
        service_environment(settings) if which == "service" else dashboards_environment(settings, jupyter_path=tmp_path)
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert load_settings().prices == {
        "gpt-realtime-2.1": Price(input_minor_per_million=400, output_minor_per_million=1600, currency="USD")
    }


def test_telephones_live_beside_the_data() -> None:
    """Each folder of data has its own, unless the settings name another."""
    assert load_settings(data_dir="x").asterisk_dir == Path("x/asterisk")
    assert load_settings(data_dir="x", asterisk={"run_dir": "y"}).asterisk_dir == Path("y")

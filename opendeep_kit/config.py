"""Reads the settings once, at the edge, and hands them down in pieces.

Given `opendeep.toml` (in the working folder or named by `OPENDEEP_CONFIG`) and the environment
(`OPENDEEP_<SECTION>__<NAME>`, and `OPENAI_API_KEY`), builds one frozen `Settings`. No other module reads the
environment. Secrets are `SecretStr`: masked in every repr.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from opendeep_kit.errors import BadInput
from opendeep_kit.settings import (
    AsteriskSettings,
    CallSettings,
    DashboardSettings,
    LlmSettings,
    PhoneSettings,
    Price,
    RehearsalSettings,
    Section,
    ServiceSettings,
    StoreSettings,
    VoiceSettings,
)

BESIDE_NOTEBOOKS = Path("..") / "data"
"""Where `make demo` and the commands keep their data, seen from `notebooks/`."""


class Settings(BaseSettings):
    """Everything that can be set; units and reasons stand beside each value in `settings.py`."""

    model_config = SettingsConfigDict(env_prefix="OPENDEEP_", env_nested_delimiter="__", frozen=True, extra="forbid")

    data_dir: Path = Path("data")
    """Database, recordings, reports, logs."""
    phone: PhoneSettings = PhoneSettings()
    """The AudioSocket server."""
    asterisk: AsteriskSettings = AsteriskSettings()
    """The telephone."""
    call: CallSettings = CallSettings()
    """One live call."""
    voice: VoiceSettings = VoiceSettings()
    """The voice model."""
    llm: LlmSettings = LlmSettings()
    """The text model."""
    rehearsal: RehearsalSettings = RehearsalSettings()
    """The local voice AI and the simulated callees."""
    store: StoreSettings = StoreSettings()
    """The system of record."""
    service: ServiceSettings = ServiceSettings()
    """The running service."""
    dashboards: DashboardSettings = DashboardSettings()
    """The supervisors' boards."""
    prices: dict[str, Price] = Field(default_factory=dict)
    """By voice model, as its side names it: `[prices."gpt-realtime-2.1"]`. Empty: tokens are counted, not money."""

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.store.url or f"sqlite:///{self.data_dir / 'opendeep.db'}"

    @property
    def durable_url(self) -> str:
        """The SQLAlchemy URL of the durable queue."""
        if self.service.durable_url is not None or self.store.url is None:
            return self.service.durable_url or f"sqlite:///{self.data_dir / 'queue.db'}"
        if self.store.url.startswith("sqlite"):
            return f"{self.store.url.removesuffix('.db')}-queue.db"
        return self.store.url

    @property
    def recordings_dir(self) -> Path:
        """Where recordings lie: `<tenant>/<day>/<call_id>.wav`."""
        return self.data_dir / "recordings"

    @property
    def reports_dir(self) -> Path:
        """Where reports lie: `<tenant>/<run_id>.ipynb` and `.html`."""
        return self.data_dir / "reports"

    @property
    def asterisk_dir(self) -> Path:
        """Parent of the folders in which our Asterisk and the rehearsal's public run."""
        return self.asterisk.run_dir or self.data_dir / "asterisk"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


def config_file() -> Path:
    """The settings file's path, whether or not it exists."""
    return Path(os.environ.get("OPENDEEP_CONFIG", "opendeep.toml"))


def rehearsal_environment(settings: Settings) -> dict[str, str]:
    """The environment for the rehearsal's process: what it needs of these settings, secrets among them."""
    passed = {"REHEARSAL": settings.rehearsal, "LLM": settings.llm}
    return _environment(passed) | {"OPENDEEP_PHONE__LINE_FORMAT": settings.phone.line_format}


def service_environment(settings: Settings) -> dict[str, str]:
    """The environment for a process of the service: exactly these settings, secrets among them."""
    sections = {name.upper(): value for name, value in settings if isinstance(value, Section)}
    environment = _environment(sections)
    environment["OPENDEEP_DATA_DIR"] = str(settings.data_dir)
    environment["OPENDEEP_PRICES"] = json.dumps(_plain(settings.prices))
    return environment


def dashboards_environment(settings: Settings, *, jupyter_path: Path) -> dict[str, str]:
    """The environment for a tenant's dashboards: the record and how it is shown; no API key and no password.

    Args:
        jupyter_path: folder of the pages' templates.
    """
    plain = {name: value for name, value in os.environ.items() if not name.upper().startswith(("OPENDEEP_", "OPENAI_"))}
    return plain | {
        # The file in the working folder may hold secrets that no viewer's kernel needs: it is not read again.
        "OPENDEEP_CONFIG": os.devnull,
        "OPENDEEP_DATA_DIR": str(settings.data_dir.absolute()),
        "OPENDEEP_STORE": json.dumps({"url": settings.store_url}),
        "OPENDEEP_SERVICE": json.dumps(_plain(settings.service)),
        "OPENDEEP_PRICES": json.dumps(_plain(settings.prices)),
        "OPENDEEP_DASHBOARDS": json.dumps(_plain(settings.dashboards.model_copy(update={"passwords": {}}))),
        "JUPYTER_PATH": os.pathsep.join(filter(None, [str(jupyter_path), os.environ.get("JUPYTER_PATH", "")])),
        "OMP_NUM_THREADS": "1",  # numpy's threads cost each viewer memory and gain nothing here
        "OPENBLAS_NUM_THREADS": "1",
    }


def lab_environment(settings: Settings) -> dict[str, str]:
    """The environment for JupyterLab: the same settings and data, from whatever folder a notebook runs in."""
    environment = {"OPENDEEP_DATA_DIR": str(settings.data_dir.absolute())}
    if config_file().is_file():
        environment["OPENDEEP_CONFIG"] = str(config_file().absolute())
    return os.environ | environment


def _environment(passed: Mapping[str, Section]) -> dict[str, str]:
    """This process's environment, with these sections instead of what it says of them."""
    prefixes = tuple(f"OPENDEEP_{name}" for name in passed)
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith(prefixes)}
    for name, section in passed.items():
        # Even what equals the default is said: the settings' file of the child may say otherwise.
        environment[f"OPENDEEP_{name}"] = json.dumps(_plain(section))
    return environment


def _plain(value: Any) -> Any:
    """The value as JSON can hold it, secrets revealed."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case BaseModel() | Mapping():
            return {name: _plain(part) for name, part in dict(value).items() if part is not None}
        case Path():
            return str(value)
    return value


def _unknown(where: tuple[int | str, ...]) -> str:
    """What to say of a name that is no setting: the names that look like it, else those beside it."""
    section: type[BaseModel] = Settings
    for part in where[:-1]:
        inner = section.model_fields[str(part)].annotation if part in section.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return "there is no such setting"
        section = inner
    like = difflib.get_close_matches(str(where[-1]), section.model_fields, n=1)
    others = f"did you mean {like[0]!r}?" if like else f"there are {', '.join(section.model_fields)}"
    return f"there is no such setting ({others})"


def load_settings(**overrides: Any) -> Settings:
    """The settings in force.

    Raises:
        BadInput: a value or a name in the file or the environment is wrong; the text names it.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        variable = f"OPENDEEP_{name.upper().replace('.', '__')}"
        wrong = _unknown(first["loc"]) if first["type"] == "extra_forbidden" else first["msg"].lower()
        raise BadInput(
            f"setting {name!r}: {wrong}",
            do=f"correct it in {config_file()} or in the environment variable {variable}",
        ) from None
    except SettingsError as error:
        raise BadInput(f"a variable of the environment cannot be read ({error})", do="give valid JSON there") from None
    except UnicodeDecodeError:
        raise BadInput(f"{config_file()} is not UTF-8 text", do="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{config_file()} is not valid TOML ({error})", do="correct that line") from None
    if settings.voice.api_key is None and (key := os.environ.get("OPENAI_API_KEY")):
        voice = settings.voice.model_copy(update={"api_key": SecretStr(key)})
        settings = settings.model_copy(update={"voice": voice})
    return settings


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

"""Settings: every value that can be set, with its unit, its default, what it may be, and why it is so."""

from __future__ import annotations

import itertools
import json
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from docs.reference.texts import about, beside
from opendeep_kit.config import Settings

INTRO = """# Settings

They stand in one file, `opendeep.toml`, in the folder you start `opendeep` in, or in the one that `OPENDEEP_CONFIG`
names. The environment wins over the file, an option of a command over both. What has no value here has the default.
A name that does not exist is refused, with the one you may have meant.

```toml title="opendeep.toml"
[voice]
provider = "realtime"

[call]
max_duration_s = 300
```

The same in the environment: `OPENDEEP_VOICE__PROVIDER=realtime`, `OPENDEEP_CALL__MAX_DURATION_S=300`. Lists and
tables are written as JSON there. Passwords and keys are never printed; `OPENAI_API_KEY` stands in for `voice.api_key`.
"""
UNITS = {
    "_minor_per_million": "minor units (cents) per million tokens",
    "_per_s": "per second",
    "_ms": "milliseconds",
    "_s": "seconds",
    "_port": "a port",
}
"""What the end of a name says, the longest first."""
PLAIN = {str: "text", int: "whole number", float: "number", Path: "path", SecretStr: "secret"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value."""

    name: str
    """As in the file, dotted; `<…>` stands for a key of yours."""
    variable: str
    """As in the environment."""
    default: str
    allowed: str
    """What it may be, unit included."""
    text: str


def settings() -> list[tuple[str, str, list[Setting]]]:
    """Every section: its name, what it is, and its settings."""
    sections = []
    loose = []
    for name, field in Settings.model_fields.items():
        model = _model(field.annotation)
        if model is None:
            loose.append(_setting((name,), field, beside(Settings).get(name, "")))
        else:
            head = f"prices.<{KEYS[name]}>" if name in KEYS else name
            sections.append((head, about(model), list(_of(model, (name,)))))
    return [("", "Beside the sections.", loose), *sections]


KEYS = {"prices": "model", "trunks": "trunk", "passwords": "tenant"}
"""What the keys of a table mean."""


def _of(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[Setting]:
    path = (*path, f"<{KEYS[path[-1]]}>") if path[-1] in KEYS else path
    for name, field in model.model_fields.items():
        inner = _model(field.annotation)
        if inner is None:
            yield _setting((*path, name), field, beside(model).get(name, ""))
        else:
            yield from _of(inner, (*path, name))


def _model(annotation: Any) -> type[BaseModel] | None:
    """The section that the type holds, itself or as a table's values."""
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _setting(path: tuple[str, ...], field: FieldInfo, text: str) -> Setting:
    # A key of one's own may hold a dot or a dash: such a table is one variable, as JSON.
    named = [*itertools.takewhile(lambda step: not step.startswith("<"), path)]
    variable = f"OPENDEEP_{'__'.join(named).upper()}" + (" as JSON" if len(named) < len(path) else "")
    return Setting(
        name=".".join(path), variable=variable, default=_default(field), allowed=_allowed(path[-1], field), text=text
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "default: none"
    shown = str(value) if isinstance(value, Path) else json.dumps(value, default=_plain)
    return f"default `{shown}`"


def _plain(value: object) -> object:
    return value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else str(value)


def _allowed(name: str, field: FieldInfo) -> str:
    unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
    bounds = _bounds(field)
    kind = _kind(field.annotation)
    if unit:
        kind = (
            unit if kind in (PLAIN[int], PLAIN[float]) else kind.replace(PLAIN[int], unit).replace(PLAIN[float], unit)
        )
    return f"{kind}, {bounds}" if bounds else kind


def _kind(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is bool:
        return "true or false"
    if annotation in PLAIN:
        return PLAIN[annotation]
    if origin is Annotated:
        return _kind(inner[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys("none" if part is type(None) else _kind(part) for part in inner))
    if origin is tuple:
        return f"list of {_kind(inner[0])}"
    if origin is dict:
        return f"table of {_kind(inner[1])}"
    raise TypeError(f"no words for {annotation}: add them here")


def _bounds(field: FieldInfo) -> str:
    least, most, pattern = "", "", ""
    for part in field.metadata:
        if (value := getattr(part, "ge", None)) is not None:
            least = f"at least {value:g}"
        if (value := getattr(part, "gt", None)) is not None:
            least = f"above {value:g}"
        if (value := getattr(part, "le", None)) is not None:
            most = f"at most {value:g}"
        pattern = getattr(part, "pattern", None) or pattern
    return ", ".join(filter(None, (least, most, pattern and f"like `{pattern}`")))


def undocumented() -> list[str]:
    """Settings and sections without a text."""
    return [
        name
        for section, text, inside in settings()
        for name in ([] if text else [section]) + [setting.name for setting in inside if not setting.text]
    ]


def page() -> str:
    """The page."""
    lines = [INTRO]
    for section, text, inside in settings():
        lines += [f"## `{section}`" if section else "## Top level", "", text, ""]
        for setting in inside:
            anchor = setting.name.replace("<", "").replace(">", "")
            lines += [
                f"`{setting.name}` {{ #{anchor} }}",
                "",
                f":   {setting.text}",
                "",
                f"    {setting.allowed}; {setting.default}; `{setting.variable}`",
                "",
            ]
    return "\n".join(lines)

"""The local Realtime server's errors, where OpenAI would refuse a client event.

Given the details, builds an error in OpenAI's words and codes, which clients match on. Never decides whether to refuse.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from opendeep_kit.errors import BadInput

_KINDS = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_ORDER = ("extra_forbidden", "union_tag_invalid", "missing", "union_tag_not_found")
"""Of several mistakes, the first of these is reported: an update in the old dialect shows best in its unknown names."""


class Rejected(BadInput):
    """A client event that is answered with an `error` event; the session continues."""

    def __init__(self, message: str, *, code: str, param: str | None = None, event_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.event_id = event_id

    def to_event(self) -> dict[str, Any]:
        """The `error` event, without its own id."""
        return error_event(self.message, code=self.code, param=self.param, event_id=self.event_id)


def error_event(
    message: str,
    *,
    code: str,
    kind: str = "invalid_request_error",
    param: str | None = None,
    event_id: str | None = None,
) -> dict[str, Any]:
    """An `error` event, without its own id."""
    error = {"type": kind, "code": code, "message": message, "param": param, "event_id": event_id}
    return {"type": "error", "error": error}


def nothing_to_cancel() -> Rejected:
    """There is no response to cancel. Clients match on the words "Cancellation failed" or on the code."""
    return Rejected("Cancellation failed: no active response found", code="response_cancel_not_active")


def already_responding(response_id: str) -> Rejected:
    """A second simultaneous response was requested."""
    return Rejected(
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one.",
        code="conversation_already_has_active_response",
    )


def truncated_too_late(has_ms: float, asked_ms: int) -> Rejected:
    """`audio_end_ms` is past the item's end."""
    return Rejected(
        f"Audio content of {int(has_ms)}ms is already shorter than {asked_ms}ms",
        code="invalid_value",
        param="audio_end_ms",
    )


def not_model_audio() -> Rejected:
    """The item to truncate is not model speech."""
    return Rejected("Only model output audio messages can be truncated", code="unsupported_content_type")


def no_such_item(doing: str, item_id: str) -> Rejected:
    """`doing` is `deleting`, `truncating`, `retrieving` or `adding`."""
    verb = {"deleting": "delete", "truncating": "truncate", "retrieving": "retrieve", "adding": "create"}[doing]
    what = "previous item" if doing == "adding" else "item"
    return Rejected(
        f"Error {doing} item: the {what} with id '{item_id}' does not exist.",
        code=f"item_{verb}_invalid_item_id",
        param="previous_item_id" if doing == "adding" else "item_id",
    )


def item_exists(item_id: str) -> Rejected:
    """The client chose an id that exists."""
    return Rejected(
        f"Error adding item: an item with id '{item_id}' already exists.",
        code="item_create_duplicate_item_id",
        param="item.id",
    )


def too_little_sound(has_ms: float) -> Rejected:
    """A commit needs 100 ms."""
    return Rejected(
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        f"but buffer only has {has_ms:.2f}ms of audio.",
        code="input_audio_buffer_commit_empty",
    )


def not_audio(param: str) -> Rejected:
    """The base64 is invalid, or not a whole number of samples."""
    return Rejected(
        f"Invalid '{param}'. Expected base64-encoded audio bytes, but got an invalid value.",
        code="invalid_value",
        param=param,
    )


def voice_is_fixed() -> Rejected:
    """The voice cannot change once the assistant has spoken."""
    return Rejected(
        "Cannot update a conversation's voice if assistant audio is present.",
        code="cannot_update_voice",
        param="session.audio.output.voice",
    )


def from_validation(error: ValidationError, event_id: str | None, fields: frozenset[str]) -> Rejected:
    """The first mistake of a client event, worded like OpenAI. `fields` are the protocol's names."""
    mistakes = error.errors(include_url=False)
    rank = {kind: place for place, kind in enumerate(_ORDER)}
    first = min(mistakes, key=lambda detail: rank.get(detail["type"], len(_ORDER)))
    kind, context = first["type"], first.get("ctx") or {}
    param = _path(first["loc"], fields, ends_unknown=kind == "extra_forbidden")
    if kind == "json_invalid":
        return Rejected("Invalid JSON: the message is not a JSON object.", code="invalid_json")
    if kind == "extra_forbidden":
        return Rejected(f"Unknown parameter: '{param}'.", code="unknown_parameter", param=param, event_id=event_id)
    if kind in ("missing", "union_tag_not_found"):
        name = param if kind == "missing" else f"{param}.type".lstrip(".")
        text = f"Missing required parameter: '{name}'."
        return Rejected(text, code="missing_required_parameter", param=name, event_id=event_id)
    if kind == "union_tag_invalid":
        param = f"{param}.type".lstrip(".")
        text = f"Invalid value: '{context['tag']}'. Supported values are: {_listed(context['expected_tags'])}."
        return Rejected(text, code="invalid_value", param=param, event_id=event_id)
    if kind == "literal_error":
        text = f"Invalid value: {_given(first['input'])}. Supported values are: {_listed(context['expected'])}."
        return Rejected(text, code="invalid_value", param=param, event_id=event_id)
    if kind in _KINDS:
        text = f"Invalid type for '{param}': expected {_KINDS[kind]}, but got {_kind(first['input'])} instead."
        return Rejected(text, code="invalid_type", param=param, event_id=event_id)
    text = f"Invalid '{param}': {first['msg'][0].lower()}{first['msg'][1:]}."
    return Rejected(text, code="invalid_value", param=param, event_id=event_id)


def _path(loc: tuple[int | str, ...], fields: frozenset[str], *, ends_unknown: bool) -> str:
    """`session.tools[0].name`: the path without the union branches that pydantic includes."""
    path = ""
    for place, part in enumerate(loc):
        if isinstance(part, int):
            path += f"[{part}]"
        elif part in fields or (ends_unknown and place == len(loc) - 1):
            path += f".{part}"
    return path.lstrip(".")


def _listed(expected: str) -> str:
    """pydantic's `'a', 'b' or 'c'` as OpenAI's `'a', 'b', and 'c'`."""
    names = expected.replace(" or ", ", ").split(", ")
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f", and {names[-1]}"


def _given(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else "null" if value is None else str(value)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    kinds = ((bool, "a boolean"), (int, "an integer"), (float, "a decimal number"), (str, "a string"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "an array or object")

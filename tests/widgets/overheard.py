"""A board or ticker without a browser: what it sends is kept, and a browser's message is played to it."""

from typing import Any, TypeVar

import anywidget

W = TypeVar("W", bound=anywidget.AnyWidget)


def overheard(widget: W) -> list[dict[str, Any]]:
    """From now on, the messages this widget sends to its browser."""
    sent: list[dict[str, Any]] = []

    def keep(content: dict[str, Any], buffers: Any = None) -> None:
        sent.append(content)

    widget.send = keep
    return sent


def browser_says(widget: anywidget.AnyWidget, content: Any) -> None:
    """A message from the browser."""
    widget._handle_custom_msg(content, [])


def act(what: str, **fields: str) -> dict[str, str]:
    """What a board's page sends."""
    return {"kind": "act", "ask": "a-1", "what": what} | fields

"""The agent's mind on any OpenAI-compatible chat endpoint, tools included.

Given the session's instructions, tools and history, streams one completion and yields each sentence as soon as it is
complete. Keeps nothing between responses.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import openai

from opendeep_kit.errors import Unavailable
from opendeep_kit.rehearsal.engines import ReplyRequest, Say, Turn, TurnRole, UseTool
from opendeep_kit.settings import LlmSettings

CALLEE_WAITS = "(The callee has picked up and waits.)"
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class ChatDialogue:
    """A `Dialogue` of a text model (`/v1/chat/completions`, which every compatible server has)."""

    def __init__(self, settings: LlmSettings) -> None:
        key = settings.api_key.get_secret_value() if settings.api_key else "none"
        self._client = openai.AsyncOpenAI(
            base_url=settings.base_url, api_key=key, timeout=settings.timeout_s, max_retries=1
        )
        self._model = settings.model

    async def close(self) -> None:
        """Close the connection to the endpoint."""
        await self._client.close()

    async def reply(self, request: ReplyRequest) -> AsyncIterator[Say | UseTool]:
        """One response."""
        extra: dict[str, Any] = {"tools": [_tool(tool) for tool in request.tools]} if request.tools else {}
        text = ""
        calls: dict[int, tuple[str, str]] = {}
        try:
            stream = await self._client.chat.completions.create(
                model=self._model, messages=messages(request), stream=True, **extra
            )
            async for chunk in stream:
                if not chunk.choices:
                    continue
                delta = chunk.choices[0].delta
                text += delta.content or ""
                *whole, text = _SENTENCE_END.split(text)
                for sentence in whole:
                    yield Say(sentence)
                for part in delta.tool_calls or ():
                    name, arguments = calls.get(part.index, ("", ""))
                    given = part.function
                    calls[part.index] = (
                        name + ((given.name or "") if given else ""),
                        arguments + ((given.arguments or "") if given else ""),
                    )
        except openai.OpenAIError as error:
            raise Unavailable(
                f"the text model does not answer ({type(error).__name__})",
                do="check llm.base_url, llm.model and its key",
            ) from None
        if text.strip():
            yield Say(text.strip())
        for name, arguments in calls.values():
            yield UseTool(name, arguments or "{}")


def messages(request: ReplyRequest) -> list[Any]:
    """The conversation in the form of chat completions."""
    system = request.instructions
    if request.is_one_off:
        system = f"{request.session_instructions}\n\nNow do just this: {request.instructions}"
    chat: list[Any] = [{"role": "system", "content": system}]
    outputs = {turn.tool_call_id: turn for turn in request.history if turn.role is TurnRole.TOOL_OUTPUT}
    for turn in request.history:
        if turn.role is TurnRole.TOOL_CALL:
            # The endpoint refuses a call without its result, and anything between the two.
            if output := outputs.get(turn.tool_call_id):
                chat += [_message(turn), _message(output)]
        elif turn.role is not TurnRole.TOOL_OUTPUT:
            chat.append(_message(turn))
    if all(message["role"] == "system" for message in chat):
        # Some endpoints (Gemini, many chat templates) only answer a user.
        chat.append({"role": "user", "content": CALLEE_WAITS})
    return chat


def _message(turn: Turn) -> dict[str, Any]:
    match turn.role:
        case TurnRole.TOOL_CALL:
            function = {"name": turn.tool, "arguments": turn.text}
            call = {"id": turn.tool_call_id, "type": "function", "function": function}
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        case TurnRole.TOOL_OUTPUT:
            return {"role": "tool", "tool_call_id": turn.tool_call_id, "content": turn.text}
        case TurnRole.ASSISTANT:
            return {"role": "assistant", "content": f"{turn.text} [interrupted]" if turn.is_cut else turn.text}
        case TurnRole.USER | TurnRole.SYSTEM:
            return {"role": str(turn.role), "content": turn.text or "(unintelligible)"}


def _tool(tool: Any) -> dict[str, Any]:
    """A Realtime tool in the form of chat completions (there it is nested under "function")."""
    return {
        "type": "function",
        "function": {key: tool[key] for key in ("name", "description", "parameters") if key in tool},
    }

"""The client events of the OpenAI Realtime GA protocol, as the server reads them.

Given a frame's text, returns one of the events below or refuses it in OpenAI's words. Never acts on it: whether an
event is possible now is for the session to decide. Source: the shapes of `openai.types.realtime`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from opendeep_kit.rehearsal.realtime.rejections import from_validation
from opendeep_kit.tasks.prompt import SpokenTask


class Shape(BaseModel):
    """Unknown names are refused, as OpenAI does; strings are not converted to numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# ---- the session's parts ----------------------------------------------------------------------------


class Pcm(Shape):
    """16 bit little-endian mono; no other rate exists."""

    type: Literal["audio/pcm"]
    rate: Literal[24000] = 24000


class Pcmu(Shape):
    """G.711 µ-law at 8 kHz."""

    type: Literal["audio/pcmu"]


class Pcma(Shape):
    """G.711 A-law at 8 kHz."""

    type: Literal["audio/pcma"]


AudioFormat = Annotated[Pcm | Pcmu | Pcma, Field(discriminator="type")]


class ServerVad(Shape):
    """Turns end with silence."""

    type: Literal["server_vad"]
    threshold: float = Field(0.5, ge=0, le=1)
    prefix_padding_ms: int = Field(300, ge=0)
    silence_duration_ms: int = Field(500, ge=0)
    idle_timeout_ms: int | None = Field(None, gt=0)
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(Shape):
    """Turns end when the words sound finished; here: after a silence that `eagerness` chooses."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


class NoiseReduction(Shape):
    """Accepted and echoed; the local ears ignore it."""

    type: Literal["near_field", "far_field"]
    strength: float = Field(1.0, ge=0)


class Transcription(Shape):
    """Whether and how the callee's words are sent to the client."""

    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    prompt: str | None = None
    keywords: list[str] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class AudioInput(Shape):
    """How the client sends sound."""

    format: AudioFormat = Pcm(type="audio/pcm")
    noise_reduction: NoiseReduction | None = None
    transcription: Transcription | None = None
    turn_detection: Annotated[ServerVad | SemanticVad, Field(discriminator="type")] | None = None


class CustomVoice(Shape):
    """A customer's own voice."""

    id: str


class AudioOutput(Shape):
    """How the client wants to receive sound."""

    format: AudioFormat = Pcm(type="audio/pcm")
    voice: str | CustomVoice = "marin"
    speed: float = Field(1.0, ge=0.25, le=1.5)


class Audio(Shape):
    """Sound in both directions."""

    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class FunctionTool(Shape):
    """A tool; not nested under `function` as in Chat Completions."""

    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: dict[str, Any] = {}


class ChosenFunction(Shape):
    """The one tool that must be called."""

    type: Literal["function"]
    name: str


class SessionUpdate(Shape):
    """The session settings to change; what is not named stays."""

    type: Literal["realtime", "transcription"]
    model: str = ""
    output_modalities: Annotated[list[Literal["text", "audio"]], Field(min_length=1, max_length=1)] = ["audio"]
    instructions: str = ""
    audio: Audio = Audio()
    tools: list[FunctionTool] = []
    tool_choice: Literal["none", "auto", "required"] | ChosenFunction = "auto"
    parallel_tool_calls: bool = True
    reasoning: dict[str, Any] | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] = "inf"
    truncation: Literal["auto", "disabled"] | dict[str, Any] = "auto"
    tracing: Literal["auto"] | dict[str, Any] | None = None
    include: list[Literal["item.input_audio_transcription.logprobs"]] | None = None
    prompt: dict[str, Any] | None = None
    opendeep_task: SpokenTask | None = None
    """Not OpenAI's: our own client adds the call's task in structure, for the mind that follows rules."""


# ---- items ------------------------------------------------------------------------------------------


class Content(Shape):
    """A part of a message."""

    type: Literal["input_text", "input_audio", "input_image", "output_text"]
    text: str | None = None
    audio: str | None = None
    transcript: str | None = None
    image_url: str | None = None
    detail: Literal["auto", "low", "high"] | None = None


class ItemShape(Shape):
    """What every item may carry."""

    id: str = Field("", max_length=64)
    object: Literal["realtime.item"] = "realtime.item"
    status: Literal["completed", "incomplete", "in_progress"] = "completed"


class Message(ItemShape):
    """Somebody's words or sound."""

    type: Literal["message"]
    role: Literal["system", "user", "assistant"]
    content: list[Content]


class FunctionCall(ItemShape):
    """An earlier tool call."""

    type: Literal["function_call"]
    name: str
    arguments: str
    call_id: str = ""


class FunctionCallOutput(ItemShape):
    """What a tool returned."""

    type: Literal["function_call_output"]
    call_id: str
    output: str


class ItemReference(Shape):
    """An item of the session, in a response's own input."""

    type: Literal["item_reference"]
    id: str


NewItem = Annotated[Message | FunctionCall | FunctionCallOutput, Field(discriminator="type")]
InputItem = Annotated[Message | FunctionCall | FunctionCallOutput | ItemReference, Field(discriminator="type")]


class ResponseAudio(Shape):
    """A response's own way of speaking."""

    output: AudioOutput = AudioOutput()


class ResponseParams(Shape):
    """Settings for this response only."""

    conversation: Literal["auto", "none"] = "auto"
    instructions: str | None = None
    input: list[InputItem] | None = None
    tools: list[FunctionTool] | None = None
    tool_choice: Literal["none", "auto", "required"] | ChosenFunction | None = None
    output_modalities: Annotated[list[Literal["text", "audio"]], Field(min_length=1, max_length=1)] | None = None
    audio: ResponseAudio | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    reasoning: dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None


# ---- the events -------------------------------------------------------------------------------------


class ClientShape(Shape):
    """A client event may carry an id, which errors refer to."""

    event_id: str | None = None


class UpdateSession(ClientShape):
    """Change the session."""

    type: Literal["session.update"]
    session: SessionUpdate


class AppendAudio(ClientShape):
    """More sound, as base64; never acknowledged."""

    type: Literal["input_audio_buffer.append"]
    audio: str


class CommitAudio(ClientShape):
    """Make the sound so far a turn."""

    type: Literal["input_audio_buffer.commit"]


class ClearAudio(ClientShape):
    """Discard the sound so far."""

    type: Literal["input_audio_buffer.clear"]


class CreateItem(ClientShape):
    """Add an item to the conversation."""

    type: Literal["conversation.item.create"]
    item: NewItem
    previous_item_id: str | None = None


class RetrieveItem(ClientShape):
    """Return an item, sound included."""

    type: Literal["conversation.item.retrieve"]
    item_id: str


class TruncateItem(ClientShape):
    """Discard the unheard part of a model's utterance."""

    type: Literal["conversation.item.truncate"]
    item_id: str
    content_index: int = Field(ge=0)
    audio_end_ms: int = Field(ge=0)


class DeleteItem(ClientShape):
    """Delete an item."""

    type: Literal["conversation.item.delete"]
    item_id: str


class CreateResponse(ClientShape):
    """Make the model reply."""

    type: Literal["response.create"]
    response: ResponseParams = ResponseParams()


class CancelResponse(ClientShape):
    """Stop a reply; without an id, the one in the conversation."""

    type: Literal["response.cancel"]
    response_id: str | None = None


ClientEvent = (
    UpdateSession
    | AppendAudio
    | CommitAudio
    | ClearAudio
    | CreateItem
    | RetrieveItem
    | TruncateItem
    | DeleteItem
    | CreateResponse
    | CancelResponse
)
_FIELDS = frozenset(
    name
    for shape in (*Shape.__subclasses__(), *ItemShape.__subclasses__(), *ClientShape.__subclasses__())
    for name in shape.model_fields
)
_adapter: TypeAdapter[ClientEvent] = TypeAdapter(Annotated[ClientEvent, Field(discriminator="type")])


def parse(frame: str | bytes) -> ClientEvent:
    """The event in this frame.

    Raises:
        Rejected: it is not a valid event; carries the client's `event_id` when there was one.
    """
    try:
        return _adapter.validate_json(frame)
    except ValidationError as error:
        raise from_validation(error, _event_id(frame), _FIELDS) from None


def _event_id(frame: str | bytes) -> str | None:
    try:
        given = msgspec.json.decode(frame)
    except msgspec.DecodeError:
        return None
    event_id = given.get("event_id") if isinstance(given, dict) else None
    return event_id if isinstance(event_id, str) else None

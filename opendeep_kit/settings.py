"""All settings by section, with units and reasons beside each value.

Pure: values come from `config.py`. Secrets are `SecretStr`, which every repr masks.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from opendeep_kit.numbers import is_e164

LineFormat = Literal["slin", "slin16", "slin24", "slin48"]
NO_TRUNK = "no trunk is configured"
SET_TRUNK = "set asterisk.trunk_host, or asterisk.ami_host for an Asterisk of your own"


def _address(value: str) -> str:
    if not re.fullmatch(r"https?://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/\S*)?", value):
        raise PydanticCustomError("address", "it should be an address such as http://localhost:8000/v1")
    return value


def _caller_id(value: str) -> str:
    if value and not is_e164(value):
        raise PydanticCustomError("caller_id", "it should be +, country code and digits, such as +4930123456, or empty")
    return value


Address = Annotated[str, AfterValidator(_address)]
"""Base URL of a model server."""
CallerId = Annotated[str, AfterValidator(_caller_id)]
"""Our number as SIP carries it."""


class Section(BaseModel):
    """A frozen part of the settings; unknown names are refused, so that typos show."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PhoneSettings(Section):
    """The AudioSocket server."""

    host: str = "127.0.0.1"
    """AudioSocket has no password or encryption: keep it on loopback unless the network is isolated."""
    advertise_host: str = ""
    """Where the line reaches this host's media workers, if not at `host`: needed with 0.0.0.0."""
    port: int = Field(0, ge=0, le=65535)
    """0 picks a free port."""
    line_format: LineFormat = "slin24"
    """24 kHz is the model's own rate: nothing is resampled in Python."""
    handshake_timeout_s: float = Field(2.0, gt=0)
    """A connection that sends no UUID within this time is closed."""
    max_connections: int = Field(200, ge=1)
    """Further connections are accepted and closed at once (a refused connect hurts Asterisk: `docs/measured.md`)."""
    expected_within_s: float = Field(120.0, gt=0)
    """A call's UUID is admitted once, within this time after it was issued."""


class AsteriskSettings(Section):
    """The telephone exchange: our own Asterisk, or an existing one."""

    program: Literal["auto", "install", "system"] = "auto"
    """`install` needs no root; `system` uses the host's; `auto` installs, or uses the host's where it cannot."""
    folder: Path = Path(".cache/asterisk")
    """Where Asterisk is installed, beside its packages (reinstalling needs no network)."""
    mirror: str | None = None
    """URL of a Debian mirror; None takes the one in the host's apt configuration."""
    run_dir: Path | None = None
    """Parent of the instances' folders; keep it short, a socket's path may have 107 characters. None: `asterisk` in the
    data folder, so that each data folder has its own exchange."""
    ami_host: str | None = None
    """Your own Asterisk; None starts ours."""
    ami_port: int = Field(5038, ge=1, le=65535)
    """Your Asterisk's AMI port; ours picks a free one."""
    ami_user: str = "opendeep"
    """It needs `read = system,call` and `write = originate,call,reporting`, nothing more."""
    ami_secret: SecretStr | None = None
    """That user's password in `manager.conf`."""
    structure: Literal["channel_driver", "local_and_app"] = "channel_driver"
    """How a call reaches AudioSocket: `AudioSocket/…/c(slin24)`, or `Local/s@opendeep-ai-leg` and the application."""
    amd: bool = False
    """Asterisk listens for an answering machine first: a hint, at the price of two seconds of silence."""
    trunk_host: str | None = None
    """SIP host of your carrier; None reaches simulated callees only."""
    trunk_port: int = Field(5060, ge=1, le=65535)
    """SIP over UDP; most carriers listen on 5060."""
    trunk_user: str = ""
    """Empty for a carrier that identifies us by our address."""
    trunk_secret: SecretStr | None = None
    """The password that goes with `trunk_user`."""
    trunk_registers: bool = False
    """Some carriers require a REGISTER before they accept calls."""
    trunk_codecs: tuple[Literal["ulaw", "alaw", "g722"], ...] = ("ulaw", "alaw")
    """In order of preference."""
    external_address: str = ""
    """Our address as the carrier sees it, when this machine is behind NAT."""
    caller_id: CallerId = ""
    """Number shown to callees; empty leaves it to the carrier."""

    @property
    def leads_to_people(self) -> bool:
        """Whether real telephones may be behind it: an Asterisk of your own, or a carrier."""
        return self.ami_host is not None or self.trunk_host is not None


class CallSettings(Section):
    """One live call."""

    lead_ms: int = Field(20, ge=0, le=60)
    """How far ahead of the clock sound is sent: bridges stalls, but cannot be taken back at barge-in."""
    downlink_ms: int = Field(60, ge=0, le=1000)
    """Assumed delay from our socket to the callee's ear: biases "heard" towards less."""
    ring_limit_s: float = Field(30.0, gt=0, le=120)
    """Ringing for longer counts as not answered."""
    greeting_wait_s: float = Field(1.5, ge=0)
    """After the answer the callee may say "hello" first; then the agent opens."""
    max_duration_s: float = Field(600.0, gt=0)
    """From the answer; then the line is cut, so that no endless conversation costs an hour. A task may set less."""
    silence_nudge_s: float = Field(7.0, gt=0)
    """After this much silence on both sides the agent asks whether the callee is still there."""
    max_nudges: int = Field(2, ge=0)
    """After this many unanswered nudges the call ends."""
    goodbye_limit_s: float = Field(15.0, gt=0)
    """The line is cut at the latest this long after `end_call`."""
    tool_timeout_s: float = Field(8.0, gt=0)
    """A slower tool is reported to the model as failed; the call goes on."""
    chunk_ms: Literal[20, 40, 100] = 40
    """Sound sent to the model per message; 40 costs half of 20 and delays detection by 20 ms at most."""


class TurnDetection(Section):
    """How the model's side decides that the callee has finished speaking."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    """`server_vad` waits for silence; `semantic_vad` also weighs whether the sentence sounds finished."""
    threshold: float = Field(0.5, ge=0, le=1)
    """server_vad only: how sure it must be that this is speech; raise it where callees stand in noise."""
    prefix_padding_ms: int = Field(300, ge=0)
    """server_vad only: sound before the detected start that belongs to the turn, or first syllables are lost."""
    silence_duration_ms: int = Field(500, ge=50)
    """server_vad only: silence that ends a turn. Shorter means faster replies, but cuts into pauses for thought."""
    idle_timeout_ms: int | None = Field(None, ge=5000, le=30000)
    """server_vad only; None leaves silence to our own timer, which works with every server."""
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    """semantic_vad only."""
    interrupt_response: bool = True
    """The callee's voice stops the agent: barge-in."""
    create_response: bool = True
    """The end of the callee's turn makes the agent reply."""


class VoiceSettings(Section):
    """The Realtime voice model."""

    provider: Literal["local", "realtime"] = "local"
    """`local` is the embedded server, which costs nothing; `realtime` is OpenAI or any compatible server."""
    base_url: Address | None = None
    """Base URL of a compatible server; None means OpenAI. The embedded server sets its own."""
    api_key: SecretStr | None = None
    """Default: the environment variable OPENAI_API_KEY."""
    model: str = "gpt-realtime-2.1"
    """Fixed for a session; which models exist depends on the server."""
    voice: str = "marin"
    """One of the model's voices; it cannot change once the agent has spoken."""
    speed: float = Field(1.0, ge=0.25, le=1.5)
    """1 is the voice's natural speed."""
    audio_format: Literal["pcm24", "pcmu", "pcma"] = "pcm24"
    """G.711 saves bandwidth on 8 kHz lines."""
    noise_reduction: Literal["near_field", "far_field"] | None = None
    """None: off, because the telephone has already filtered the sound."""
    transcription_model: str | None = "gpt-live-transcribe"
    """Transcribes the callee; None leaves transcripts without the callee's words."""
    turn_detection: TurnDetection = TurnDetection()
    """Always sent in full, because servers' defaults differ from model to model."""
    max_output_tokens: int | Literal["inf"] = "inf"
    """Per reply; `inf` is the model's own limit."""
    connect_timeout_s: float = Field(10.0, gt=0)
    """For the first connection and for each reconnection."""
    reconnect_attempts: int = Field(12, ge=0)
    """When the connection breaks during a call; with backoff."""
    reconnect_within_s: float = Field(12.0, gt=0)
    """Then the call ends politely: a longer silence is worse than a goodbye."""


class LlmSettings(Section):
    """A text model for the local dialogue, the briefing and the analysis; without one, rules do it."""

    base_url: Address | None = None
    """Base URL of any server that speaks OpenAI's chat completions; None means rules instead of a model."""
    api_key: SecretStr | None = None
    """The server's key; local servers usually need none."""
    model: str = "gpt-4.1-mini"
    """The model's name on that server."""
    timeout_s: float = Field(20.0, gt=0)
    """Per request; a request is tried twice before the model counts as unavailable."""


class RehearsalSettings(Section):
    """The local Realtime server and the simulated callees."""

    engine: Literal["speech", "tones"] = "speech"
    """`tones` hums instead of speaking and understands nothing: for load tests and many calls on a small machine."""
    realtime_port: int = Field(0, ge=0, le=65535)
    """Port of the local Realtime server; 0 picks a free one."""
    callees_port: int = Field(0, ge=0, le=65535)
    """Port of the simulated callees' AudioSocket server; 0 picks a free one."""
    audio_speed: float = Field(6.0, ge=1)
    """How much faster than real time the local model sends speech; real models do so too."""
    think_ms: int = Field(200, ge=0)
    """Pause before a reply, on top of recognition and synthesis."""
    think_jitter: float = Field(0.3, ge=0, le=2)
    """Spread of that pause: standard deviation of its logarithm; 0 makes every pause the same."""
    lead_in_ms: int = Field(120, ge=0)
    """Mean silence before the first word of a reply; drawn between a third and five thirds of it (40–200 ms)."""
    session_limit_s: float = Field(3600.0, gt=0)
    """The session is closed after this time, as OpenAI does after an hour."""
    max_sessions: int = Field(500, ge=1)
    """Further connections are refused with HTTP 503."""
    stt_model: str | None = None
    """Folder of a faster-whisper model; None uses the packaged English one."""
    tts_voice: str | None = None
    """Path of a piper .onnx voice; None uses the packaged English one."""


class FlowSettings(Section):
    """How many simultaneous calls, and how fast they may be placed."""

    max_live: int | None = Field(None, ge=0)
    """Simultaneous calls, ringing ones included; None: no limit here."""
    calls_per_s: float | None = Field(None, gt=0, le=10_000)
    """Evenly spaced; None: no limit here."""


class ServiceSettings(Section):
    """The running service: `opendeep up`."""

    media_workers: int = Field(1, ge=0, le=64)
    """Processes on this host that carry the calls' sound."""
    calls_per_worker: int = Field(40, ge=1, le=500)
    """Simultaneous calls per media worker."""
    everyone: FlowSettings = FlowSettings()
    """Limits of the whole installation."""
    trunks: dict[str, FlowSettings] = Field(default_factory=lambda: {"default": FlowSettings()})
    """Limits per trunk, by the id that campaigns name; a trunk that is missing here carries no campaign calls."""
    tick_s: float = Field(1.0, gt=0, le=60)
    """How often the planner decides whose call is next."""
    heartbeat_s: float = Field(1.0, gt=0, le=10)
    """How often each process records that it is alive, and its load."""
    worker_dead_after_s: float = Field(10.0, gt=0)
    """A media worker silent for this long gets no calls, and its calls are given up."""
    control_dead_after_s: float = Field(12.0, gt=0, le=25)
    """The calls of a control process silent for this long are taken over by the others."""
    lag_good_ms: float = Field(20.0, ge=0)
    """A media worker whose event loop lags by up to this much gets calls for all its free slots."""
    lag_bad_ms: float = Field(80.0, gt=0)
    """With this lag it gets none; in between, in proportion."""
    drain_s: float = Field(60.0, ge=0)
    """When the service stops, live calls may go on for this long; then they are hung up."""
    queue_poll_s: float = Field(0.25, gt=0, le=10)
    """How often the queue of calls to place is polled."""
    durable_url: str | None = None
    """SQLAlchemy URL of the durable queue; None: beside the record, a SQLite file or the same PostgreSQL."""


class StoreSettings(Section):
    """The system of record."""

    url: str | None = None
    """SQLAlchemy URL; None is a SQLite file in the data folder."""


class Price(Section):
    """What a voice model's tokens cost, from your contract: we cannot know it."""

    input_minor_per_million: float = Field(ge=0)
    """Minor units (cents) per million input tokens, audio or text."""
    output_minor_per_million: float = Field(ge=0)
    """Minor units (cents) per million output tokens."""
    currency: str = Field("USD", pattern="^[A-Z]{3}$")
    """ISO 4217."""


class DashboardSettings(Section):
    """The supervisors' dashboards: one process per tenant, behind a login."""

    tenant: str = "default"
    """Whose calls they show; a browser cannot choose another."""
    host: str = "127.0.0.1"
    """They speak plain HTTP: beyond loopback, put a TLS proxy in front of them."""
    port: int = Field(8866, ge=0, le=65535)
    """0 picks a free one. Each tenant's process needs its own."""
    passwords: dict[str, SecretStr] = Field(default_factory=dict)
    """By tenant, hashed as `jupyter_server.auth.passwd` does; a tenant without one gets one at the first start."""
    spare_kernels: int = Field(1, ge=0, le=10)
    """Kernels kept ready per board, so that it opens at once; about 90 MB each. 0 keeps none."""
    max_viewers: int = Field(40, ge=1, le=500)
    """Open pages; one more is refused with a message."""
    cull_after_s: int = Field(60, ge=5)
    """When a browser disappears, its kernel is freed after this time."""
    theme: Literal["light", "dark"] = "light"
    """Of every board, whatever the browser prefers."""

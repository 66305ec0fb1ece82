"""One live call over a real AudioSocket connection, with a voice that the test holds in its hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
import soundfile

from opendeep_kit import bridge as bridge_module
from opendeep_kit import events
from opendeep_kit.audio.pcm import level_dbfs
from opendeep_kit.audio.playout import Frame, Playout
from opendeep_kit.audio.recording import Recording
from opendeep_kit.bridge import Bridge, CallParts, Transfer
from opendeep_kit.errors import Unavailable
from opendeep_kit.events import NOT_UNDERSTOOD
from opendeep_kit.outcomes import EndedBy
from opendeep_kit.phone.audiosocket import encode_digit, encode_sound
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.settings import CallSettings, PhoneSettings
from opendeep_kit.voice import dtmf_input
from opendeep_kit.voice.call_tools import CALL_TOOLS
from opendeep_kit.voice.prepared_speech import PreparedSpeech
from opendeep_kit.voice.tools import Toolbox, tool
from tests.phone.asterisk_end import AsteriskEnd, asterisk_end, next_sound, open_files, until

RATE = 24000
CALL = "00000000-0000-0000-0000-00000000000a"
QUIET = bytes(960)
AGENT, CALLEE = b"\x00\x10" * 480, b"\x00\x20" * 480
HANG_UP = (0x00, b"")


async def slow() -> str:
    """Wait for an hour."""
    await asyncio.sleep(3600)
    return ""


class ScriptedVoice:
    """A `VoiceEngine` that does what the test says and keeps what it was given."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.frames: list[Frame] = []
        self.asked: list[str] = []
        self.coached: list[str] = []
        self.tools: list[tuple[str, str, bool]] = []
        self.is_quiet = self.is_connected = True
        self.dropped_ms = 40.0
        self.fails_with: Exception | None = None
        self._is_over = asyncio.Event()

    async def run(self) -> None:
        """Holds until closed, or fails."""
        await self._is_over.wait()
        if self.fails_with is not None:
            raise self.fails_with

    def hear(self, pcm: bytes) -> None:
        """Keeps the sound."""
        self.heard.append(pcm)

    def frame_sent(self, frame: Frame) -> None:
        """Keeps the frame."""
        self.frames.append(frame)

    def speak_now(self, instructions: str = "") -> None:
        """Keeps the request."""
        self.asked.append(instructions)

    def say(self, text: str) -> None:
        """Keeps the request."""
        self.asked.append(text)

    def coach(self, text: str) -> None:
        """Keeps the word."""
        self.coached.append(text)

    def fall_silent(self) -> None:
        """Nothing to cut."""

    def tool_finished(self, tool_call_id: str, output: str, *, wants_reply: bool) -> None:
        """Keeps the result."""
        self.tools.append((tool_call_id, output, wants_reply))

    def close(self) -> None:
        """Ends `run`."""
        self._is_over.set()

    def fail(self, error: Exception) -> None:
        """The model is lost in this way."""
        self.fails_with = error
        self._is_over.set()


@dataclass(slots=True)
class Talk:
    """Both ends of one call, and what happened."""

    peer: AsteriskEnd
    bridge: Bridge
    voice: ScriptedVoice
    playout: Playout
    connection: AudioSocketConnection
    happened: list[events.Event] = field(default_factory=list)

    def names(self) -> list[str]:
        """The happenings' names, in order."""
        return [type(event).__name__ for event in self.happened]

    def one(self, kind: type[events.Event]) -> Any:
        """The only event of this class."""
        (event,) = [event for event in self.happened if isinstance(event, kind)]
        return event


@contextlib.asynccontextmanager
async def talk(
    *,
    recording: Recording | None = None,
    goodbye: bytes = b"",
    language: str = "en",
    transfer: Transfer | None = None,
    **settings: Any,
) -> AsyncIterator[Talk]:
    """A call that is being held; afterwards it must be over, measured once, and have left nothing behind."""
    tasks, files = asyncio.all_tasks(), open_files()
    held: asyncio.Future[tuple[Bridge, AudioSocketConnection]] = asyncio.get_running_loop().create_future()
    voice, playout, happened = ScriptedVoice(), Playout(RATE), []
    parts = CallParts(
        call_id=CALL,
        settings=CallSettings(**settings),
        line_rate_hz=RATE,
        playout=playout,
        toolbox=Toolbox([*CALL_TOOLS, tool(slow)]),
        emit=happened.append,
        recording=recording,
        language=language,
        goodbye=PreparedSpeech(goodbye, "Goodbye."),
        transfer=transfer,
        transfer_to="+12125550101",
    )

    async def admit(call_id: UUID) -> bool:
        return True

    async def hold(connection: AudioSocketConnection) -> None:
        bridge = Bridge(parts, connection)
        held.set_result((bridge, connection))
        await bridge.run(voice)

    async with (
        AudioSocketServer(admit=admit, handle=hold, settings=PhoneSettings()) as server,
        asterisk_end(server.port, uuid4()) as peer,
    ):
        bridge, connection = await held
        yield Talk(peer, bridge, voice, playout, connection, happened)
        peer.writer.close()
    assert [type(event).__name__ for event in happened].count("MediaMeasured") == 1
    assert asyncio.all_tasks() == tasks
    if recording is None:
        await until(lambda: open_files() == files)


async def hear_frames(peer: AsteriskEnd, count: int) -> list[bytes]:
    """The next so many frames; each must be 20 ms."""
    frames = [await peer.message() for _ in range(count)]
    assert {(kind, len(pcm)) for kind, pcm in frames} == {(0x13, 960)}
    return [pcm for _, pcm in frames]


def speak(call: Talk, ms: int, item: str = "a1") -> None:
    """The agent says something of this length."""
    call.playout.add("r1", item, 0, AGENT * (ms // 20))
    call.playout.complete(item, 0)


# ---- sound ------------------------------------------------------------------------------------------


async def test_silence_from_start_to_end() -> None:
    """With nothing to say the line still gets its 50 frames a second, none twice and none too early."""
    loop = asyncio.get_running_loop()
    before = loop.time()
    async with talk(lead_ms=20) as call:
        frames = await hear_frames(call.peer, 25)
        elapsed_s = loop.time() - before
        call.bridge.hang_up(EndedBy.SUPERVISOR, "enough")
        rest = await call.peer.until_closed()

    measured = call.one(events.MediaMeasured)
    assert set(frames) == {QUIET}
    assert rest[-1] == HANG_UP
    assert elapsed_s >= (25 - 3) * 0.02
    assert measured.frames_sent == 25 + len(rest) - 1
    assert measured.frames_sent <= measured.at_ms / 20 + 2


async def test_agents_sound_reaches_the_line() -> None:
    """What the model says is played once, whole, and the engine learns of each frame that left."""
    async with talk() as call:
        call.bridge.answer()
        speak(call, 200)
        first = await next_sound(call.peer)
        rest = await hear_frames(call.peer, 12)

    assert [first[1], *rest] == [AGENT] * 10 + [QUIET] * 3
    assert [bool(frame.over) for frame in call.voice.frames] == [False] * 9 + [True]


async def test_sound_before_the_answer_is_not_speech() -> None:
    """Ringback and announcements never reach the model; the callee's first frame after the answer does."""
    async with talk() as call:
        call.peer.send(encode_sound(b"\x00\x30" * 480, RATE) * 5)
        await until(lambda: call.connection.frames_in == 5)
        call.bridge.answer()
        call.peer.send(encode_sound(CALLEE, RATE) * 3)
        await until(lambda: call.connection.frames_in == 8)

    assert [pcm for pcm in call.voice.heard if any(pcm)] == [CALLEE] * 3
    assert call.names().count("Answered") == 1


async def test_callee_whose_telephone_falls_silent_is_silent_to_the_model() -> None:
    """No frames after a word: the model hears silence instead, so that its detector can end the turn; so does ours."""
    async with talk() as call:
        call.bridge.answer()
        for _ in range(10):
            call.peer.send(encode_sound(CALLEE, RATE))
            await asyncio.sleep(0.02)
        await until(lambda: "CalleeSoundStopped" in call.names())

    assert call.connection.frames_in == 10
    assert [pcm for pcm in call.voice.heard if any(pcm)] == [CALLEE] * 10
    assert call.voice.heard[-15:] == [QUIET] * 15


async def test_nothing_is_filled_before_the_answer_or_without_a_model() -> None:
    """Silence is only made where somebody listens, and where a callee could have spoken."""
    async with talk() as call:
        await asyncio.sleep(0.4)
        call.voice.is_connected = False
        call.bridge.answer()
        await asyncio.sleep(0.4)

    assert call.voice.heard == []


async def test_callee_on_a_narrow_line_is_resampled() -> None:
    """8 kHz frames reach a 24 kHz engine in its own rate: the same second lasts a second."""
    tone = (np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000) * 8000).astype("<i2").tobytes()
    async with talk() as call:
        call.bridge.answer()
        for at in range(0, 16000, 320):
            call.peer.send(encode_sound(tone[at : at + 320], 8000))
        await until(lambda: call.connection.frames_in == 50)

    heard = b"".join(call.voice.heard)
    assert len(heard) / 48 == pytest.approx(1000, abs=15)
    assert level_dbfs(heard) == pytest.approx(level_dbfs(tone), abs=0.5)


async def test_callees_speech_is_timed() -> None:
    """Our own detector marks where the callee begins and ends, each once."""
    async with talk() as call:
        call.bridge.answer()
        for pcm in [QUIET] * 3 + [CALLEE] * 15 + [QUIET] * 35:
            call.peer.send(encode_sound(pcm, RATE))
            await asyncio.sleep(0.02)

    assert [name for name in call.names() if name.startswith("CalleeSound")] == [
        "CalleeSoundStarted",
        "CalleeSoundStopped",
    ]


async def test_recording_has_both_lanes(tmp_path: Path) -> None:
    """Left is the callee, right the agent."""
    recording = Recording(tmp_path / "call.wav", RATE)
    async with talk(recording=recording) as call:
        call.bridge.answer()
        speak(call, 200)
        for _ in range(10):
            call.peer.send(encode_sound(CALLEE, RATE))
            await asyncio.sleep(0.02)
        await until(lambda: len(call.voice.frames) == 10 and call.connection.frames_in == 10)
        await asyncio.sleep(0.04)  # the last frame left ahead of its time
    saved = await asyncio.to_thread(recording.close, call.bridge.now_ms)

    samples, rate_hz = soundfile.read(saved.path, dtype="int16")
    assert rate_hz == RATE
    assert set(np.unique(samples[:, 0])) == {0, 0x2000}
    assert set(np.unique(samples[:, 1])) == {0, 0x1000}
    assert np.count_nonzero(samples[:, 0]) == np.count_nonzero(samples[:, 1]) == 4800


async def test_media_is_measured() -> None:
    """The closing figures are those of the connection, the playout and the engine."""
    async with talk() as call:
        call.peer.send(encode_sound(QUIET, RATE) * 7)
        await until(lambda: call.connection.frames_in == 7)

    measured = call.one(events.MediaMeasured)
    assert (measured.frames_received, measured.heard_dropped_ms, measured.said_dropped_ms) == (7, 40.0, 0.0)
    assert call.names()[-1] == "MediaMeasured"


# ---- the end ----------------------------------------------------------------------------------------


async def test_callee_hangs_up() -> None:
    """A FIN ends the call as the callee's doing."""
    async with talk() as call:
        call.peer.hang_up()
        await call.peer.until_closed()
        await until(lambda: "MediaMeasured" in call.names())

    assert call.names() == ["AudioConnected", "AudioClosed", "MediaMeasured"]
    assert call.one(events.AudioClosed).reason == "peer_closed"
    assert call.bridge.ended_by is EndedBy.CALLEE


async def test_peer_vanishes_in_mid_frame() -> None:
    """A connection that ends inside a frame ends the call, and is not taken for a hang-up."""
    async with talk() as call:
        call.peer.send(encode_sound(CALLEE, RATE)[:500])
        call.peer.hang_up()
        await call.peer.until_closed()

    assert call.one(events.AudioClosed).reason == "protocol_error"


async def test_first_hang_up_counts() -> None:
    """Who hangs up on a line that is already closing did not end the call."""
    async with talk() as call:
        call.bridge.hang_up(EndedBy.SUPERVISOR, "stopped by hand")
        call.bridge.hang_up(EndedBy.LIMIT, "too late")
        await call.peer.until_closed()

    assert (call.bridge.ended_by, call.bridge.detail) == (EndedBy.SUPERVISOR, "stopped by hand")
    assert call.one(events.AudioClosed).reason == "we_hung_up"


async def test_agent_ends_the_call_after_its_goodbye() -> None:
    """`end_call` closes the line once everything was said, not before."""
    async with talk() as call:
        call.bridge.answer()
        speak(call, 400)
        call.voice.is_quiet = False
        call.bridge.run_tool("t1", "end_call", '{"reason": "completed"}')
        await until(lambda: call.voice.frames and call.voice.frames[-1].over)
        call.voice.is_quiet = True
        heard = await call.peer.until_closed()

    assert [pcm for _, pcm in heard].count(AGENT) == 20
    assert heard[-1] == HANG_UP
    assert (call.bridge.ended_by, call.bridge.detail) == (EndedBy.AGENT, "completed")


async def test_call_has_a_maximum_length() -> None:
    """At the limit the line is closed even while the agent speaks."""
    async with talk(max_duration_s=0.2) as call:
        call.bridge.answer()
        call.voice.is_quiet = False
        heard = await call.peer.until_closed()

    assert heard[-1] == HANG_UP
    assert call.bridge.ended_by is EndedBy.LIMIT


# ---- the voice --------------------------------------------------------------------------------------


async def test_voice_lost_for_good_says_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun is finished, the prepared goodbye is heard whole, and then the line is closed."""
    monkeypatch.setattr(bridge_module, "QUIET_BEFORE_HANG_UP_S", 0.1)
    goodbye = b"\x00\x08" * 480
    async with talk(goodbye=goodbye * 15) as call:
        call.bridge.answer()
        speak(call, 100)
        call.voice.fail(Unavailable("the voice model stayed away", do="start it"))
        heard = [pcm for _, pcm in await call.peer.until_closed()]

    assert [pcm for pcm in heard if any(pcm)] == [AGENT] * 5 + [goodbye] * 15
    assert heard[-1] == b""
    assert (call.bridge.ended_by, call.bridge.detail) == (EndedBy.FAILURE, "the voice model stayed away")
    assert call.one(events.ModelGivenUp).reason == "the voice model stayed away"
    assert call.names().index("ModelGivenUp") < call.names().index("AudioClosed")


async def test_voice_lost_before_the_answer_hangs_up_at_once() -> None:
    """Nobody is there to be said goodbye to."""
    async with talk(goodbye=AGENT * 100) as call:
        call.voice.fail(Unavailable("no model", do="start it"))
        heard = await call.peer.until_closed()

    assert not any(any(pcm) for _, pcm in heard)
    assert call.bridge.ended_by is EndedBy.FAILURE


async def test_bug_in_the_voice_never_leaves_a_silent_line() -> None:
    """A part that fails with anything at all ends the call instead of letting the callee wait."""
    async with talk() as call:
        call.bridge.answer()
        call.voice.fail(KeyError("delta"))
        heard = await call.peer.until_closed()

    assert heard[-1] == HANG_UP
    assert (call.bridge.ended_by, call.bridge.detail) == (EndedBy.FAILURE, "voice failed (KeyError)")


async def test_agent_opens_when_the_callee_waits() -> None:
    """After the greeting time without a word the agent is asked to speak, once."""
    async with talk(greeting_wait_s=0.1) as call:
        call.bridge.answer()
        await until(lambda: call.voice.asked)
        await asyncio.sleep(0.3)

    assert call.voice.asked == [""]


@pytest.mark.parametrize(
    ("language", "asked"),
    [
        ("en-GB", 'Say exactly: "Hello, are you still there?"'),
        ("de", 'Speak de, no English. Say in your own words: "Hello, are you still there?"'),
    ],
)
async def test_agent_asks_into_a_silence(language: str, asked: str) -> None:
    """In the language of the call; in English with these words."""
    async with talk(greeting_wait_s=0.05, silence_nudge_s=0.5, language=language) as call:
        call.bridge.answer()
        await until(lambda: len(call.voice.asked) == 2)

    assert call.voice.asked == ["", asked]


async def test_opening_waits_for_a_slow_model() -> None:
    """A model that connects after the greeting time still opens the talk."""
    async with talk(greeting_wait_s=0.05) as call:
        call.voice.is_connected = False
        call.bridge.answer()
        await asyncio.sleep(0.4)
        assert call.voice.asked == []
        call.voice.is_connected = True
        await until(lambda: call.voice.asked)

    assert call.voice.asked == [""]


async def test_keys_reach_the_model_as_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key is an event; the model is told all of them at once, when the callee is through, and asked to speak."""
    monkeypatch.setattr(dtmf_input, "PAUSE_MS", 150.0)
    async with talk() as call:
        call.bridge.answer()
        call.peer.send(encode_digit("7") + encode_digit("8"))
        await until(lambda: call.voice.coached)
        call.peer.send(encode_digit("#"))
        await until(lambda: len(call.voice.coached) == 2)

    assert [event.digit for event in call.happened if isinstance(event, events.DigitReceived)] == ["7", "8", "#"]
    assert call.voice.coached == [dtmf_input.describe_keys("78"), dtmf_input.describe_keys("#")]
    assert call.voice.asked == ["", ""]


async def test_keys_wait_for_a_model_that_is_away() -> None:
    """Pressed while there is no session, they are told to the next one."""
    async with talk() as call:
        call.bridge.answer()
        call.voice.is_connected = False
        call.peer.send(encode_digit("7") + encode_digit("#"))
        await until(lambda: call.names().count("DigitReceived") == 2)
        await asyncio.sleep(0.3)
        before = [*call.voice.coached]
        call.voice.is_connected = True
        await until(lambda: call.voice.coached)

    assert (before, call.voice.coached, call.voice.asked) == ([], [dtmf_input.describe_keys("7#")], [""])


async def test_keys_make_no_agent_speak_that_was_taken_over() -> None:
    """A supervisor leads the talk: the agent learns of the keys and stays silent."""
    async with talk() as call:
        call.bridge.answer()
        call.bridge.take_over()
        call.peer.send(encode_digit("#"))
        await until(lambda: call.voice.coached)

    assert call.voice.asked == []


# ---- tools ------------------------------------------------------------------------------------------


async def test_tool_run_is_told_in_order() -> None:
    """What a tool did comes before its return, and its result goes to the model, which then replies."""
    async with talk() as call:
        call.bridge.answer()
        call.bridge.run_tool("t1", "record_answer", '{"question": "day", "value": "Tuesday"}')
        await until(lambda: call.voice.tools)

    assert call.names()[1:4] == ["Answered", "AnswerRecorded", "ToolReturned"]
    assert call.voice.tools == [("t1", "Noted.", True)]
    assert call.one(events.AnswerRecorded).value == "Tuesday"


async def test_lost_words_are_no_evidence() -> None:
    """An opt-out rests on what the callee said: neither on words that were lost, nor on those before them."""
    async with talk() as call:
        call.bridge.answer()
        for text in ("Yes?", NOT_UNDERSTOOD):
            call.bridge.emit(events.CalleeSaid(call_id=CALL, at_ms=0, item_id="u", text=text))
        call.bridge.run_tool("t1", "do_not_call_again", '{"utterance": ""}')
        await until(lambda: "OptedOut" in call.names())

    assert call.one(events.OptedOut).utterance == ""


async def test_tool_that_fails_does_not_end_the_call() -> None:
    """A call with nonsense is told to the model, which may try again."""
    async with talk() as call:
        call.bridge.run_tool("t1", "record_answer", "{}")
        await until(lambda: call.voice.tools)
        await hear_frames(call.peer, 3)

    assert call.one(events.ToolReturned).is_failure
    assert call.voice.tools[0][2] is True


@pytest.mark.parametrize(("is_taken_over", "spoken"), [(False, [bridge_module.TRANSFER_FAILED]), (True, [])])
async def test_failed_hand_over_is_told_unless_a_person_leads(*, is_taken_over: bool, spoken: list[str]) -> None:
    """The agent speaks of it to the callee, but not into the talk of a supervisor who took over meanwhile."""
    is_asked, may_fail = asyncio.Event(), asyncio.Event()

    async def fail(target: str) -> None:
        is_asked.set()
        await may_fail.wait()
        raise Unavailable("nobody answers", do="try later")

    async with talk(transfer=fail) as call:
        call.bridge.answer()
        call.bridge.run_tool("t1", "transfer_to_human", '{"reason": "billing"}')
        async with asyncio.timeout(5):
            await is_asked.wait()
        if is_taken_over:
            call.bridge.take_over()
        may_fail.set()
        await asyncio.sleep(0.3)

    assert call.voice.asked == [f'Say exactly: "{words}"' for words in spoken]


@contextlib.asynccontextmanager
async def handing_over(**settings: Any) -> AsyncIterator[Talk]:
    """A call whose callee is being connected with a person, which goes on until the call is over."""
    is_asked = asyncio.Event()

    async def connect(target: str) -> None:
        is_asked.set()
        await asyncio.get_running_loop().create_future()

    async with talk(transfer=connect, **settings) as call:
        call.bridge.answer()
        call.bridge.run_tool("t1", "transfer_to_human", '{"reason": "billing"}')
        async with asyncio.timeout(5):
            await is_asked.wait()
        yield call


async def test_gaps_are_filled_during_a_hand_over() -> None:
    """The model goes on hearing silence where the line sends nothing, and nobody is nudged meanwhile."""
    async with handing_over(silence_nudge_s=0.2, greeting_wait_s=0.1) as call:
        before = len(call.voice.heard)
        await until(lambda: len(call.voice.heard) > before + 20)

    assert call.voice.asked == []
    assert "Nudged" not in call.names()


async def test_the_longest_duration_holds_during_a_hand_over() -> None:
    """A hand-over that does not come to an end is no way to talk for ever."""
    async with handing_over(max_duration_s=1.5) as call:
        await call.peer.until_closed()

    assert (call.bridge.ended_by, call.bridge.detail) == (EndedBy.LIMIT, "maximum duration reached")


async def test_slots_are_counted_while_the_call_lives() -> None:
    """Those that are skipped after a stall are seen at once, not when the call is over."""
    async with talk(lead_ms=20) as call:
        await hear_frames(call.peer, 5)
        assert (call.bridge.slots.passed >= 5, call.bridge.slots.skipped) == (True, 0)
        call.bridge._pacer.started_at -= 0.5  # as if nothing had run for half a second
        await until(lambda: call.bridge.slots.skipped > 0)

        assert call.bridge.slots.passed > call.bridge.slots.skipped >= 20


async def test_keys_are_pressed_on_the_line() -> None:
    """`press_digits` sounds the key's two tones for 100 ms, and asks the model for nothing."""
    async with talk() as call:
        call.bridge.answer()
        call.bridge.run_tool("t1", "press_digits", '{"digits": "1"}')
        tones = (await next_sound(call.peer))[1] + b"".join(await hear_frames(call.peer, 4))
        after = await hear_frames(call.peer, 3)

    spectrum = np.abs(np.fft.rfft(np.frombuffer(tones, "<i2")))
    assert sorted(int(at) * 10 for at in np.argsort(spectrum)[-2:]) == [700, 1210]
    assert set(after) == {QUIET}
    assert call.voice.tools == [("t1", "Pressed. Listen.", False)]


async def test_tool_at_work_does_not_hold_the_end() -> None:
    """A tool that is still running when the callee hangs up is given up."""
    async with talk() as call:
        call.bridge.run_tool("t1", "slow", "{}")
        await asyncio.sleep(0.05)
        call.peer.hang_up()
        await call.peer.until_closed()
        await until(lambda: "MediaMeasured" in call.names())

    assert call.voice.tools == []

"""The contract between a call's bridge and a voice engine: what the bridge calls, and what an engine must do then.

Given this contract, a model with another protocol is one more class; the bridge does not change. An engine never
touches the line: its sound goes through the call's `Playout`, its news through `emit`, its tools through `run_tool`.

What an engine is given
-----------------------
Whoever builds the call (`media/worker.py`) builds the engine too, and hands it what it needs. `RealtimeVoice`, the
engine for OpenAI's Realtime protocol, is given

* `playout`, the queue of what the agent has yet to say: `add(response_id, item_id, content_index, pcm)` for 16 bit PCM
  at the line's rate, as fast as it comes, `complete(item_id, content_index)` when all of an item is there, and `drop()`
  when the callee interrupts. The bridge takes a frame out of it every 20 ms;
* `now_ms`, the call's clock, for the times of events;
* `emit`, which takes every event, at once and in order;
* `run_tool(tool_call_id, name, arguments)`, which starts a tool and returns; its result comes to `tool_finished`.

The life of an engine
---------------------
1. `run` is awaited once, in a task of its own, when the call's sound is connected: often before the callee answers. It
   connects, emits `ModelConnected`, and holds the session. A connection that breaks is the engine's to mend:
   `ModelLost`, then `ModelConnected` again, with the talk so far. `run` returns after `close`. If it raises one of our
   errors, the bridge emits `ModelGivenUp`, says a prepared goodbye and hangs up; anything else it raises is a bug, and
   ends the call at once.
2. All other methods are called from the same event loop, in any order, also while no session stands and after `close`.
   None of them may wait or raise: they note what is wanted, and a task of the engine's does it.
3. `hear` comes about fifty times a second from the callee's answer on, silence included. `frame_sent` comes for every
   frame of the engine's own items that was written to the line; it is how the engine knows what was *heard*.
4. When the callee speaks over the agent, the engine drops the queue, and its model must forget what was not heard.

What an engine must emit
------------------------
The transcript, the boards, the latencies and the timers of the call are all folded from these events, so an engine that
leaves one out leaves a hole there:

    ModelConnected, ModelLost        a session stands; it broke
    SpeechStarted, SpeechStopped     the engine's detector heard the callee begin and end: silence is counted from them
    CalleeSaid                       the words of the callee's turn; `NOT_UNDERSTOOD` for words that were lost
    ReplyBegan, ReplyEnded           the model makes a response
    ReplyAudioArrived                its first sound came
    AgentSoundStarted                its first sound left for the callee
    AgentSaid                        a sentence is over: what was meant beside what was heard
    AgentInterrupted                 the callee cut it
    DisclosureHeard                  the callee was told that an AI speaks
    ToolCalled                       before `run_tool`
    ModelErred, Unknown              errors, and messages that nobody has heard of; neither ends a call by itself

`examples/voice_engine.py` is the smallest engine there is.
"""

from __future__ import annotations

from typing import Protocol

from opendeep_kit.audio.playout import Frame


class VoiceEngine(Protocol):
    """One call's voice. See the head of this module for what is called when."""

    async def run(self) -> None:
        """Hold the session until `close`, through reconnections.

        Raises:
            Unavailable: the model could not be reached, or was lost for good.
            BadInput: the model refused our key or settings.
        """
        ...

    def hear(self, pcm: bytes) -> None:
        """The callee's sound, 16 bit PCM at the line's rate. What cannot be sent in time is dropped and counted."""
        ...

    def frame_sent(self, frame: Frame) -> None:
        """A frame with sound of this engine's was written to the line; `frame.over` names the items it completed."""
        ...

    def speak_now(self, instructions: str = "") -> None:
        """Let the agent take a turn as soon as nobody speaks; the instructions hold for that turn only."""
        ...

    def say(self, text: str) -> None:
        """Cut the agent, and let it say exactly this before anything else: a supervisor's sentence."""
        ...

    def coach(self, text: str) -> None:
        """Tell the agent something that the callee does not hear. It does not speak for that."""
        ...

    def fall_silent(self) -> None:
        """Cut the agent; from now on only `say` and `speak_now` make it speak: a person has taken over."""
        ...

    def tool_finished(self, tool_call_id: str, output: str, *, wants_reply: bool) -> None:
        """Hand a tool's result to the model, which speaks again if a reply is wanted and no other tool still runs."""
        ...

    def close(self) -> None:
        """End the session; `run` returns soon after."""
        ...

    @property
    def is_quiet(self) -> bool:
        """Nobody speaks and nobody is about to: no sound queued, no response under way or wanted, no tool running.

        The call's timers read it ten times a second: they open, nudge and hang up only into a quiet line.
        """
        ...

    @property
    def is_connected(self) -> bool:
        """A configured session stands. Without one the bridge asks for no turn, and makes up no silence."""
        ...

    @property
    def dropped_ms(self) -> float:
        """The callee's sound that never reached the model, so far."""
        ...

"""Where the milliseconds of a call went, from hand-made events."""

from dataclasses import replace
from typing import Any

import pytest

from opendeep_kit import events
from opendeep_kit.insight.latency import BargeIn, barge_ins, percentile, turns


def at(ms: float, kind: type[events.Event], **fields: Any) -> events.Event:
    """An event of the call at this time."""
    return kind(call_id="c", at_ms=ms, **fields)


def turn(start: float = 0.0, *, tool: bool = False) -> list[events.Event]:
    """One answer of the callee's and the agent's reply to it, as they are appended."""
    happened = [
        at(start + 1600, events.SpeechStopped, item_id="u"),
        at(start + 1000, events.CalleeSoundStopped),
        at(start + 1650, events.ReplyBegan, response_id="r"),
        at(start + 2000, events.ReplyAudioArrived, response_id="r", item_id=f"a{start}"),
        at(start + 2020, events.AgentSoundStarted, item_id=f"a{start}", first_sound_ms=start + 2120),
    ]
    if tool:
        happened.insert(3, at(start + 1700, events.ToolCalled, tool_call_id="t", name="x", arguments="{}"))
    return happened


def test_stages_of_a_turn() -> None:
    """The wait is cut into stages that add up to what the callee waits; the back-dated end sorts itself in."""
    (found,) = turns(turn())

    assert found.stages == {"detect": 600, "begin": 50, "model": 350, "ours": 20, "lead-in": 100}
    assert found.voice_to_voice_ms == 1120 == sum(found.stages.values())
    assert not found.has_tool


def test_each_reply_is_one_turn() -> None:
    """Two answers, two turns; the second knows nothing of the first."""
    found = turns([*turn(), *turn(5000, tool=True)])

    assert [(t.callee_stopped_ms, t.voice_to_voice_ms, t.has_tool) for t in found] == [
        (1000, 1120, False),
        (6000, 1120, True),
    ]


def test_first_reply_of_a_turn_counts() -> None:
    """A second sentence of the same reply is not a second turn."""
    more = [
        at(3000, events.ReplyAudioArrived, response_id="r", item_id="a2"),
        at(3100, events.AgentSoundStarted, item_id="a2", first_sound_ms=3100),
    ]

    assert len(turns([*turn(), *more])) == 1


def test_sound_that_leaves_in_the_slot_in_which_it_came() -> None:
    """A frame bears its slot's time, which may lie before the arrival of the sound in it: it is a reply all the same."""
    *rest, sounded = turn()
    (found,) = turns([*rest, replace(sounded, at_ms=1999.0)])

    assert found.stages == {"detect": 600, "begin": 50, "model": 349, "ours": 0, "lead-in": 121}
    assert found.voice_to_voice_ms == 1120


def test_opening_is_no_turn() -> None:
    """What the agent says before the callee's first word answers nothing."""
    assert turns(turn()[2:]) == []
    assert turns([]) == []


def test_pause_within_an_answer_restarts_the_wait() -> None:
    """The callee goes on before the agent speaks: the wait counts from the last sound."""
    early = [at(400, events.CalleeSoundStopped), at(900, events.SpeechStopped, item_id="u")]
    (found,) = turns([*early, *turn()])

    assert (found.callee_stopped_ms, found.detected_ms) == (1000, 1600)


def test_reply_nobody_announced() -> None:
    """Without `response.created` the model's share begins at the detection."""
    (found,) = turns([event for event in turn() if not isinstance(event, events.ReplyBegan)])

    assert (found.reply_began_ms, found.stages["begin"], found.stages["model"]) == (None, 0, 400)


def interruption(detected_ms: float, last_frame_ms: float, *, cut_after_ms: float = 0.0) -> list[events.Event]:
    """The model's detector hears the callee over the agent, which is cut."""
    cut_at = detected_ms + cut_after_ms
    cut = at(cut_at, events.AgentInterrupted, item_id="a", heard_ms=1, dropped_ms=9, last_frame_ms=last_frame_ms)
    return [at(detected_ms, events.SpeechStarted, item_id="u"), cut]


def test_barge_in() -> None:
    """From the callee's first loud frame to the agent's last."""
    found = barge_ins([at(1000, events.CalleeSoundStarted), *interruption(1180, 1200)])

    assert found == [BargeIn(callee_began_ms=1000, detected_ms=1180, last_frame_ms=1200)]
    assert found[0].stop_ms == 200


def test_barge_in_our_detector_missed() -> None:
    """A sound that ended seconds ago is not the one that cut the agent: the model's detection stands in."""
    before = [at(1000, events.CalleeSoundStarted), at(2000, events.CalleeSoundStopped)]
    (found,) = barge_ins([*before, *interruption(9000, 9020)])

    assert (found.callee_began_ms, found.stop_ms) == (9000, 20)


def test_short_cry_has_ended_when_it_is_detected() -> None:
    """ "No!" is over before the model's detection reaches us; it still is what cut the agent."""
    before = [at(1000, events.CalleeSoundStarted), at(1200, events.CalleeSoundStopped)]
    (found,) = barge_ins([*before, *interruption(1400, 1420)])

    assert found.stop_ms == 420


def test_supervisor_who_cuts_is_no_barge_in() -> None:
    """The agent was cut on our own account, long after the callee last spoke."""
    assert barge_ins(interruption(1000, 8000, cut_after_ms=7000)) == []
    assert barge_ins(interruption(1000, 8000)[1:]) == []


def test_agent_that_had_stopped_already() -> None:
    """Never a negative time: the last frame had left before the callee began."""
    assert BargeIn(callee_began_ms=1000, detected_ms=1100, last_frame_ms=980).stop_ms == 0


@pytest.mark.parametrize(
    ("values", "share", "result"),
    [
        ([], 0.5, None),
        ([7.0], 0.95, 7.0),
        ([1.0, 2.0], 0.5, 1.5),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        (list(range(101)), 0.95, 95.0),
        (list(range(101)), 0.01, 1.0),
        (list(range(101)), 0.0, 0.0),
        (list(range(101)), 1.0, 100.0),
    ],
)
def test_percentile(values: list[float], share: float, result: float | None) -> None:
    """Interpolated between neighbours, ends included; of nothing there is none."""
    assert percentile(values, share) == result

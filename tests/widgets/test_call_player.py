"""The player's traits, its answers to the browser, and what it leaves in a notebook."""

from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest
from nbconvert import HTMLExporter

from opendeep_kit import events
from opendeep_kit.audio.recording import write_header
from opendeep_kit.widgets.call_player import MOST_BARS, MOST_BYTES, MOST_SAMPLES, CallPlayer, call_player
from opendeep_kit.widgets.static_outputs import WIDGET_VIEW, without_live_widgets
from tests.widgets.made_call import HAPPENED, moved, record

CELL = """
import pathlib
from opendeep_kit.events import from_line
from opendeep_kit.widgets.call_player import call_player
lines = pathlib.Path("call.jsonl").read_text(encoding="utf-8").splitlines()
call_player([from_line(line) for line in lines], "call.wav", title="Made by hand")
"""


class Overheard(CallPlayer):
    """A player whose messages to the browser are kept."""

    def send(self, content: Any, buffers: Any = None) -> None:
        """Keep it."""
        self.__dict__.setdefault("sent", []).append((content, buffers))

    def asked(self, content: Any) -> tuple[dict[str, Any], list[bytes] | None]:
        """The answer to a message from a browser."""
        self._handle_custom_msg(content, [])
        answer: tuple[dict[str, Any], list[bytes] | None] = self.__dict__["sent"].pop()
        return answer


@pytest.fixture
def player(tmp_path: Path) -> Overheard:
    """The made call with its recording."""
    return Overheard(HAPPENED, record(tmp_path / "call.wav"), title="A call")


def test_traits(player: Overheard) -> None:
    """The browser gets the picture, the levels and the recording's size; the sound itself is in no trait."""
    assert player.picture["duration_ms"] == 14_000
    assert player.picture["lines"][1]["unheard"] == "Can you come?"
    assert (len(player.levels), player.level_ms) == (2 * 1400 * 2, 10)
    assert player.sound == {"rate_hz": 24000, "frames": 336_000, "file_name": "call.wav", "file_bytes": 1_344_044}
    assert (player.title, player.note) == ("A call", "")


def test_times_are_whole_milliseconds() -> None:
    """What is kept with the notebook carries no float's tail."""
    player = call_player([events.Answered(call_id="c", at_ms=1001.0000000002037)])

    assert player.picture["marks"][0]["at_ms"] == 1001
    assert isinstance(player.picture["marks"][0]["at_ms"], int)


def test_piece_of_sound(player: Overheard) -> None:
    """A piece comes as two lanes of µ-law under the name of the question."""
    answer, buffers = player.asked({"kind": "sound", "ask": "a-1", "first": 335_990, "count": 10})

    assert answer == {"kind": "answer", "ask": "a-1"}
    assert buffers == [b"\x7f" * 10, b"\x7f" * 10]


def test_file_comes_as_it_is(player: Overheard, tmp_path: Path) -> None:
    """The parts of a download are the file's own bytes."""
    _, first = player.asked({"kind": "file", "ask": "a", "first": 0, "count": MOST_BYTES})
    _, rest = player.asked({"kind": "file", "ask": "a", "first": MOST_BYTES, "count": 1_344_044 - MOST_BYTES})

    assert first
    assert rest
    assert first[0] + rest[0] == (tmp_path / "call.wav").read_bytes()


def test_finer_levels(player: Overheard) -> None:
    """A part of the picture comes in the bars asked for."""
    answer, buffers = player.asked({"kind": "levels", "ask": "a", "first": 50, "count": 50, "factor": 5})

    assert answer["kind"] == "answer"
    assert buffers is not None
    assert [len(part) for part in buffers] == [2 * 10 * 2]


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "sound", "ask": "a", "first": 0, "count": 336_001},
        {"kind": "sound", "ask": "a", "first": -1, "count": 10},
        {"kind": "sound", "ask": "a", "first": 0, "count": MOST_SAMPLES + 1},
        {"kind": "sound", "ask": "a", "first": 0.5, "count": 10},
        {"kind": "sound", "ask": "a", "first": "0", "count": 10},
        {"kind": "sound", "ask": "a", "first": 10**30, "count": 1},
        {"kind": "sound", "ask": "a"},
        {"kind": "file", "ask": "a", "first": 1_344_044, "count": 1},
        {"kind": "file", "ask": "a", "first": 0, "count": MOST_BYTES + 1},
        {"kind": "levels", "ask": "a", "first": 0, "count": 1401, "factor": 1},
        {"kind": "levels", "ask": "a", "first": 0, "count": 10, "factor": 0},
        {"kind": "/etc/passwd", "ask": "a"},
        {"ask": "a"},
    ],
)
def test_bad_question_is_refused(player: Overheard, content: Any) -> None:
    """A range outside the call or a message that means nothing is refused by name; nothing is raised or sent."""
    answer, buffers = player.asked(content)

    assert (answer["kind"], answer["ask"], buffers) == ("refused", "a", None)
    assert answer["why"].endswith(".")


@pytest.mark.parametrize("content", [None, [], "sound", 7, {"ask": {"a": 1}, "kind": "sound"}, {"ask": "x" * 99}])
def test_shapeless_message_is_refused(player: Overheard, content: Any) -> None:
    """Whatever a browser sends, the kernel answers with a short refusal."""
    answer, _ = player.asked(content)

    assert answer["kind"] == "refused"
    assert len(answer["ask"]) <= 40


def test_recording_that_vanished(player: Overheard, tmp_path: Path) -> None:
    """A file removed while the player is open is told to the browser."""
    (tmp_path / "call.wav").unlink()
    answer, _ = player.asked({"kind": "sound", "ask": "a", "first": 0, "count": 10})

    assert answer["why"] == (
        "the recording call.wav is not there or cannot be read: look for it in the recordings folder."
    )


def test_without_a_recording(tmp_path: Path) -> None:
    """No recording, a missing one and an empty one each leave a player that says why it is silent."""
    with (tmp_path / "empty.wav").open("wb") as file:
        write_header(file, 8000, 0)
    notes = [call_player(HAPPENED, path).note for path in (None, tmp_path / "gone.wav", tmp_path / "empty.wav")]

    assert notes == [
        "There is no recording of this call.",
        "The recording gone.wav is not there or cannot be read: look for it in the recordings folder.",
        "The recording of this call is empty.",
    ]


def test_another_call_in_the_same_place(player: Overheard) -> None:
    """A dashboard may show the next call in the same player; the last call's sound is then out of reach."""
    player.show([], None, title="Next")

    assert (player.title, player.levels, player.sound, player.picture["lines"]) == ("Next", b"", {}, [])
    answer, _ = player.asked({"kind": "sound", "ask": "a", "first": 0, "count": 10})
    assert answer["why"] == "this call has no recording: choose another call."


def test_hour_long_call_stays_small(tmp_path: Path) -> None:
    """An hour is drawn in coarser bars and offered finer on demand."""
    with (tmp_path / "long.wav").open("wb") as file:
        write_header(file, 8000, 3600 * 8000 * 4)
        file.truncate(44 + 3600 * 8000 * 4)
    player = Overheard([], tmp_path / "long.wav")

    assert (player.level_ms, len(player.levels)) == (600, 4 * MOST_BARS)
    _, buffers = player.asked({"kind": "levels", "ask": "a", "first": 359_000, "count": 1000, "factor": 1})
    assert buffers is not None
    assert len(buffers[0]) == 4000


def test_report_holds_words_as_text(player: Overheard) -> None:
    """The static picture needs no script, loads nothing, and what was said is no markup in it."""
    html = player._repr_html_()

    assert html.count("<svg") == 1
    assert "&lt;img src=x onerror=&quot;window.hurt=1&quot;&gt;" in html
    bare = html.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert [word for word in ("<img", "<script", "</script", 'onerror="', "http:", "https:") if word in bare] == []
    assert '<del style="opacity:.6">Can you come?</del>' in html
    assert ">1800<" in html


def test_report_of_nothing() -> None:
    """A call of which nothing is known still has a report."""
    assert "Nothing was said." in call_player([])._repr_html_()


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A notebook with a ten-minute call, executed in a kernel, with its widgets' state, as papermill leaves it."""
    folder = tmp_path_factory.mktemp("executed")
    with (folder / "call.wav").open("wb") as file:
        write_header(file, 24_000, 600 * 24_000 * 4)
        file.truncate(44 + 600 * 24_000 * 4)
    happened = [moved(event, turn * 14_000) for turn in range(42) for event in HAPPENED]
    (folder / "call.jsonl").write_text("\n".join(events.to_line(event) for event in happened), encoding="utf-8")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def test_executed_notebook_is_small(executed: Any) -> None:
    """A notebook with a call of ten minutes, 58 MB of sound, is under 300 kB with everything the player leaves."""
    assert WIDGET_VIEW in executed.cells[0].outputs[0].data
    assert "'frames': 14400000" in str(executed.metadata.widgets)
    assert len(nbformat.writes(executed).encode()) < 300_000


def test_static_report_of_a_notebook(executed: Any) -> None:
    """Converted to HTML the player is its static picture; the notebook given stays as it was."""
    html, _ = HTMLExporter().from_notebook_node(without_live_widgets(executed))

    assert "Callee above, agent below" in html
    assert "html-manager" not in html
    assert WIDGET_VIEW in executed.cells[0].outputs[0].data

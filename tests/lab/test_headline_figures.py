"""The figures on top of a report."""

from pathlib import Path

from opendeep_kit.lab.headline_figures import Headline, headline
from opendeep_kit.lab.past_calls import PastCalls
from tests import past as sample


def test_of_real_calls(tmp_path: Path) -> None:
    """Six recorded calls are counted as they were."""
    sample.fill(tmp_path)
    with PastCalls.open(tmp_path) as past:
        found = headline(past.df("FROM calls"), past.df("FROM latencies"))

    assert (found.calls, found.answered, found.undisclosed, found.barge_ins) == (6, 5, 0, 2)
    assert found.completed == 1
    assert "5 answered" in found._repr_html_()
    assert "20% of answered" in found._repr_html_()


def test_of_nothing(tmp_path: Path) -> None:
    """An empty folder has a headline too."""
    with PastCalls.open(tmp_path) as past:
        found = headline(past.df("FROM calls"), past.df("FROM latencies"))

    assert found == Headline(
        calls=0, answered=0, completed=0, talk_s=0.0, undisclosed=0, reply_p50_ms=None, reply_p95_ms=None, barge_ins=0
    )
    assert found._repr_html_() == "<i>No calls yet.</i>"

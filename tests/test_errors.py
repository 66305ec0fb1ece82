"""Errors that say whose fault it is and what to do."""

import pickle

import pytest

from opendeep_kit import errors
from opendeep_kit.errors import BadInput, OpenDeepError, OurMistake, PeerMisbehaved, Refused, Unavailable

BRANCHES = [BadInput, OurMistake, PeerMisbehaved, Unavailable, Refused]


def test_sentence() -> None:
    """What is wrong, then what to do; one full stop at the end."""
    error = BadInput("there is no file x.csv", do="check the path")

    assert str(error) == "there is no file x.csv: check the path."
    assert (error.what, error.do) == ("there is no file x.csv", "check the path")
    assert str(OurMistake("two clocks in one call")) == "two clocks in one call."


@pytest.mark.parametrize("branch", BRANCHES)
def test_one_tree(branch: type[OpenDeepError]) -> None:
    """Every error can be caught as ours, and none as another branch."""
    assert issubclass(branch, OpenDeepError)
    assert [other for other in BRANCHES if issubclass(branch, other)] == [branch]


def test_tree_is_drawn() -> None:
    """The picture in the module's docstring names every class, and no other."""
    classes = {
        name for name, thing in vars(errors).items() if isinstance(thing, type) and thing.__module__ == errors.__name__
    }
    drawn = {line.split()[1] for line in str(errors.__doc__).splitlines() if line.startswith(("├──", "└──"))}

    assert drawn == classes - {"OpenDeepError"}


def test_error_crosses_a_process() -> None:
    """An error from a worker process keeps its class and its sentence."""
    error = pickle.loads(pickle.dumps(Unavailable("the line is down", do="start it")))

    assert isinstance(error, Unavailable)
    assert str(error) == "the line is down: start it."

"""Keys of the callee as one answer."""

import pytest

from opendeep_kit.voice.dtmf_input import PAUSE_MS, DtmfInput, describe_keys, keys_in


def test_keys_are_one_answer_after_a_pause() -> None:
    """While the callee presses on nothing is told; then all keys are, once."""
    keys = DtmfInput()
    taken = [keys.take(0.0)]
    keys.press("4", 1000.0)
    taken.append(keys.take(1000.0 + PAUSE_MS - 1))
    keys.press("2", 2000.0)
    taken += [keys.take(1000.0 + PAUSE_MS), keys.take(2000.0 + PAUSE_MS), keys.take(2000.0 + PAUSE_MS)]

    assert taken == ["", "", "", "42", ""]


def test_end_key_waits_for_nothing() -> None:
    """The callee says that they are through."""
    keys = DtmfInput()
    for key in "42#":
        keys.press(key, 1000.0)

    assert keys.take(1000.0) == "42#"


@pytest.mark.parametrize(("keys", "read"), [("42#", "42"), ("*1*", "1"), ("0", "0"), ("#", ""), ("A9", "A9")])
def test_sentence_is_read_back(keys: str, read: str) -> None:
    """What the agent is told names every key; a mind of rules gets those that answer."""
    assert describe_keys(keys) == f"On the telephone the callee pressed: {' '.join(keys)}"
    assert keys_in(describe_keys(keys)) == read


def test_other_sentences_hold_no_keys() -> None:
    """A supervisor's word is no key."""
    assert keys_in("Be more friendly. Press 1.") == ""

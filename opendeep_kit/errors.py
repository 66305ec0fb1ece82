"""Errors that say whose fault a failure is and what to do about it.

Given two clauses, builds the sentence a person reads. Never logs, never retries.

OpenDeepError
├── BadInput          the person's file, argument or setting is wrong: they can correct it
├── OurMistake        a bug, or the package used in a way it forbids
├── PeerMisbehaved    Asterisk, the voice model or another peer broke its protocol
├── Unavailable       something needed is unavailable now: try later, or start it
└── Refused           policy says no: calling window, do-not-call, limit, admission
"""

from __future__ import annotations


class OpenDeepError(Exception):
    """Anything this package raises on purpose.

    Args:
        what: what went wrong, one clause without a full stop.
        do: what the reader should do next, one clause without a full stop.
    """

    def __init__(self, what: str, *, do: str = "") -> None:
        super().__init__(what, do)
        self.what = what
        self.do = do

    def __reduce__(self) -> tuple[object, ...]:
        # Errors are pickled between processes; `do` is keyword-only, which the default way cannot pass.
        return _rebuilt, (type(self), self.what, self.do)

    def __str__(self) -> str:
        return f"{self.what}: {self.do}." if self.do else f"{self.what}."


def _rebuilt(kind: type[OpenDeepError], what: str, do: str) -> OpenDeepError:
    return kind(what, do=do)


class BadInput(OpenDeepError):
    """The person's file, argument or setting is wrong."""


class OurMistake(OpenDeepError):
    """A bug of ours, or the package used in a way it forbids."""


class PeerMisbehaved(OpenDeepError):
    """A peer (Asterisk, the voice model, a webhook) broke its protocol."""


class Unavailable(OpenDeepError):
    """Something needed is unavailable now."""


class Refused(OpenDeepError):
    """Policy says no."""

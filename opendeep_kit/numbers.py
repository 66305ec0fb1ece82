"""Telephone numbers: the one written form, what may be typed, and what may be shown.

Given text, says whether it is E.164, reads what a person wrote, and masks what others see. Never says who lives there,
or whether they may be called.
"""

from __future__ import annotations

import re
from typing import Annotated

import phonenumbers
from pydantic import StringConstraints

from opendeep_kit.errors import BadInput

# Never `\d`: it takes the digits of every script, which no exchange dials.
E164_PATTERN = r"\+[1-9][0-9]{6,14}"
"""`+`, a country code, 7 to 15 digits in all."""
E164 = Annotated[str, StringConstraints(pattern=f"^{E164_PATTERN}$")]
"""A number as it is stored, dialled and shown. Models of settings and scripts check it; rows call `checked`."""
HOW = "write it as +, country code, digits"
"""What to do about a number that is not E.164."""
MAX_WRITTEN_CHARS = 40
SHOWN_DIGITS = 4
_E164 = re.compile(E164_PATTERN)
_PREFIX = re.compile(r"\+[1-9][0-9]{0,13}\*")


def is_e164(text: str) -> bool:
    """Whether this is a number in its one written form."""
    return _E164.fullmatch(text) is not None


def is_prefix(text: str) -> bool:
    """Whether this stands for every number that begins so: `+1900*`."""
    return _PREFIX.fullmatch(text) is not None


def checked(number: str, what: str = "the number") -> str:
    """The number, if it is E.164.

    Args:
        what: names it in the error, which never repeats it.

    Raises:
        BadInput: it is anything else.
    """
    if not is_e164(number):
        raise BadInput(f"{what} is not E.164", do=HOW)
    return number


def masked(number: str) -> str:
    """The number as logs and boards show it: enough to tell two callees of one name apart."""
    return f"…{number[-SHOWN_DIGITS:]}"


def e164(text: str, region: str) -> str:
    """What a person wrote, as E.164.

    Args:
        region: ISO 3166, of numbers without a country code.

    Raises:
        BadInput: it cannot be dialled; the sentence says why.
    """
    shown = text.strip()[:MAX_WRITTEN_CHARS]
    if not shown:
        raise BadInput("there is no telephone number", do="fill it in")
    if len(text) > MAX_WRITTEN_CHARS or not text.isprintable():
        raise BadInput(f"{shown!r} is not a telephone number", do="give digits, with + and the country code first")
    if any(char.isalpha() for char in text):
        raise BadInput(f"{shown!r} contains letters", do="give digits, with + and the country code first")
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        reason = str(error).partition(") ")[2].rstrip(".").lower()
        what = f"{shown!r} is not a telephone number ({reason})"
        raise BadInput(what, do="give it with + and the country code") from None
    if not phonenumbers.is_valid_number(parsed):
        raise BadInput(f"{shown!r} is not in use in any numbering plan", do="check its digits")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def check_region(code: str) -> str:
    """The region as it is written, if numbers can be read by it.

    >>> check_region("fr")
    'FR'

    Raises:
        BadInput: there is no such region.
    """
    if code.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise BadInput(f"{code[:10]!r} is not a region", do="give two letters of ISO 3166, such as US, GB or FR")
    return code.upper()

"""What people mean when they describe a task."""

import pytest

from opendeep_kit.tasks import briefing_words as words


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("We are Harbour Cycles.", "Harbour Cycles"),
        ("I work at the Rowing Club of Boston", "Rowing Club of Boston"),
        ("call on behalf of Green & Sons to remind them", "Green & Sons"),
        ("confirm the appointments for Tuesday", ""),
        ("tell them that an AI calls", ""),
    ],
)
def test_organisation(said: str, name: str) -> None:
    """An organisation is known by its capitals and by how it is introduced; a weekday is none."""
    assert words.organisation(said) == name


@pytest.mark.parametrize(
    ("said", "name"),
    [("riverside dental", "riverside dental"), ("It's the town hall.", "the town hall"), ("yes", "")],
)
def test_organisation_that_was_asked_for(said: str, name: str) -> None:
    """An answer to the question for it is taken as it stands; an empty yes is none."""
    assert words.organisation(said, is_asked=True) == name


def test_people() -> None:
    """Whom to call is told in the plural."""
    assert words.people("Please call my patients and confirm") == "patients"
    assert words.people("remind all of our gym members") == "gym members"
    assert words.people("confirm Tuesday") == ""


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("three minutes", 180),
        ("at most 90 seconds", 90),
        ("a minute", 60),
        ("5 min", 300),
        ("no", None),
        ("ten hours", None),
    ],
)
def test_minutes(said: str, seconds: float | None) -> None:
    """A length of time in words or digits."""
    assert words.minutes(said) == seconds


def test_phone_number() -> None:
    """A number to hand over to becomes E.164; other digits are none."""
    assert words.phone_number("connect them to +1 (212) 555-0132, please") == "+12125550132"
    assert words.phone_number("three minutes, 12 questions") is None


def test_columns() -> None:
    """Names of columns from a list in words."""
    assert words.columns("Yes, the doctor, the room number and date of birth") == (
        "doctor",
        "room_number",
        "date_birth",
    )


@pytest.mark.parametrize(
    ("said", "goal", "facts"),
    [
        (
            "call my patients, confirm Tuesday's appointments",
            "Confirm the appointment of {name}: {appointment}.",
            ("name", "appointment"),
        ),
        ("Remind members about the meeting on Friday", "Remind {name} of the meeting on Friday.", ("name",)),
        ("invite the parents to the school fair", "Invite {name} to the school fair.", ("name",)),
        ("please run a survey about our new app", "Learn how satisfied {name} is with our new app.", ("name",)),
        ("we want to find out which party people like", "Find out which party people like.", ("name",)),
    ],
)
def test_purpose(said: str, goal: str, facts: tuple[str, ...]) -> None:
    """Common purposes are known; any other is told in the person's own words."""
    found = words.purpose(said)

    assert found is not None
    assert (found.goal, found.facts) == (goal, facts)


@pytest.mark.parametrize("said", ["hello", "I want to call my customers", "call people", "", "{}"])
def test_no_purpose(said: str) -> None:
    """Saying that somebody is called is no purpose yet."""
    assert words.purpose(said) is None

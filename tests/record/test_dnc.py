"""The do-not-call lists: fail closed, with evidence, nothing forgotten."""

from dataclasses import replace

import pytest

from opendeep_kit.campaigns.rule_inputs import Listed
from opendeep_kit.errors import BadInput
from opendeep_kit.record import counters, dnc, enrolments
from opendeep_kit.record.claim_facts import Facts
from opendeep_kit.record.database import Database
from opendeep_kit.record.dnc import EVERYONE, DncEntry
from opendeep_kit.record.ledger import Ruling
from tests.record.campaigning import NO, YES, assert_books_agree, claimed, made_campaign, number, race, waiting
from tests.record.conftest import NOON, SOON

ENTRY = DncEntry(entry=number(0), reason="asked in a letter", source="person", added_by="Ann", added_at=NOON)
WORDS = "please never call me again"
OPPONENTS = """
import sys
from opendeep_kit.record import claiming
from tests.record.campaigning import new_attempt
from tests.record.test_dnc import SOON, WORDS, by_the_lists, dnc
from opendeep_kit.record.database import open_database
database = open_database(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    enrolment_id, number = line.split()
    if sys.argv[2] == "0":
        dnc.opt_out(database, "clinic", number, call_id="c", utterance=WORDS, now=SOON)
    else:
        claiming.claim(database, "clinic", int(enrolment_id), new_attempt(), check=by_the_lists, now=SOON)
"""


def by_the_lists(facts: Facts) -> Ruling:
    """Only the lists are asked."""
    return NO if facts.dnc.everyone or facts.dnc.tenant else YES


def test_an_opt_out_forbids_and_cancels(database: Database) -> None:
    """Said in one call, it is on the list with the words, and the number waits in no campaign of the tenant any more."""
    for name in ("spring", "autumn", "winter"):
        made_campaign(database, name)
    made_campaign(database, "spring", tenant_id="garage")
    call = claimed(database, waiting(database)[0])

    cancelled = dnc.opt_out(database, "clinic", number(0), call_id=call.attempt_id, utterance=WORDS, now=SOON)

    assert cancelled == 2
    (entry,) = dnc.entries_of(database, "clinic")
    assert (entry.entry, entry.call_id, entry.utterance, entry.source) == (number(0), call.attempt_id, WORDS, "call")
    autumn = enrolments.enrolment(database, "clinic", "autumn", number(0))
    assert autumn is not None
    assert (autumn.state, autumn.final_reason) == ("final", "the callee asked never to be called again")
    assert len(waiting(database, tenant_id="garage")) == 3
    assert_books_agree(database)


def test_an_opt_out_twice_keeps_the_first_words(database: Database) -> None:
    """The evidence of the first stays; there is nothing left to cancel."""
    made_campaign(database)

    said = [
        dnc.opt_out(database, "clinic", number(0), call_id=call, utterance=words, now=SOON)
        for call, words in (("1", WORDS), ("2", "I said no"))
    ]

    assert said == [1, 0]
    assert [entry.utterance for entry in dnc.entries_of(database, "clinic")] == [WORDS]


def test_after_an_opt_out_nobody_claims(database: Database, url: str) -> None:
    """While one process forbids numbers and another claims them, each ends either called or cancelled, never both."""
    made_campaign(database, contacts=40)
    lines = [f"{who.enrolment_id} {who.number}" for who in waiting(database)]

    race(OPPONENTS, url, lines)

    counts = counters.counts(database, "clinic", "spring")
    assert (counts.waiting, counts.claimed + counts.final) == (0, 40)
    assert len(dnc.entries_of(database, "clinic")) == 40
    assert_books_agree(database)


def test_to_forbid_a_number_cancels_its_calls(database: Database) -> None:
    """Those of the tenant whose list it is, and by the installation's those of all; a prefix only refuses them."""
    for tenant_id in ("clinic", "garage"):
        made_campaign(database, tenant_id=tenant_id)

    assert dnc.forbid(database, "clinic", ENTRY) == (True, 1)
    assert dnc.forbid(database, "clinic", ENTRY) == (False, 0)
    assert dnc.forbid(database, EVERYONE, replace(ENTRY, entry=number(1))) == (True, 2)
    assert dnc.forbid(database, "clinic", replace(ENTRY, entry="+1212*")) == (True, 0)
    assert len(waiting(database)) == 1
    assert_books_agree(database)


def test_numbers_and_prefixes_hit(database: Database) -> None:
    """A number is found by itself and by every prefix of it, on both lists; another tenant's list does not count."""
    dnc.add(database, EVERYONE, [replace(ENTRY, entry="+1900*")])
    dnc.add(database, "clinic", [ENTRY, replace(ENTRY, entry="+351*")])
    dnc.add(database, "garage", [replace(ENTRY, entry="+44*")])

    def hits(wanted: str) -> tuple[str | None, str | None]:
        found = dnc.look_up(database, "clinic", wanted)
        return found.everyone, found.tenant

    assert hits(number(0)) == (None, number(0))
    assert hits("+19005550100") == ("+1900*", None)
    assert hits("+351210000000") == (None, "+351*")
    assert hits("+442079460000") == (None, None)
    assert hits("+12125550199") == (None, None)


def test_the_snapshot_names_the_lists(database: Database) -> None:
    """Every change of either list gives another name; nothing new, and another tenant's change, gives none."""
    names = []

    def note(_: object = None) -> None:
        names.append(dnc.look_up(database, "clinic", number(5)).snapshot)

    note()
    note(dnc.add(database, "clinic", [ENTRY]))
    note(dnc.add(database, "clinic", [ENTRY]))
    note(dnc.add(database, "garage", [ENTRY]))
    note(dnc.add(database, EVERYONE, [ENTRY]))
    note(dnc.remove(database, "clinic", number(0), reason="a mistake", by="Ann", now=SOON))

    assert names[1] == names[2] == names[3]
    assert len(set(names)) == 4
    assert dnc.look_up(database, "clinic", number(0)) == Listed(
        everyone=number(0), tenant=None, snapshot="everyone 1, clinic 2"
    )


def test_a_removal_keeps_the_story(database: Database) -> None:
    """What is taken off is told with who had put it there and why it went; it may come back."""
    dnc.opt_out(database, "clinic", number(0), call_id="1", utterance=WORDS, now=NOON)

    removed = [dnc.remove(database, "clinic", number(0), reason="asked back", by="Ann", now=SOON) for _ in range(2)]

    assert removed == [True, False]
    assert dnc.look_up(database, "clinic", number(0)).tenant is None
    (gone,) = dnc.removals_of(database, "clinic", number(0))
    assert (gone.entry.utterance, gone.entry.added_at, gone.removed_at) == (WORDS, NOON, SOON)
    assert (gone.removed_by, gone.reason) == ("Ann", "asked back")
    assert dnc.add(database, "clinic", [ENTRY]) == 1


def test_a_long_list_is_read_in_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every entry of a long list is added once, and read back page by page."""
    monkeypatch.setattr(dnc, "BATCH", 7)

    added = dnc.add(database, EVERYONE, (replace(ENTRY, entry=number(last % 30)) for last in range(45)))

    assert added == 30
    first = dnc.entries_of(database, EVERYONE, limit=20)
    rest = dnc.entries_of(database, EVERYONE, after=first[-1].entry)
    assert [entry.entry for entry in first + rest] == [number(last) for last in range(30)]


def test_what_is_not_understood_is_refused(database: Database) -> None:
    """An entry that is neither number nor prefix is refused, not dropped; nor is there a list of an unknown tenant."""
    for wrong in ("2125550101", "+1900x", "*", "+*", ""):
        with pytest.raises(BadInput, match="neither a number nor a prefix") as caught:
            replace(ENTRY, entry=wrong)
        assert "2125550101" not in str(caught.value)
    with pytest.raises(BadInput, match="no tenant 'nobody'"):
        dnc.add(database, "nobody", [ENTRY])
    assert number(0) not in repr(ENTRY)
    assert WORDS not in repr(replace(ENTRY, utterance=WORDS))

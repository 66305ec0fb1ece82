"""The link to Asterisk's manager interface: what it promises when the peer misbehaves."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.phone.ami_client import AmiAccount, AmiClient, AmiLimits, LinkLost, LinkRestored, News
from opendeep_kit.phone.ami_message import AmiEvent
from tests.phone.fake_ami import FakeAmi

QUICK = AmiLimits(connect_s=1, boot_s=1, answer_s=0.2, ping_every_s=0.05, first_wait_s=0.02, longest_wait_s=0.05)
CALM = AmiLimits(ping_every_s=60, first_wait_s=0.02)


async def until(condition: Callable[[], object], limit_s: float = 5.0) -> None:
    """Wait for a condition; the limit only ends a test that fails."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - several counts, without an event
            await asyncio.sleep(0.005)


def kinds(news: list[News]) -> list[str]:
    """What came, in order."""
    return [one.name if isinstance(one, AmiEvent) else type(one).__name__ for one in news]


async def test_news_come_in_order_between_restored_and_lost() -> None:
    """Boot, link, a thousand events and the loss arrive in the order in which they were sent."""
    news: list[News] = []
    async with FakeAmi() as fake, AmiClient(fake.account, on_news=news.append, limits=CALM):
        for number in range(1000):
            fake.event("Tick", Number=str(number))
        fake.cut()
        await until(lambda: kinds(news)[-1] == "LinkRestored" and len(news) > 1000)

    ticks = [one.get("Number") for one in news if isinstance(one, AmiEvent) and one.name == "Tick"]
    assert kinds(news)[:3] == ["FullyBooted", "LinkRestored", "Tick"]
    assert kinds(news)[1002:1005] == ["LinkLost", "FullyBooted", "LinkRestored"]
    assert ticks == [str(number) for number in range(1000)]


async def test_characters_survive_any_split() -> None:
    """A character cut in two by the network arrives whole."""
    news: list[News] = []
    text = "Event: Greeting\r\nText: é à €\r\n\r\n".encode()
    async with FakeAmi() as fake, AmiClient(fake.account, on_news=news.append, limits=CALM):
        for at in range(len(text)):
            fake.say(text[at : at + 1])
            await asyncio.sleep(0)
        await until(lambda: kinds(news)[-1] == "Greeting")

    assert isinstance(news[-1], AmiEvent)
    assert news[-1].get("text") == "é à €"


async def test_originate_response_is_an_event() -> None:
    """OriginateResponse never takes the place of the answer, even when it comes first."""
    news: list[News] = []
    async with FakeAmi() as fake, AmiClient(fake.account, on_news=news.append, limits=CALM) as ami:
        reply = await ami.ask("Originate", {"ActionID": "orig-1"})
        await until(lambda: kinds(news)[-1] == "OriginateResponse")

    assert (reply.is_success, reply.message) == (True, "Fine")


@pytest.mark.parametrize("value", ["a\r\n\r\nAction: CoreStatus", "a\nb", "${X}", 'a"b', "a b", "é", "a,b", "x" * 501])
async def test_no_value_can_inject(value: str) -> None:
    """A value with a character outside the whitelist is refused before a byte is sent."""
    async with FakeAmi() as fake, AmiClient(fake.account, on_news=lambda _: None, limits=CALM) as ami:
        before = len(fake.actions)
        with pytest.raises(BadInput) as told:
            await ami.ask("Hangup", {"Channel": value})

        assert len(fake.actions) == before
        assert value not in str(told.value)


async def test_frozen_peer_is_noticed_by_the_ping() -> None:
    """A peer that takes bytes and says nothing is given up, and found again when it wakes."""
    news: list[News] = []
    async with FakeAmi() as fake, AmiClient(fake.account, on_news=news.append, limits=QUICK) as ami:
        fake.is_frozen = True
        await until(lambda: "LinkLost" in kinds(news))
        with pytest.raises(Unavailable, match="does not answer"):
            await ami.ask("Ping")
        fake.is_frozen = False
        await until(lambda: ami.is_ready)

    assert ami.counts.losses == 1


async def test_unanswered_action_is_never_sent_again() -> None:
    """An action without an answer fails, is forgotten, and the next connection does not repeat it."""
    async with FakeAmi() as fake, AmiClient(fake.account, on_news=lambda _: None, limits=CALM) as ami:
        ami._limits = QUICK
        fake.is_frozen = True
        with pytest.raises(Unavailable):
            await ami.ask("Originate", {"ActionID": "orig-1"})
        fake.is_frozen = False
        await until(lambda: ami.counts.logins == 2 and ami.is_ready)
        await ami.ask("Ping")

        assert len(fake.asked("Originate")) == 1
        assert ami._wire is not None
        assert ami._wire.responses == {}


async def test_loss_fails_who_waits() -> None:
    """Whoever waits for an answer when the connection breaks is told at once."""
    async with FakeAmi() as fake, AmiClient(fake.account, on_news=lambda _: None, limits=CALM) as ami:
        fake.is_frozen = True
        waiting = asyncio.create_task(ami.ask("Ping"))
        await until(lambda: fake.asked("Ping"))
        fake.cut()

        with pytest.raises(Unavailable):
            await waiting


async def test_nothing_is_sent_without_a_link() -> None:
    """While the link is down an action is refused, not kept."""
    async with FakeAmi() as fake, AmiClient(fake.account, on_news=lambda _: None, limits=QUICK) as ami:
        await fake.stop_listening()
        await until(lambda: not ami.is_ready)
        with pytest.raises(Unavailable, match="opendeep asterisk status"):
            await ami.ask("Originate")
        await fake.listen()
        await until(lambda: ami.is_ready)

        assert fake.asked("Originate") == []


async def test_wrong_password_is_one_clear_error() -> None:
    """A refused login is told once, and not tried again."""
    async with FakeAmi() as fake:
        fake.secret = "other"
        ami = AmiClient(fake.account, on_news=lambda _: None, limits=QUICK)
        with pytest.raises(BadInput, match=r"refuses the AMI user 'opendeep'.*manager\.conf"):
            await ami.start()
        await asyncio.sleep(0.1)

        assert fake.connections == 1


async def test_refusal_after_an_outage_is_not_final() -> None:
    """An Asterisk that let us in and refuses us when it returns is asked again, told of once, until it lets us in."""
    with structlog.testing.capture_logs() as said:
        async with FakeAmi() as fake, AmiClient(fake.account, on_news=lambda _: None, limits=QUICK) as ami:
            fake.secret = "other"
            fake.cut()
            await until(lambda: len(fake.asked("Login")) > 4)
            with pytest.raises(Unavailable, match=r"refuses the AMI user 'opendeep'.*manager\.conf"):
                await ami.ask("Originate")
            fake.secret = "right"
            await until(lambda: ami.is_ready)
            await ami.ask("Ping")

            assert (ami.counts.losses, ami.counts.logins) == (1, 2)
    assert [line["event"] for line in said].count("! Asterisk refuses the login") == 1


async def test_nobody_there() -> None:
    """Without an Asterisk, starting fails with what to do and leaves no task."""
    before = asyncio.all_tasks()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        account = AmiAccount(port=taken.getsockname()[1], username="a", secret=SecretStr("b"))
        with pytest.raises(Unavailable, match="is not there"):
            await AmiClient(account, on_news=lambda _: None, limits=QUICK).start(within_s=0.1)

    assert asyncio.all_tasks() == before


async def test_close_ends_reconnecting() -> None:
    """A client closed during an outage does not log in when Asterisk returns."""
    async with FakeAmi() as fake:
        async with AmiClient(fake.account, on_news=lambda _: None, limits=QUICK) as ami:
            await fake.stop_listening()
            await until(lambda: not ami.is_ready)
        await fake.listen()
        await asyncio.sleep(0.2)

        assert fake.connections == 1


async def test_fault_of_a_listener_harms_nobody() -> None:
    """An exception where the news go reaches the loop's handler; link and next event are unharmed."""
    heard, faults = [], []

    def listen(news: News) -> None:
        heard.append(news)
        if kinds(heard)[-1] == "Bad":
            raise ValueError("a bug")

    def note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        faults.append(str(context["exception"]))

    asyncio.get_running_loop().set_exception_handler(note)
    async with FakeAmi() as fake, AmiClient(fake.account, on_news=listen, limits=CALM) as ami:
        fake.event("Bad")
        fake.event("Good")
        await until(lambda: kinds(heard)[-1] == "Good")
        await ami.ask("Ping")

    assert (faults, ami.counts.losses) == (["a bug"], 0)


async def test_restart_is_told_from_outage() -> None:
    """Asterisk's own start time says whether the old calls can still be there."""
    news: list[News] = []
    async with FakeAmi() as fake, AmiClient(fake.account, on_news=news.append, limits=QUICK):
        fake.channels = ["od-1"]
        fake.cut()
        await until(lambda: kinds(news).count("LinkRestored") == 2)
        fake.started_at, fake.channels = "10:00:07", []
        fake.cut()
        await until(lambda: kinds(news).count("LinkRestored") == 3)

    restored = [one for one in news if isinstance(one, LinkRestored)]
    assert [one.is_restart for one in restored] == [False, False, True]
    assert [[channel.get("Uniqueid") for channel in one.channels] for one in restored] == [[], ["od-1"], []]


async def test_what_is_not_ami_is_cut() -> None:
    """Endless bytes without the end of a message cost a connection, not memory."""
    news: list[News] = []
    async with FakeAmi() as fake, AmiClient(fake.account, on_news=news.append, limits=QUICK):
        fake.say(b"x" * 1_100_000)
        await until(lambda: "LinkLost" in kinds(news))

    lost = next(one for one in news if isinstance(one, LinkLost))
    assert lost.reason == "Asterisk's manager interface sent something that is not AMI"

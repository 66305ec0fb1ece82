"""Our AMI client and a real Asterisk: its login, its answers, its refusals."""

import pytest
from pydantic import SecretStr

from opendeep_kit.asterisk.exchange import Exchange
from opendeep_kit.errors import BadInput
from opendeep_kit.phone.ami_client import AmiAccount, AmiClient, News
from tests.phone.test_ami_client import kinds


def account_of(exchange: Exchange, secret: str | None = None) -> AmiAccount:
    line = exchange.line
    return AmiAccount(
        port=line.ports.ami, username=line.ami_user, secret=SecretStr(secret) if secret else line.ami_secret
    )


async def test_real_asterisk_is_asked(exchange: Exchange) -> None:
    """A real Asterisk takes our login, shows its channels, answers a ping, and denies what our account may not do."""
    news: list[News] = []
    async with AmiClient(account_of(exchange), on_news=news.append) as ami:
        ping = await ami.ask("Ping")
        command = await ami.ask("Command", {"Command": "help"})

    assert kinds(news) == ["FullyBooted", "LinkRestored"]
    assert ping.headers["ping"] == "Pong"
    assert (command.is_success, command.message) == (False, "Permission denied")


async def test_real_asterisk_refuses_a_wrong_password(exchange: Exchange) -> None:
    """A real refusal is BadInput, within one attempt."""
    with pytest.raises(BadInput, match="Authentication failed"):
        await AmiClient(account_of(exchange, "wrong"), on_news=lambda _: None).start()

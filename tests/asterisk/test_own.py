"""Somebody's own Asterisk, connected as `asterisk/README.md` says: its commands are run, and calls go through."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from opendeep_kit.asterisk.configuration import configure_line
from opendeep_kit.asterisk.exchange import Exchange, rehearsal_trunk
from opendeep_kit.asterisk.instance import AsteriskInstance
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.originate import Structure
from tests.phone.asterisk_log import complaints
from tests.phone.studio import BUSY, EARLY_HANGUP, ECHO, WE_HUNG_UP, studio

FOLDER = Path(__file__).parents[2] / "asterisk"


def documented_commands(etc: Path) -> str:
    """Step 1 of the README, for an Asterisk whose files are elsewhere."""
    own = (FOLDER / "README.md").read_text().partition("## Your own Asterisk")[2]
    (block,) = re.findall(r"   ```sh\n(   ETC=.*?)   ```", own, re.DOTALL)
    commands = re.sub(r"^ {1,3}", "", block, flags=re.MULTILINE)
    assert commands.startswith("ETC=/etc/asterisk ")
    return commands.replace("/etc/asterisk", str(etc), 1)


@pytest.fixture
def own(exchange: Exchange, short_dir: Path) -> AsteriskInstance:
    """An Asterisk with a trunk of its own, `my-trunk`, and nothing of ours but what the README's commands put there."""
    assert exchange.callees is not None
    made = configure_line(
        short_dir / "own", program=exchange.line.program, trunk=rehearsal_trunk(exchange.callees), ami_user="theirs"
    )
    sip = made.etc_dir / "pjsip.conf"
    sip.write_text(sip.read_text().replace("opendeep-trunk", "my-trunk"))
    (made.etc_dir / "extensions.conf").write_text("[general]\nstatic = yes\n\n[default]\nexten = 100,1,Hangup()\n")
    manager = made.etc_dir / "manager.conf"
    manager.write_text(f"[general]\nenabled = no\nport = {made.ports.ami}\n")
    subprocess.run(["bash", "-euc", documented_commands(made.etc_dir)], cwd=FOLDER, check=True, capture_output=True)
    (secret,) = re.findall(r"^secret = (\w{48})$", manager.read_text(), re.MULTILINE)
    return replace(made, ami_user="opendeep", ami_secret=SecretStr(secret))


@pytest.mark.parametrize("structure", Structure)
async def test_readme_connects_it(exchange: Exchange, own: AsteriskInstance, structure: Structure) -> None:
    """After the README's commands it boots clean, and calls through its trunk are answered, busy and hung up."""
    async with await own.start(), studio(own, exchange.callees, structure=structure) as made:
        call = await made.talking(order := made.order(ECHO))
        made.sockets[order.call_id].hang_up()
        busy = await made.line.place(made.order(BUSY), lambda _: None)
        left = await made.line.place(made.order(EARLY_HANGUP), lambda _: None)

        assert await call == WE_HUNG_UP
        assert made.line.reaches_people
        assert (busy.phone_result, left.ended_by) == (PhoneResult.BUSY, EndedBy.CALLEE)
    assert complaints(own) == []

"""Chooses and opens the telephone line of a service: a real Asterisk, or the simulator where there is none.

Given settings and the rehearsal's addresses, yields a `Line` that is ready, and closes whatever it started. Never
places a call.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import TYPE_CHECKING

from opendeep_kit.asterisk.exchange import claimed, configure_exchange, obtain_program, running
from opendeep_kit.config import Settings
from opendeep_kit.errors import BadInput, OpenDeepError, PeerMisbehaved, Refused, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.phone.ami_client import AmiAccount
from opendeep_kit.phone.asterisk_line import AsteriskLine
from opendeep_kit.phone.line import Line
from opendeep_kit.phone.originate import Structure
from opendeep_kit.rehearsal.line import SimulatedLine
from opendeep_kit.rehearsal.public import is_made_up
from opendeep_kit.settings import NO_TRUNK, SET_TRUNK, AsteriskSettings

if TYPE_CHECKING:  # its module loads speech and sound, which no command waits for that places no call
    from opendeep_kit.rehearsal.host import Addresses

NO_ASTERISK = (Unavailable, BadInput, PeerMisbehaved)
"""What is raised where none can be had: no packages, none that Debian signed, no place for its folders, one too old."""


class LineName(StrEnum):
    """Which line carries the calls."""

    AUTO = "auto"
    """Asterisk where it can be had; else the simulator, unless real telephones are behind it."""
    ASTERISK = "asterisk"
    SIMULATOR = "simulator"


@contextlib.asynccontextmanager
async def open_line(settings: Settings, name: LineName, addresses: Addresses) -> AsyncIterator[Line]:
    """The line of this name.

    Raises:
        Unavailable: Asterisk cannot be installed, started or reached.
        BadInput: its settings or account are wrong, or the host's is too old.
        PeerMisbehaved: its packages are not Debian's. With `AUTO` none of them, unless there is a trunk or `ami_host`.
    """
    async with contextlib.AsyncExitStack() as stack:
        if name is LineName.SIMULATOR:
            yield _simulated(addresses)
            return
        try:
            line = await stack.enter_async_context(_asterisk(settings, addresses))
        except NO_ASTERISK as error:
            if not simulates_instead(settings.asterisk, name, error):
                raise
            yield _simulated(addresses)
            return
        yield line


def simulates_instead(settings: AsteriskSettings, name: LineName, error: OpenDeepError) -> bool:
    """Whether the simulator takes the place of an Asterisk that cannot be had; says why when it does.

    It never takes the place of real telephones: it would mark people as called who were not.
    """
    if name is not LineName.AUTO or settings.leads_to_people:
        return False
    log().warning("= no Asterisk here; the line simulator takes its place", why=error.what, do=error.do)
    return True


def fitted(settings: Settings, *, has_wideband: bool) -> Settings:
    """The settings with a line format that the line can carry: before Asterisk 22.7 AudioSocket knows 8 kHz only."""
    if has_wideband or settings.phone.line_format == "slin":
        return settings
    log().warning("= this Asterisk is older than 22.7: calls are 8 kHz", wanted=settings.phone.line_format)
    return settings.model_copy(update={"phone": settings.phone.model_copy(update={"line_format": "slin"})})


def check_reach(line: Line, number: str) -> None:
    """A number that is somebody's is not for the rehearsal's public, where it would be told to be a wrong one.

    Raises:
        Refused: it is, and the line leads there.
    """
    if not (line.reaches_people or is_made_up(number)):
        raise Refused(f"the line {line.name} reaches made-up numbers only: {NO_TRUNK}", do=SET_TRUNK)


def _simulated(addresses: Addresses) -> Line:
    return SimulatedLine(addresses.callees_host, addresses.callees_port)


@contextlib.asynccontextmanager
async def _asterisk(settings: Settings, addresses: Addresses) -> AsyncIterator[Line]:
    """Your own Asterisk when the settings name one; else ours, with the rehearsal's public behind it."""
    own = settings.asterisk
    async with contextlib.AsyncExitStack() as stack:
        wide: bool | None = None
        if own.ami_host is not None:
            account = _own_account(own)
        else:
            program = await asyncio.to_thread(obtain_program, own)
            async with claimed(settings.asterisk_dir):
                exchange = await asyncio.to_thread(
                    configure_exchange,
                    own,
                    program,
                    run_dir=settings.asterisk_dir,
                    personas_host=addresses.callees_host,
                    personas_port=addresses.callees_port,
                )
                line, wide = (await stack.enter_async_context(running(exchange))).line, program.has_wideband
            account = AmiAccount(
                host=line.ami_host, port=line.ports.ami, username=line.ami_user, secret=line.ami_secret
            )
        yield await stack.enter_async_context(
            AsteriskLine(account, structure=Structure(own.structure), caller_id=own.caller_id, has_wideband=wide)
        )


def _own_account(settings: AsteriskSettings) -> AmiAccount:
    if settings.ami_host is None or settings.ami_secret is None:
        raise BadInput("asterisk.ami_host is set, but asterisk.ami_secret is not", do="set both")
    return AmiAccount(
        host=settings.ami_host, port=settings.ami_port, username=settings.ami_user, secret=settings.ami_secret
    )

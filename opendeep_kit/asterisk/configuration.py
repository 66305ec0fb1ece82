"""Decides how one Asterisk instance is configured, and writes its folder.

Given a program, a folder and the few things that differ (trunk, personas, ports), picks free ports, generates the AMI
secret and renders `etc/`. Never starts anything; only the folder's owner can read what it writes.
"""

from __future__ import annotations

import errno
import ipaddress
import random
import re
import resource
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from opendeep_kit.asterisk.instance import AsteriskInstance, Ports, spelled, unwritable
from opendeep_kit.asterisk.program import AsteriskProgram
from opendeep_kit.asterisk.templates import Role, rendered, wanted_modules
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.numbers import checked

AMI_EVENTS = (
    "FullyBooted",
    "Shutdown",
    "Newchannel",
    "OriginateResponse",
    "DialBegin",
    "DialState",
    "DialEnd",
    "HangupRequest",
    "Hangup",
    "UserEvent",
)
"""All events that the AMI account receives."""
AMD_MODULE = "app_amd.so"
RTP_PORTS = 400
"""Two a call."""
_PORTS_FROM, _RTP_FROM, _RTP_TO = 10000, 16384, 32000
"""All below the range from which Linux takes ports for its own connections."""
_CODECS = frozenset({"ulaw", "alaw", "g722"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """Where calls go out."""

    host: str
    port: int = 5060
    user: str = ""
    """Account name; empty when the carrier knows us by address."""
    secret: SecretStr = field(default_factory=lambda: SecretStr(""))
    registers: bool = False
    codecs: tuple[str, ...] = ("ulaw", "alaw")
    """In order of preference."""
    caller_id: str = ""
    """Number shown to callees when the call names none."""
    external_address: str = ""
    """Ours as the carrier sees it; empty when no router translates addresses."""
    is_rehearsal: bool = False
    """Whether it leads to our own public: only there may our call id be seen."""

    def __post_init__(self) -> None:
        fields = {"host": self.host, "user": self.user, "secret": self.secret.get_secret_value()}
        fields |= {"address": self.external_address} if self.external_address else {}
        for name, value in fields.items():
            # `;` begins a comment in Asterisk's files, a line break a new setting.
            is_host = bool(re.fullmatch(r"[\w.\-]+", value)) or name in ("user", "secret")
            if re.search(r"[^\x21-\x7e]|;", value) or not is_host:
                raise BadInput(
                    f"the trunk's {name} contains characters that Asterisk cannot accept", do="correct the setting"
                )
        if not self.codecs or not _CODECS.issuperset(self.codecs):
            raise BadInput(f"trunk codecs {self.codecs}", do=f"choose from {', '.join(sorted(_CODECS))}")
        if self.caller_id:
            checked(self.caller_id, "asterisk.caller_id")


def configure_line(
    folder: Path,
    *,
    program: AsteriskProgram,
    trunk: Trunk,
    ports: Ports | None = None,
    sip_host: str | None = None,
    ami_user: str = "opendeep",
    amd: bool = False,
) -> AsteriskInstance:
    """Write the folder of an Asterisk that places calls through the trunk, unless the same runs there for good.

    Args:
        ports: None picks free ones.
        sip_host: address the SIP side listens on; None is loopback towards loopback, else all.
        amd: whether Asterisk listens for answering machines.

    Raises:
        BadInput: the folder's path or the trunk cannot be used.
        Unavailable: no free port, this Asterisk lacks modules, one runs in the folder, or it cannot be written.
    """
    listens_on = sip_host or ("127.0.0.1" if _is_loopback(trunk.host) else "0.0.0.0")
    values = {
        "sip_host": listens_on,
        "trunk_host": trunk.host,
        "trunk_address": f"{trunk.host}:{trunk.port}",
        "trunk_identity": f"{trunk.user}@{trunk.host}",
        "trunk_user": trunk.user,
        "trunk_secret": trunk.secret.get_secret_value(),
        "trunk_codecs": ",".join(trunk.codecs),
        "caller_id": trunk.caller_id,
        "external_address": trunk.external_address,
        "is_rehearsal": "yes" if trunk.is_rehearsal else "no",
        "has_amd": "yes" if amd else "no",
    }
    unwanted = {"pjsip_account.conf"} if not trunk.user else set()
    unwanted |= {"pjsip_nat.conf"} if not trunk.external_address else set()
    unwanted |= {"pjsip_registration.conf"} if not (trunk.user and trunk.registers) else set()
    return _configure(
        folder, Role.LINE, program, values, ports, ami_user=ami_user, sip_host=listens_on, without=unwanted, amd=amd
    )


def configure_callees(
    folder: Path, *, program: AsteriskProgram, personas_host: str, personas_port: int, ports: Ports | None = None
) -> AsteriskInstance:
    """Write the folder of the rehearsal's public.

    Args:
        personas_host: where the personas' AudioSocket server listens; a numeric address.
        personas_port: its port.

    Raises:
        BadInput: the folder's path or the address cannot be used.
        Unavailable: no free port, this Asterisk lacks modules, one runs in the folder, or it cannot be written.
    """
    if not re.fullmatch(r"[\w.\-]+", personas_host):
        raise BadInput(
            "the personas' host contains characters that Asterisk cannot accept", do="give a numeric address"
        )
    values = {"sip_host": "127.0.0.1", "personas": f"{personas_host}:{personas_port}"}
    trunks_only = {"pjsip_account.conf", "pjsip_registration.conf", "pjsip_nat.conf"}
    return _configure(folder, Role.CALLEES, program, values, ports, sip_host="127.0.0.1", without=trunks_only)


def free_ports(host: str = "127.0.0.1") -> Ports:
    """Ports that nobody listens on now.

    Raises:
        Unavailable: the address is not this machine's.
    """
    start = random.randrange(_RTP_FROM, _RTP_TO - RTP_PORTS, 2)
    return Ports(
        ami=_free_port("127.0.0.1", socket.SOCK_STREAM),
        sip=_free_port(host, socket.SOCK_DGRAM),
        rtp_start=start,
        rtp_end=start + RTP_PORTS - 1,
    )


def event_filters(program: AsteriskProgram) -> str:
    """manager.conf lines that let only `AMI_EVENTS` through, in the form this version understands."""
    if program.has_advanced_filters:
        return "\n".join(f"eventfilter(action(include),name({name})) =" for name in AMI_EVENTS)
    return "\n".join(f"eventfilter = Event: {name}" for name in AMI_EVENTS)


def _configure(
    folder: Path,
    role: Role,
    program: AsteriskProgram,
    values: dict[str, str],
    ports: Ports | None,
    *,
    sip_host: str,
    without: set[str],
    ami_user: str = "opendeep",
    amd: bool = False,
) -> AsteriskInstance:
    lacking = [name for name in program.missing(wanted_modules()) if amd or name != AMD_MODULE]
    if lacking == [AMD_MODULE]:
        raise Unavailable(
            f"this Asterisk lacks {AMD_MODULE}, which listens for answering machines",
            do="install its module packages, or set asterisk.amd to false",
        )
    if lacking:
        raise Unavailable(
            f"this Asterisk lacks {', '.join(lacking)}",
            do="install its module packages, or `opendeep asterisk install`",
        )
    if not re.fullmatch(r"[A-Za-z][\w\-]{0,31}", ami_user):
        raise BadInput("the AMI user is not a plain word", do="use letters, digits, - and _")
    instance = AsteriskInstance(
        folder=spelled(folder),
        role=role,
        program=program,
        ports=ports or free_ports(sip_host),
        sip_host=sip_host,
        ami_user=ami_user,
        ami_secret=SecretStr(secrets.token_urlsafe(24)),
    )
    values = {"load_amd": "load" if amd else "noload"} | values

    def texts_for(instance: AsteriskInstance) -> dict[str, str]:
        return rendered(role, _common_values(instance) | values, without=frozenset(without))

    if instance.pid is not None:
        return _adopted(instance, texts_for, has_ports=ports is not None)
    try:
        _write(instance, texts_for(instance))
    except OSError as error:
        raise unwritable(instance.folder, error) from None
    return instance


def _adopted(
    wanted: AsteriskInstance, texts_for: Callable[[AsteriskInstance], dict[str, str]], *, has_ports: bool
) -> AsteriskInstance:
    """The Asterisk that runs in the folder already, if it was started for good and is the one that is wanted.

    Raises:
        Unavailable: it is another process's, or other settings were in force when it was started.
    """
    instance = AsteriskInstance.load(wanted.folder)
    if instance.adopt() is None:
        raise Unavailable(
            f"an Asterisk runs in {wanted.folder} (pid {wanted.pid})",
            do="stop it first, or use another data folder (--data)",
        )
    same = replace(wanted, ports=wanted.ports if has_ports else instance.ports, ami_secret=instance.ami_secret)
    written = {file.name: file.read_text() for file in instance.etc_dir.glob("*.conf")}
    if instance != same or written != texts_for(same):
        raise Unavailable(
            f"the Asterisk that runs in {wanted.folder} was started with different settings",
            do="run `opendeep asterisk stop`, or use another data folder (--data)",
        )
    return instance


def _write(instance: AsteriskInstance, texts: dict[str, str]) -> None:
    for name in ("etc", "run", "log", "lib", "spool", "recordings"):
        (instance.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in instance.etc_dir.glob("*.conf"):
        old.unlink()
    for name, text in texts.items():
        file = instance.etc_dir / name
        file.touch(mode=0o600)
        file.write_text(text)
    instance.save()


def _common_values(instance: AsteriskInstance) -> dict[str, str]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "name": f"opendeep-{instance.role}",
        "folder": str(instance.folder),
        "modules_dir": str(instance.program.modules_dir),
        "data_dir": str(instance.program.data_dir),
        # Six descriptors a call; the usual soft limit of 1024 ends at 160 calls.
        "max_files": str(min(most, 16384) if most > 0 else 16384),
        "ami_port": str(instance.ports.ami),
        "ami_user": instance.ami_user,
        "ami_secret": instance.ami_secret.get_secret_value(),
        "event_filters": event_filters(instance.program),
        "sip_port": str(instance.ports.sip),
        "rtp_start": str(instance.ports.rtp_start),
        "rtp_end": str(instance.ports.rtp_end),
    }


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _free_port(host: str, kind: socket.SocketKind) -> int:
    for _ in range(100):
        port = random.randrange(_PORTS_FROM, _RTP_FROM)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise Unavailable(f"{host} is no address of this machine", do="set sip_host to one") from None
            else:
                return port
    raise Unavailable(f"no free port on {host}", do="stop some of the programs that listen there")

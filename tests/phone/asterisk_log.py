"""What Asterisk complained about, without the noise that belongs to it."""

from opendeep_kit.phone.asterisk_instance import AsteriskInstance

NOISE = ("Failed to receive frame from channel", "Failed to forward frame")
"""What the AudioSocket application of Asterisk 22 says at every hang-up."""


def complaints(instance: AsteriskInstance, since: int = 0) -> list[str]:
    """Warnings and errors in an instance's log, from this line on."""
    lines = instance.log_file.read_text().splitlines()[since:]
    return [line for line in lines if ("WARNING" in line or "ERROR" in line) and not any(n in line for n in NOISE)]

"""What Asterisk complained about, without the noise that belongs to it."""

from opendeep_kit.asterisk.instance import AsteriskInstance

NOISE = {
    "app_audiosocket.c: Failed to receive frame from channel": "the AudioSocket application, at the end of every call",
    "app_audiosocket.c: Failed to forward frame": "the same, when our sound comes in the moment of the hang-up",
    "app_dial.c: Unable to forward frametype 2": "our sound met a callee's leg that was hanging up in that millisecond",
    "Abnormal 'Gosub(opendeep-amd,s,1)' exit": "the callee left while Asterisk listened for an answering machine",
}
"""Part of a line, and when Asterisk 22 says it; none of them tells of anything lost."""


def complaints(instance: AsteriskInstance, since: int = 0) -> list[str]:
    """Warnings and errors in an instance's log, from this line on."""
    lines = instance.log_file.read_text().splitlines()[since:]
    return [line for line in lines if ("WARNING" in line or "ERROR" in line) and not any(n in line for n in NOISE)]

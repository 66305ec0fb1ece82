"""What of DBOS reaches people: its errors, in our words and our log."""

import logging
from pathlib import Path

from dbos import DBOS, DBOSConfig
from structlog.testing import capture_logs

from opendeep_kit.engine.dbos_terms import log_briefly


def test_its_errors_stand_in_our_log_alone() -> None:
    """One line each, on no stream that may be closed; of an error only its kind: its text may be what a person said."""
    log_briefly()
    logger = logging.getLogger("dbos")

    with capture_logs() as lines:
        logger.error("queue gone\nstack")
        try:
            raise ValueError("my name is Ann")
        except ValueError:
            logger.exception("step failed")

    assert [line["what"] for line in lines] == ["queue gone", "ValueError"]
    assert "Ann" not in str(lines)


def test_a_process_may_start_with_a_closed_stderr(tmp_path: Path) -> None:
    """DBOS flushes its handlers when it is made: none of them may be one whose stream is gone."""
    log_briefly()
    config: DBOSConfig = {
        "name": "opendeep",
        "system_database_url": f"sqlite:///{tmp_path}/queue.db",
        "enable_otlp": False,
    }

    made = DBOS(config=config)

    assert [type(handler).__name__ for handler in logging.getLogger("dbos").handlers] == ["_OwnLog"]
    del made
    DBOS.destroy(destroy_registry=True)

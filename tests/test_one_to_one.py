"""Every module of the package is known to the tests: one imports it, is called after it, or stands here."""

from pathlib import Path

from tests.source import imports, texts

ELSEWHERE: dict[str, str] = {
    "commands/options": "commands/test_campaign.py",
    "commands/rehearse": "one call of `make demo`, printed",
    "commands/tenant": "commands/test_campaign.py",
    "commands/up": "service/test_up.py",
    "engine/doubt": "engine/test_attempts.py",
    "engine/permission": "engine/test_dialer.py",
    "engine/take_over": "engine/test_attempts.py",
    "events/event": "test_events.py",
    "events/line": "test_events.py",
    "events/talk": "test_events.py",
    "events/tools": "test_events.py",
    "lab/call_tables": "lab/test_comparison.py",
    "phone/ami_wire": "phone/test_ami_client.py",
    "record/faults": "record/test_database.py",
    "record/plan_facts": "engine/test_planning.py",
    "rehearsal/realtime/client_events": "rehearsal/test_realtime_errors.py",
    "rehearsal/realtime/input_audio": "rehearsal/test_realtime_order.py",
    "rehearsal/realtime/listening": "rehearsal/test_realtime_order.py",
    "rehearsal/realtime/rejections": "rehearsal/test_realtime_errors.py",
    "rehearsal/realtime/responses": "rehearsal/test_realtime_responses.py",
    "rehearsal/realtime/session": "rehearsal/test_realtime_session.py",
    "voice/handshake_client": "rehearsal/test_realtime_client.py",
    "widgets/call_report": "widgets/test_call_player.py",
}
"""Modules that are tested through another door (a package's front, a command, a process): where, or why nowhere."""


def modules() -> list[str]:
    """Every module that holds code of ours."""
    return [
        path.removesuffix(".py")
        for path in texts("opendeep_kit")
        if not path.endswith("__init__.py") and "migrations/" not in path
    ]


def is_known(module: str) -> bool:
    """To a test that imports it or is called after it."""
    tests = [path for path in texts("tests") if Path(path).name.startswith("test_")]
    wanted = f"opendeep_kit.{module.replace('/', '.')}"
    folder, name = module.rpartition("/")[::2]
    return f"{folder}/test_{name}.py".lstrip("/") in tests or any(wanted in imports("tests")[path] for path in tests)


def test_every_module_is_known_to_a_test() -> None:
    """A new module comes with its test, or with a line above."""
    assert [module for module in modules() if not is_known(module) and module not in ELSEWHERE] == []


def test_the_list_is_not_outdated() -> None:
    """A module that is gone, or got a test, leaves it; a test that is named is there."""
    gone = [test for test in ELSEWHERE.values() if test.endswith(".py") and test not in texts("tests")]

    assert gone == []
    assert [module for module in ELSEWHERE if module not in modules() or is_known(module)] == []

"""Every module of the package has its test: a file of its name, or one named here."""

from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "opendeep_kit"

COVERED: dict[str, str] = {
    "rehearsal/host_process": "service/test_up.py",
    "campaigns/rule_inputs": "campaigns/test_permission.py",
    "campaigns/rules": "campaigns/test_permission.py",
    "campaigns/calendars": "campaigns/test_windows.py",
    "campaigns/contact_files": "campaigns/test_contacts_large.py",
    "rehearsal/callees_server": "rehearsal/test_callee.py",
    "warehouse/archive": "warehouse/test_connection.py",
    "warehouse/manifest": "warehouse/test_connection.py",
    "warehouse/pull": "warehouse/test_connection.py",
    "warehouse/folding": "warehouse/test_connection.py",
    "warehouse/catalogue": "warehouse/test_views.py",
    "voice/handshake_client": "rehearsal/test_realtime_client.py",
    "voice/own_words": "test_bridge.py",
    "voice/tool_runs": "test_bridge.py",
    "widgets/call_marks": "widgets/test_call_picture.py",
    "widgets/call_report": "widgets/test_call_player.py",
    "widgets/static_outputs": "widgets/test_call_player.py",
    "events/event": "test_events.py",
    "events/line": "test_events.py",
    "events/talk": "test_events.py",
    "events/tools": "test_events.py",
    "engine/attempt_end": "engine/test_dialer.py",
    "engine/campaign_service": "commands/test_campaign.py",
    "commands/call": "service/test_up.py",
    "commands/options": "commands/test_campaign.py",
    "commands/service": "commands/test_campaign.py",
    "commands/tenant": "commands/test_campaign.py",
    "engine/durable": "engine/test_control.py",
    "media/duty": "media/test_worker.py",
    "media/follow": "engine/test_dialer.py",
    "service/supervisor": "service/test_up.py",
    "lab/call_tables": "lab/test_comparison.py",
    "lab/placed_call": "lab/test_comparison.py",
    "settings": "test_config.py",
    "tasks/briefing_draft": "tasks/test_briefing.py",
    "widgets/call_review": "lab/test_past_calls.py",
    "widgets/paged_box": "widgets/test_briefing.py",
    "phone/ami_wire": "phone/test_ami_client.py",
    "asterisk/apt": "asterisk/test_install.py",
    "asterisk/exchange": "phone/test_asterisk_calls.py",
    "asterisk/configuration": "asterisk/test_instance.py",
    "asterisk/program": "asterisk/test_instance.py",
    "phone/live_call": "phone/test_asterisk_line.py",
    "rehearsal/asterisk_leg": "rehearsal/test_line.py",
    "rehearsal/realtime/client_events": "rehearsal/test_realtime_errors.py",
    "rehearsal/realtime/conversation_items": "rehearsal/test_realtime_items.py",
    "rehearsal/realtime/faults": "rehearsal/test_realtime_faults.py",
    "rehearsal/realtime/input_audio": "rehearsal/test_realtime_order.py",
    "rehearsal/realtime/listening": "rehearsal/test_realtime_order.py",
    "rehearsal/realtime_server": "rehearsal/test_realtime_session.py",
    "rehearsal/realtime/rejections": "rehearsal/test_realtime_errors.py",
    "rehearsal/realtime/response_events": "rehearsal/test_realtime_responses.py",
    "rehearsal/realtime/responses": "rehearsal/test_realtime_responses.py",
    "rehearsal/realtime/session": "rehearsal/test_realtime_session.py",
    "rehearsal/realtime/session_settings": "rehearsal/test_realtime_session.py",
    "record/faults": "record/test_database.py",
    "record/tables": "record/test_database.py",
}
"""Modules tested through the one that uses them."""

WITHOUT: dict[str, str] = {
    "cli": "reads arguments; `make demo` and every command's own test go through it",
    "commands/rehearse": "one call of `make demo`, printed",
    "outcomes": "names only",
    "phone/line": "a shape only",
    "rehearsal/engines": "shapes, and stand-ins that the other rehearsal tests run on",
    "rehearsal/host": "two servers, each tested by itself; `make demo` runs them in one process",
    "tenants": "one dataclass without rules",
    "voice/engine": "a shape only",
}
"""Modules without a test of their own, and why."""


def modules() -> list[str]:
    """Every module that holds code of ours."""
    paths = (path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*.py")))
    return [
        path.with_suffix("").as_posix() for path in paths if path.stem != "__init__" and "migrations" not in path.parts
    ]


def has_a_test(module: str) -> bool:
    """A file `test_<name>.py` at its own place below the tests, or anywhere else where it mirrors no other module."""
    known = {*modules()}
    mirrored = {
        path: path.with_name(path.stem.removeprefix("test_")).relative_to(TESTS).as_posix()
        for path in TESTS.rglob(f"test_{Path(module).name}.py")
    }
    return any(mirror == module or mirror not in known for mirror in mirrored.values())


def test_every_module_has_its_test() -> None:
    """A new module comes with a test of its name, or with a line above."""
    assert [m for m in modules() if not has_a_test(m) and m not in COVERED and m not in WITHOUT] == []


def test_listed_tests_exist() -> None:
    """What is said to cover a module is there."""
    assert [path for path in COVERED.values() if not (TESTS / path).is_file()] == []


def test_lists_are_not_outdated() -> None:
    """A module that is gone, or got its own test, leaves the lists."""
    known = {*modules()}

    assert [m for m in {*COVERED, *WITHOUT} if m not in known or has_a_test(m)] == []

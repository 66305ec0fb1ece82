"""What holds for every test: its category, the fence around units, virtual time, and the figures at the end of a run."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from tests.categories import BUDGETS_S, Category, category_of, modules_below
from tests.fence import FENCE
from tests.virtual_time import VirtualLoop

LATER_MARKS = ("slow", "soak")
"""Marks that only the module itself knows."""


PLUGINS = ("tests.asterisk.running", "tests.record.made_once")
"""Fixtures that no unit needs: they load the product."""


def could_match(expression: str, category: Category) -> bool:
    """Whether any test of this category can be one that `-m` asks for."""
    if not expression:
        return True
    wanted = Expression.compile(expression)
    marks = [{category.value}, *({category.value, later} for later in LATER_MARKS)]
    return any(wanted.evaluate(known.__contains__) for known in marks)


def pytest_configure(config: pytest.Config) -> None:
    """Marks; and the fixtures that this run may need."""
    for category in Category:
        config.addinivalue_line("markers", f"{category}: see tests/categories.py")
    if any(could_match(config.getoption("markexpr"), category) for category in Category if category.opens_something):
        for plugin in PLUGINS:
            config.pluginmanager.import_plugin(plugin)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A folder or a module without anything that `-m` asks for is not even imported."""
    expression = config.getoption("markexpr")
    categories = {category_of(path) for path in modules_below(collection_path)}
    if categories and not any(could_match(expression, category) for category in categories):
        return True
    return None


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test carries its module's category as a mark."""
    item.add_marker(category_of(item.path).value)


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Where only this process is concerned, time is virtual."""
    if category_of(item.path).opens_something:
        return {"wall": asyncio.new_event_loop}
    return {"virtual": VirtualLoop}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A unit test and all its fixtures run inside the fence."""
    if category_of(item.path) is not Category.UNIT:
        return (yield)
    with FENCE.around():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """What crossed the fence fails the test, even where the product took the refusal for an ordinary failure."""
    result = yield
    FENCE.check()
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """With `--durations`: each category's tests, their time, and how many are over its budget."""
    if config.getoption("durations") is None:
        return
    took: dict[Category, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if isinstance(report, pytest.TestReport):
            category = next(category for category in Category if category.value in report.keywords)
            took[category][report.nodeid] += report.duration
    terminalreporter.section("categories")
    for category in sorted(took, key=list(Category).index):
        times, budget_s = took[category].values(), BUDGETS_S[category]
        over = sum(seconds > budget_s for seconds in times)
        terminalreporter.write_line(
            f"{category:10}{len(times):6} tests {sum(times):8.1f} s, {over:4} of them over {budget_s} s"
        )

"""Marks what is here, and counts the inputs that were tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.hostile)


@pytest.fixture
def tried(record_property: Callable[[str, object], None]) -> Callable[[int], None]:
    """Say how many inputs a test tries, where it is more than one."""
    return lambda count: record_property("inputs", count)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line: how many inputs were tried, and in how many tests there is a fault."""
    ended = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, ())
        if report.when == "call" and report.nodeid.startswith("tests/hostile/")
    ]
    if ended:
        inputs = sum(dict(report.user_properties).get("inputs", 1) for report in ended)
        faults = sum(report.failed for report in ended)
        terminalreporter.write_line(f"hostile inputs: {inputs} tried in {len(ended)} cases, faults in {faults} cases")

"""What pytest loads of this folder; and what it prints: who got which answer (`-v`), and of a
red test's log only the end.
"""

from collections.abc import Generator

import pytest

pytest_plugins = [
    "tests.contract.conformance",
    "tests.contract.payloads",
    "tests.contract.statements",
]

LOG_LINES = 20


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shorten what was captured, or the log of a thousand requests hides the assertion."""
    report = yield
    if report.failed and item.config.get_verbosity() < 2:
        report.sections = [(title, end_of(text)) for title, text in report.sections]
    return report


def end_of(text: str) -> str:
    lines = text.splitlines()
    if len(lines) <= LOG_LINES:
        return text
    left_out = f"... {len(lines) - LOG_LINES} lines before that: -vv shows them"
    return "\n".join([left_out, *lines[-LOG_LINES:]])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A test takes part with `record_property("call", (operation, caller, status))`."""
    table: dict[str, dict[str, int]] = {}
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            if name == "call" and report.when == "call":
                operation, caller, status = value
                table.setdefault(operation, {})[caller] = status
    if not table or terminalreporter.verbosity < 1:
        return
    callers = list(next(iter(table.values())))
    width = max(map(len, table))
    terminalreporter.section("who may call what")
    terminalreporter.line("  ".join([" " * width, *callers]))
    for operation, answers in table.items():
        cells = [str(answers.get(caller, "")).ljust(len(caller)) for caller in callers]
        terminalreporter.line("  ".join([operation.ljust(width), *cells]).rstrip())

"""`pytest -v` prints who got which answer: a table of the calls that tests recorded."""

import pytest


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

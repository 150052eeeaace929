"""What pytest loads of this folder; and what it prints: who got which answer (`-v`), and of a
red test's log only the end.
"""

from collections.abc import Generator
from pathlib import Path

import pytest

pytest_plugins = [
    "tests.answers",
    "tests.contract.conformance",
    "tests.contract.payloads",
    "tests.contract.statements",
]

ROOT = Path(__file__).parents[2]
LOG_LINES = 20


def pytest_configure() -> None:
    """Refuse what plain copier leaves, and `poe update` up to 0.8.0: files at their old paths."""
    table = (ROOT / "devtools/moved.txt").read_text().splitlines()
    pairs = [(old, new) for old, new in map(str.split, table) if (ROOT / old).is_file()]
    if any(is_moved(ROOT / old, ROOT / new) for old, new in pairs):
        raise pytest.UsageError(
            "Files of the template have moved. Commit, and `uv run poe update` once more: it takes "
            "your changes along. If it finds nothing to do, do so by hand, and delete the old ones."
            + "".join(f"\n  {old} is {new} now" for old, new in pairs)
        )


def is_moved(old: Path, new: Path) -> bool:
    """Most lines are the same; else it is a file of yours that has the name by chance."""
    was, now = (set(path.read_bytes().splitlines()) for path in (old, new))
    return 2 * len(was & now) > len(was)


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

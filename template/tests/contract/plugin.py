"""What pytest loads of this folder, and what it prints."""

import asyncio
from collections.abc import AsyncIterator, Generator
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path

import pytest
from coverage import Coverage

from app.log_output import output

pytest_plugins = ["tests.answers", "tests.contract.conformance", "tests.contract.statements"]

ROOT = Path(__file__).parents[2]
LOG_LINES = 20
output.deadline = inf  # a line is written before the test goes on, so it is in the test's output


def pytest_configure() -> None:
    """Refuse what plain copier leaves, and `poe update` up to 0.8.0: files at their old paths."""
    table = (ROOT / "devtools/moved.txt").read_text().splitlines()
    pairs = [
        (old, new)
        for old, new in map(str.split, table)
        if (ROOT / old).is_file() and (ROOT / new).is_file()
    ]
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


@pytest.fixture
async def unmeasured() -> AsyncIterator[None]:
    """No coverage meanwhile: thousands of requests reach what others have reached."""
    measuring = Coverage.current()
    if measuring:
        measuring.stop()
    yield
    if measuring:
        measuring.start()
        # A thread that began meanwhile would never be measured: later tests get new ones.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shorten what was captured, or the log of a thousand requests hides the assertion."""
    report = yield
    if report.failed and item.config.get_verbosity() < 2:
        report.sections = [
            (f"{title}, the end (all of it: -vv)", "\n".join(text.splitlines()[-LOG_LINES:]))
            for title, text in report.sections
        ]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """With `-v`, what `test_access` records: who got which status."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    calls = [value for each in reports for name, value in each.user_properties if name == "call"]
    statuses: dict[str, list[str]] = {}
    for operation, caller, status in calls:
        statuses.setdefault(operation, []).append(f"{caller} {status}")
    if terminalreporter.verbosity >= 1:
        for operation, found in statuses.items():
            terminalreporter.line(f"{operation}: {', '.join(found)}")

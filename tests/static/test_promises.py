"""Every promise names tests, and the tests are there."""

import ast
import re

import pytest

from tests.services import ROOT

PROMISES = (ROOT / "docs/promises.md").read_text()
ROWS = re.findall(r"^\| ([A-Z]\d+) \| (.+?) \| (.+?) \| (.*?)\|$", PROMISES, re.MULTILINE)
SUITES = [*(ROOT / "template/tests").rglob("*test_*.py*"), *(ROOT / "tests").rglob("test_*.py")]
TESTS = {
    function.name
    for path in SUITES
    for function in ast.walk(ast.parse(path.read_text()))
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
}


@pytest.mark.parametrize(("number", "promise", "tests", "limit"), ROWS, ids=lambda cell: cell[:3])
def test_a_promise_is_proved_by_tests_that_exist(
    number: str, promise: str, tests: str, limit: str
) -> None:
    named = re.findall(r"`(test_\w+)`", tests)

    assert promise.endswith("."), f"{number} is no sentence"
    assert named, f"{number} names no test"
    assert set(named) <= TESTS, f"{number} names tests that are not there: {set(named) - TESTS}"


def test_every_row_is_read() -> None:
    written = re.findall(r"^\| ([A-Z]\d+) \|", PROMISES, re.MULTILINE)

    assert written == [number for number, *_ in ROWS]
    assert len(set(written)) == len(written)

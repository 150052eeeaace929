"""The one list of rules: each is a heading, a few sentences, the tests that hold it, and its limit.

That the tests are there is seen by `test_docs.py`.
"""

import re

import pytest

from tests.services import ROOT

PROMISES = (ROOT / "docs/promises.md").read_text()
PROMISE = re.compile(
    r"^### ([A-Z])(\d+)\. (.+)\n\n(.+)\n\n- Tests: (.+)\n(?:- Limit: (.+)\n)?(?=\n#|\Z)",
    re.MULTILINE,
)
FOUND = [pytest.param(*groups[3:], id="".join(groups[:2])) for groups in PROMISE.findall(PROMISES)]
LONGEST_HEADING = 70
LONGEST_LINE = 340


@pytest.mark.parametrize(("sentences", "tests", "limit"), FOUND)
def test_a_promise_names_the_tests_that_prove_it(sentences: str, tests: str, limit: str) -> None:
    assert sentences.endswith(".")
    assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*", tests)
    assert limit == "" or limit.endswith(".")


def test_every_promise_has_that_form() -> None:
    headings = re.findall(r"^### (.+)$", PROMISES, re.MULTILINE)

    assert headings == [
        f"{letter}{n}. {title}" for letter, n, title, *_ in PROMISE.findall(PROMISES)
    ]


def test_promises_are_numbered_without_a_gap() -> None:
    numbers: dict[str, list[int]] = {}
    for letter, number, *_ in PROMISE.findall(PROMISES):
        numbers.setdefault(letter, []).append(int(number))

    assert [*numbers] == re.findall(r"^## ([A-Z])\. ", PROMISES, re.MULTILINE)
    assert all(found == [*range(1, len(found) + 1)] for found in numbers.values())


def test_a_promise_is_short() -> None:
    """What is longer is two promises, or an explanation that belongs into a decision."""
    for line in PROMISES.splitlines():
        assert len(line) <= (LONGEST_HEADING if line.startswith("#") else LONGEST_LINE), line

"""Every pair of answers, whatever is asked: with a new question in `copier.yml`, so are its."""

from itertools import combinations, product
from typing import Any

from allpairspy import AllPairs  # type: ignore[import-untyped]

from tests.services import ODD, QUESTIONS, Answers

LONGEST: Answers = {
    "service_name": "W" * 40,
    "slug": "a" * 50,
    "description": "D" * 90,
    "author": "A" * 90,
}

type Pair = tuple[tuple[str, Any], tuple[str, Any]]


def answers_to(name: str) -> list[Any]:
    """Those worth telling apart. None stands for the default, which may follow from others."""
    question = QUESTIONS[name]
    if question["type"] == "bool":
        return [True, False]
    if "choices" in question:
        return list(question["choices"])
    return [None, ODD[name], LONGEST[name]]


def all_pairs() -> set[Pair]:
    return {
        ((one, a), (other, b))
        for one, other in combinations(QUESTIONS, 2)
        for a, b in product(answers_to(one), answers_to(other))
    }


def pairs_in(row: Answers) -> set[Pair]:
    return set(combinations(row.items(), 2))


def rows_with_every_pair() -> list[Answers]:
    """A few complete sets of answers, which together hold every pair of answers."""
    rows = AllPairs([answers_to(name) for name in QUESTIONS])
    return [dict(zip(QUESTIONS, row, strict=True)) for row in rows]


def given(row: Answers) -> Answers:
    """What is typed; the rest is left at its default."""
    return {name: answer for name, answer in row.items() if answer is not None}

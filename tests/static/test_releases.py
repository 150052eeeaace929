"""What no release may do to the services of the releases before it."""

import re
from itertools import pairwise
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from tests.releases import NEXT, documented, releases, settings_of
from tests.services import QUESTIONS, ROOT, TEMPLATE, files_of, outcome

VERSIONS = [*releases(), NEXT]
STEPS = list(pairwise(VERSIONS))


def test_every_release_is_in_the_changelog_and_in_the_history() -> None:
    """A release that is not found is one that no update is tested from."""
    assert list(releases()) == documented(), "is this a whole clone? git fetch --unshallow"
    numbers = [tuple(map(int, version.split("."))) for version in documented()]
    assert numbers == sorted(numbers)


def test_tags_are_where_the_history_says() -> None:
    """A clone may lack them; but a tag that was moved breaks updates from that version."""
    for version, commit in releases().items():
        code, tagged = outcome(ROOT, "git", "rev-parse", "--quiet", "--verify", f"{version}^{{}}")
        assert code != 0 or tagged.strip() == commit, version


def test_the_version_of_this_repository_is_the_last_release() -> None:
    assert f'version = "{documented()[-1]}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize(("older", "newer"), STEPS, ids="-".join)
def test_no_question_forgets_its_answer(older: str, newer: str, history: Path) -> None:
    """A question that is renamed, or gets another type, starts with what was answered before."""
    before, after = settings_of(history, older), settings_of(history, newer)
    asked = {
        name: question
        for name, question in before.items()
        if name[0] != "_" and question.get("when", True)
    }
    for name, question in asked.items():
        now = after.get(name)
        if now is None or now["type"] != question["type"]:
            heirs = [q for n, q in after.items() if n[0] != "_" and n != name]
            fallback = rf"\b{name}\s*\|\s*default\("
            assert any(re.search(fallback, str(q.get("default"))) for q in heirs), name
        else:
            assert now.get("when", True), f"{name} is not asked any more"
            assert set(question.get("choices", [])) <= set(now.get("choices", [])), name


@pytest.mark.parametrize(("older", "newer"), STEPS, ids="-".join)
def test_a_new_question_is_answered_as_if_it_were_not_asked(
    older: str, newer: str, history: Path
) -> None:
    """A service that exists gets no new feature unless its owner says yes."""
    before, after = settings_of(history, older), settings_of(history, newer)
    for name in after.keys() - before.keys():
        if name[0] != "_" and after[name]["type"] == "bool":
            assert after[name]["default"] is False, name


def test_nothing_is_run_and_nobody_trusted(history: Path) -> None:
    """By no release: an update also renders the version that it comes from."""
    for version in VERSIONS:
        settings = settings_of(history, version)
        assert not {"_tasks", "_migrations", "_jinja_extensions"} & settings.keys(), version


def filters_in(source: str) -> set[str]:
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - parsed, never rendered
    environment.filters |= dict.fromkeys(re.findall(r"\|\s*(\w+)", source), str)
    return {found.name for found in environment.parse(source).find_all(nodes.Filter)}


def test_nothing_random_or_dated_is_rendered() -> None:
    """Both come by filters; each update would conflict with itself, or overwrite."""
    in_files = {
        name
        for path in files_of(TEMPLATE)
        for source in (
            str(path.relative_to(TEMPLATE)),
            path.read_text() if path.suffix == ".jinja" else "",
        )
        for name in filters_in(source)
    }
    defaults = [str(question.get("default", "")) for question in QUESTIONS.values()]
    in_answers = {name for default in defaults for name in filters_in(default)}

    assert in_files <= {"replace", "to_nice_yaml"}
    assert in_answers <= {"default", "regex_replace", "replace"}


def test_the_file_of_answers_never_changes(history: Path) -> None:
    """So that the owner's changes in it are the only ones, and no update touches it."""
    ours = (TEMPLATE / "tests/answers.py").read_text()

    for version in VERSIONS:
        code, released = outcome(history, "git", "show", f"{version}:template/tests/answers.py")
        assert code != 0 or released == ours, version

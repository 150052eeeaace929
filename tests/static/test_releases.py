"""What no release may do to the services of the releases before it."""

import re
from itertools import pairwise
from pathlib import Path

import jinja2
import pathspec
import pytest
from jinja2 import nodes

from tests.conftest import RenderedAt
from tests.owners import names_in
from tests.releases import NEXT, documented, releases, settings_of
from tests.services import PROFILES, QUESTIONS, ROOT, TEMPLATE, files_of, outcome, run

VERSIONS = [*releases(), NEXT]
STEPS = list(pairwise(VERSIONS))
# What may change is always looked at, where all files are; the history, where a seed says.
LOSSES = [
    pytest.param(
        *(*step, profile),
        marks=[] if (step[1], profile) == (NEXT, "everything") else [pytest.mark.sample(1)],
    )
    for step in STEPS
    for profile in PROFILES
]


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


def excluded_from_updates(settings: dict[str, object]) -> pathspec.GitIgnoreSpec:
    """The paths that stay as they are in a service, when it is updated to that version."""
    patterns = [
        line.strip()
        for entry in settings["_exclude"]  # type: ignore[attr-defined]
        for line in jinja2.Template(entry).render(_copier_operation="update").splitlines()
    ]
    return pathspec.GitIgnoreSpec.from_lines(patterns)


# Tools of the template that went; no owner has a reason to edit them.
TOOLS = {"scripts/update.py"}


@pytest.mark.updates
@pytest.mark.parametrize(("older", "newer", "profile"), LOSSES)
def test_no_path_goes_away(
    older: str, newer: str, profile: str, history: Path, rendered_at: RenderedAt
) -> None:
    """What the template renames or deletes, plain copier deletes, with the owner's changes.

    A path that must go is excluded from updates, so that it stays, and named in the changelog.
    """
    gone = names_in(rendered_at(older, PROFILES[profile])) - names_in(
        rendered_at(newer, PROFILES[profile])
    )
    kept = excluded_from_updates(settings_of(history, newer))
    changelog = run(history, "git", "show", f"{newer}:CHANGELOG.md")
    newest_section = changelog.split("\n## ")[1]

    for name in gone:
        excluded = kept.match_file(name) or name in TOOLS
        assert excluded, f"{name}: exclude it from updates in copier.yml"
        assert f"`{name}`" in newest_section or name.startswith("alembic/versions/"), name


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

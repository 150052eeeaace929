"""The template renders, and every question has a default."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_copie.plugin import Copie

from tests.services import PROFILES, ROOT, files_of

WORDS_OF_POSTS = re.compile(r"posts\b|\bPost([A-Z]\w+)?\b|\bpost_(id|repo|service|factory)\b")


@pytest.mark.parametrize("answers", PROFILES.values(), ids=PROFILES)
def test_it_renders(copie: Copie, answers: dict[str, Any]) -> None:
    result = copie.copy(extra_answers=answers, template_dir=ROOT, vcs_ref="HEAD")

    assert result.exit_code == 0, result.exception
    assert result.project_dir
    assert (result.project_dir / "app/main.py").is_file()


def test_every_question_has_a_default_and_says_what_it_changes() -> None:
    settings = yaml.safe_load((ROOT / "copier.yml").read_text())
    questions = {name: q for name, q in settings.items() if not name.startswith("_")}

    for name, question in questions.items():
        assert "default" in question, name
        assert question["help"].endswith(("?", ".")), name


def test_the_example_leaves_nothing_behind(renders: dict[str, Path]) -> None:
    minimal = renders["minimal"]

    for path in files_of(minimal):
        assert "posts" not in path.name, path
        text = path.read_text().replace("posts: false", "")  # the answer
        assert not WORDS_OF_POSTS.search(text), path


def test_the_example_is_what_its_name_finds(renders: dict[str, Path]) -> None:
    """The README removes it with `git rm $(git ls-files '*posts*')`."""
    default, minimal = renders["default"], renders["minimal"]
    names = {path.relative_to(default) for path in files_of(default)}
    left = {path.relative_to(minimal) for path in files_of(minimal)}

    assert names - left == {name for name in names if "posts" in str(name)}
    assert left <= names

"""The template renders, and every question has a default."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_copie.plugin import Copie

from tests.services import PROFILES, ROOT, files_of


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
        assert "post" not in path.name, path
        words = path.read_text().lower().replace("postgres", "").replace("client.post", "")
        lines = [line for line in words.splitlines() if "posts" in line or "post_" in line]
        answer = "posts: false"
        assert [line for line in lines if line != answer] == [], path


def test_the_example_is_what_its_name_finds(renders: dict[str, Path]) -> None:
    """The README removes it with `git rm $(git ls-files '*posts*')`."""
    default, minimal = renders["default"], renders["minimal"]
    names = {path.relative_to(default) for path in files_of(default)}
    left = {path.relative_to(minimal) for path in files_of(minimal)}

    assert names - left == {name for name in names if "posts" in str(name)}
    assert left <= names

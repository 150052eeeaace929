"""What each optional feature owns: with it the files are there, without it no word of it is."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services import FEATURES, files_of, without


@dataclass(frozen=True)
class Feature:
    """The answer that leaves it out is False; `words` are found in none of the other files."""

    files: set[str]
    words: str


OWNED = {
    "posts": Feature(
        files={
            "alembic/versions/0002_posts.py",
            "app/api/routes/posts.py",
            "app/models/posts.py",
            "app/repos/posts.py",
            "app/schemas/posts.py",
            "app/services/posts.py",
            "scripts/seeds/posts.py",
            "tests/factories/posts.py",
            "tests/integration/test_posts.py",
            "tests/unit/test_posts.py",
        },
        words=r"posts\b|\bPost([A-Z]\w+)?\b|\bpost_(id|repo|service|factory)\b",
    ),
    "docker": Feature(
        files={"Dockerfile", ".dockerignore", "compose.yaml", ".github/workflows/image.yml"},
        words=r"(?i)docker|compose\b",
    ),
    "github": Feature(
        files={
            ".github/dependabot.yml",
            ".github/workflows/ci.yml",
            ".github/workflows/image.yml",
            ".github/workflows/update.yml",
        },
        words=r"(?i)github(?!\.com/)|dependabot",  # but a template may be there
    ),
    "gitlab": Feature(files={".gitlab-ci.yml"}, words=r"(?i)gitlab(?!\.com/)|merge request"),
}


def names(service: Path) -> set[str]:
    return {str(path.relative_to(service)) for path in files_of(service)}


def test_every_yes_or_no_question_is_a_feature() -> None:
    assert OWNED.keys() == set(FEATURES)


@pytest.mark.parametrize("feature", OWNED)
def test_a_feature_owns_its_files_and_no_others(feature: str, renders: dict[str, Path]) -> None:
    with_it, without_it = names(renders["everything"]), names(renders[without(feature)])

    assert with_it - without_it == OWNED[feature].files
    assert without_it <= with_it


@pytest.mark.parametrize("feature", OWNED)
@pytest.mark.parametrize("profile", ["alone", "minimal"])
def test_without_a_feature_no_word_of_it_is_left(
    feature: str, profile: str, renders: dict[str, Path]
) -> None:
    service = renders[without(feature) if profile == "alone" else profile]

    for name in names(service):
        assert not re.search(OWNED[feature].words, name), name
        text = (service / name).read_text().replace(f"{feature}: false", "")  # the answer
        assert not re.search(OWNED[feature].words, text), name


@pytest.mark.parametrize("feature", OWNED)
def test_the_words_of_a_feature_are_its_words(feature: str, renders: dict[str, Path]) -> None:
    """Lest the test above looks for words that nobody writes."""
    for name in OWNED[feature].files:
        text = (renders["everything"] / name).read_text()
        assert re.search(OWNED[feature].words, name + text), name


def test_the_example_is_what_its_name_finds(renders: dict[str, Path]) -> None:
    """The README removes it with `git rm $(git ls-files '*posts*')`."""
    found = {name for name in names(renders["everything"]) if "posts" in name}

    assert found == OWNED["posts"].files

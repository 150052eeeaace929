"""What each optional feature owns: with it the files are there, without it no word of it is."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.services import PROFILES, ROOT, files_of


@dataclass(frozen=True)
class Feature:
    """The answer that leaves it out is False; `words` are found in none of the other files."""

    files: set[str]
    words: str


FEATURES = {
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
        },
        words=r"(?i)github|dependabot",
    ),
}


def names(service: Path) -> set[str]:
    return {str(path.relative_to(service)) for path in files_of(service)}


def test_every_yes_or_no_question_is_a_feature() -> None:
    settings = yaml.safe_load((ROOT / "copier.yml").read_text())
    asked = {name for name, q in settings.items() if name[0] != "_" and q["type"] == "bool"}

    assert asked == FEATURES.keys()
    assert PROFILES["minimal"] == dict.fromkeys(asked, False)


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_owns_its_files_and_no_others(feature: str, renders: dict[str, Path]) -> None:
    with_it, without = names(renders["default"]), names(renders[f"no-{feature}"])

    assert with_it - without == FEATURES[feature].files
    assert without <= with_it


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("profile", ["alone", "minimal"])
def test_without_a_feature_no_word_of_it_is_left(
    feature: str, profile: str, renders: dict[str, Path]
) -> None:
    service = renders[f"no-{feature}" if profile == "alone" else profile]

    for name in names(service):
        assert not re.search(FEATURES[feature].words, name), name
        text = (service / name).read_text().replace(f"{feature}: false", "")  # the answer
        assert not re.search(FEATURES[feature].words, text), name


@pytest.mark.parametrize("feature", FEATURES)
def test_the_words_of_a_feature_are_its_words(feature: str, renders: dict[str, Path]) -> None:
    """Lest the test above looks for words that nobody writes."""
    for name in FEATURES[feature].files:
        text = (renders["default"] / name).read_text()
        assert re.search(FEATURES[feature].words, name + text), name


def test_the_example_is_what_its_name_finds(renders: dict[str, Path]) -> None:
    """The README removes it with `git rm $(git ls-files '*posts*')`."""
    found = {name for name in names(renders["default"]) if "posts" in name}

    assert found == FEATURES["posts"].files

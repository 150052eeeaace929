"""The conversation: every question has a default, says what it changes, and refuses kindly."""

import ast
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from tests.services import ODD, QUESTIONS, ROOT, SETTINGS, TEMPLATE, once, render, run


def answers_of(service: Path) -> dict[str, Any]:
    answers = yaml.safe_load((service / ".copier-answers.yml").read_text())
    assert isinstance(answers, dict)
    return {name: value for name, value in answers.items() if name[0] != "_"}


@pytest.fixture(scope="session")
def without_git() -> Path:
    """The template as plain files: copier need not clone it for every question."""

    def make(new: Path) -> None:
        shutil.copytree(TEMPLATE, new / "template")
        shutil.copytree(ROOT / "macros", new / "macros")
        shutil.copy(ROOT / "copier.yml", new)

    return once("template without git", make)


WIDTH = 80  # copier cuts what is longer, and with it what to do


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_has_a_default_and_says_what_it_changes(name: str) -> None:
    assert "default" in QUESTIONS[name]
    assert QUESTIONS[name]["help"].endswith(("?", "."))
    assert len(f"## {QUESTIONS[name]['help']}") <= WIDTH


@pytest.mark.parametrize("name", [name for name, q in QUESTIONS.items() if "validator" in q])
def test_a_refusal_begins_with_what_to_type(name: str) -> None:
    sentences = re.findall(r"%\}\s*(Type .*?)\s*\{%", QUESTIONS[name]["validator"])

    assert sentences
    for sentence in sentences:
        remedy = re.split(r"[;:]", sentence.replace("{{ slug }}", "fastapi"))[0]
        assert len(f"Validation error for question '{name}': {remedy}") <= WIDTH


def test_the_answers_are_remembered_in_the_order_of_the_questions(
    renders: dict[str, Path],
) -> None:
    assert list(answers_of(renders["default"])) == list(QUESTIONS)


@pytest.mark.parametrize(
    ("service_name", "slug"),
    [
        ("Blog API", "blog-api"),
        ("  ".join(["a"] * 3), "a-a-a"),
        ("Café Orders", "cafe-orders"),
        ("ŁÓDŹ Tramwaje", "lodz-tramwaje"),
        ("Größe İzmir Æther", "grosse-izmir-aether"),
        ("Cafe\u0301", "cafe"),
        ("ß" * 40, "s" * 50),
        ("3D Printing", "d-printing"),
        ("X", "x"),
        ("class", "class"),
        ("O'Neill's", "o-neill-s"),
        ("注文サービス", "my-service"),
        ("42", "my-service"),
        ("FastAPI", "fastapi-service"),
        ("postgres", "postgres-service"),
        ("W" * 40, "w" * 40),
    ],
)
def test_the_slug_follows_from_the_name(
    service_name: str, slug: str, without_git: Path, tmp_path: Path
) -> None:
    service, data = tmp_path / "service", {"service_name": service_name}
    only = ["*", "!/pyproject.toml", "!/.copier-answers.yml"]
    copier.run_copy(str(without_git), service, data=data, defaults=True, exclude=only)

    assert answers_of(service)["slug"] == slug
    assert tomllib.loads((service / "pyproject.toml").read_text())["project"]["name"] == slug


def test_each_name_stands_where_it_belongs(renders: dict[str, Path]) -> None:
    service, odd = renders["odd"], ODD
    project = tomllib.loads((service / "pyproject.toml").read_text())["project"]
    readme = (service / "README.md").read_text()
    config = ast.parse((service / "app/config.py").read_text())
    constants = {node.value for node in ast.walk(config) if isinstance(node, ast.Constant)}

    assert (project["name"], project["description"]) == (odd["slug"], odd["description"])
    assert project["authors"] == [{"name": odd["author"]}]
    assert readme.startswith(f"# {odd['service_name']}\n\n{odd['description']}\n")
    assert {odd["service_name"], odd["slug"]} <= constants
    assert f'jwt_issuer: str = "{odd["slug"]}"' in (service / "app/config.py").read_text()
    packages = tomllib.loads((service / "uv.lock").read_text())["package"]
    assert odd["slug"] in {package["name"] for package in packages}


ONE_NAME = "Type 1-40 characters"
ONE_LINE = "Type one line"
A_SLUG = "Type lower case, such as blog-api"
TAKEN = "Type another, such as"


@pytest.mark.parametrize(
    ("question", "answer", "sentence"),
    [
        ("service_name", "", ONE_NAME),
        ("service_name", " ", ONE_NAME),
        ("service_name", "Blog ", ONE_NAME),
        ("service_name", "a" * 41, ONE_NAME),
        ("service_name", "a" * 200, ONE_NAME),
        ("service_name", 'The "Blog"', ONE_NAME),
        ("service_name", "C:\\blog", ONE_NAME),
        ("service_name", "<script>", ONE_NAME),
        ("service_name", "two\nlines", ONE_NAME),
        ("service_name", "a line\n", ONE_NAME),
        ("service_name", "separated\u2028lines", ONE_NAME),
        ("service_name", "\u00a0", ONE_NAME),
        ("service_name", "\u202eIPA golB", ONE_NAME),
        ("slug", "", A_SLUG),
        ("slug", "Blog", A_SLUG),
        ("slug", "blog_api", A_SLUG),
        ("slug", "blog--api", A_SLUG),
        ("slug", "-blog", A_SLUG),
        ("slug", "blog-", A_SLUG),
        ("slug", "3d", A_SLUG),
        ("slug", "../blog", A_SLUG),
        ("slug", "café", A_SLUG),
        ("slug", "blog\n", A_SLUG),
        ("slug", "a" * 51, A_SLUG),
        ("slug", "sqlalchemy", TAKEN),
        ("slug", "template1", TAKEN),
        ("description", "", ONE_LINE),
        ("description", " ", ONE_LINE),
        ("description", 'It is "new"', ONE_LINE),
        ("description", "a" * 91, ONE_LINE),
        ("author", "", ONE_LINE),
        ("author", "An\tauthor", ONE_LINE),
    ],
)
def test_a_bad_answer_gets_a_sentence_and_nothing_is_rendered(
    question: str, answer: str, sentence: str, without_git: Path, tmp_path: Path
) -> None:
    service, data = tmp_path / "service", {question: answer}

    with pytest.raises(ValueError, match=sentence):
        copier.run_copy(str(without_git), service, data=data, defaults=True)

    assert not service.exists()


def test_names_as_wide_as_they_may_be_keep_the_code_within_its_lines(tmp_path: Path) -> None:
    wide = {"service_name": "株" * 40, "description": "株" * 90, "author": "株" * 90}

    service = render(tmp_path / "service", slug="a" * 50, **wide)

    run(service, "ruff", "check", "--no-cache")
    run(service, "ruff", "format", "--check", "--no-cache")


def test_a_slug_is_no_package_of_the_lock() -> None:
    lock = tomllib.loads((TEMPLATE / "uv.lock.jinja").read_text())
    packages = {package["name"] for package in lock["package"]} - {"{{ slug }}"}

    databases = {"postgres", "template0", "template1"}
    assert set(SETTINGS["reserved_slugs"]["default"].split()) == packages | databases


def test_the_message_names_the_folder_and_what_to_type_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "with spaces" / "blog"

    copier.run_copy(str(ROOT), folder, defaults=True, vcs_ref="HEAD")

    message = capfd.readouterr().err
    lines = [line.strip() for line in message.splitlines()]
    assert f'cd "{folder}"' in lines
    assert 'git add --all && git commit -m "Render blog-api"' in lines
    typed = lines[lines.index("git init --initial-branch main") :]
    assert max(map(len, typed)) <= WIDTH - 2

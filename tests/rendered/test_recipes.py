"""Every recipe is applied to a rendered service, as its page says and nothing else, and proved."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recipes import NAMES, apply, blocks_of, own_tests_of
from tests.rendered.squawk import findings
from tests.services import installed, outcome, run, wait_until

# What a command of a recipe may write by itself.
WRITTEN = {"poe revision": r"alembic/versions/\w+\.py", "uv add": r"pyproject\.toml|uv\.lock"}


@pytest.fixture(scope="module")
def default_service(workspace: Path) -> Path:
    return installed(workspace / "recipes")


@pytest.fixture
def service(default_service: Path) -> Iterator[Path]:
    """The default service, put back afterwards; its database too, which has new migrations."""
    yield default_service
    lock_changed = "uv.lock" in changes(default_service)
    run(default_service, "git", "reset", "--hard", "--quiet")
    tools = [f"--exclude={name}" for name in (".venv", ".mypy_cache", ".ruff_cache")]
    clean = ("git", "clean", "-ffdxq", *tools)
    wait_until(lambda: outcome(default_service, *clean)[0] == 0)  # PostgreSQL clears up, too
    if lock_changed:
        run(default_service, "uv", "sync", "--locked", "--quiet")


def changes(service: Path) -> set[str]:
    lines = run(service, "git", "status", "--porcelain", "--untracked-files=all").splitlines()
    return {line[3:] for line in lines}


def uv_run(service: Path, *command: str) -> str:
    return run(service, "uv", "run", "--no-sync", *command)


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_works_alone(name: str, service: Path) -> None:
    apply(name, service)

    uv_run(service, "ruff", "format", "--check")
    uv_run(service, "ruff", "check")
    uv_run(service, "mypy", "app/", "tests/")
    uv_run(service, "pytest", "tests/unit", *own_tests_of(name))
    assert {path for path in changes(service) if not expected(path, name)} == set()


def expected(path: str, name: str) -> bool:
    """Whether the page says, or one of its commands implies, that this file changes."""
    blocks = blocks_of(name)
    named = {path for block in blocks for path in block.files}
    commands = "".join(block.text for block in blocks if block.kind == "sh")
    implied = [pattern for command, pattern in WRITTEN.items() if command in commands]
    return path in named or any(re.fullmatch(pattern, path) for pattern in implied)


def test_all_recipes_work_together(service: Path) -> None:
    for name in NAMES:
        apply(name, service)

    uv_run(service, "ruff", "format", "--check")
    uv_run(service, "ruff", "check")
    uv_run(service, "mypy", "app/", "tests/")
    tested = uv_run(service, "pytest")
    assert "skipped" not in tested, tested  # a route that its tests could not call
    assert findings(service) == ""

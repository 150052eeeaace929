"""Every recipe is applied to a rendered service, as its page says and nothing else, and proved."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services import ROOT, git_commit, outcome, render, run, wait_until

RECIPES = ROOT / "docs/recipes"
# Read from the index, because the last test follows its order: migrations build on each other.
NAMES = re.findall(
    r"^[\w-]+$", (RECIPES / "index.md").read_text().partition("```{toctree}")[2], re.M
)

FENCE = re.compile(r"^```(?P<kind>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"(?:\A|\n)(?:[A-Z][\w ]*: )?`([\w./-]+)`:\n{1,2}\Z")
CHANGED = re.compile(r"^\+\+\+ b/(.+)$", re.MULTILINE)
# What a command of a recipe may write by itself.
WRITTEN = {"poe revision": r"alembic/versions/\w+\.py", "uv add": r"pyproject\.toml|uv\.lock"}
PRECIOUS = {"app/api/deps.py", "app/db/session.py", "tests/conftest.py"}


@dataclass
class Block:
    """What a reader copies: a new file (`python`, with a path), a `diff`, or commands (`sh`)."""

    kind: str
    text: str
    path: str | None

    @property
    def files(self) -> list[str]:
        return [self.path] if self.path else CHANGED.findall(self.text)

    def apply(self, service: Path) -> None:
        if self.kind == "sh":
            run(service, "sh", "-ec", self.text)
        elif self.kind == "diff":
            patch = service.with_suffix(".diff")
            patch.write_text(self.text)
            run(service, "git", "apply", str(patch))
        else:
            new = service / str(self.path)
            assert not new.exists(), f"{self.path} is there already"
            new.write_text(self.text)


def blocks_of(name: str) -> list[Block]:
    page = (RECIPES / f"{name}.md").read_text()
    found = []
    for fence in FENCE.finditer(page):
        path = PATH.search(page[: fence.start()])
        found.append(Block(fence["kind"], fence["text"], path[1] if path else None))
    return found


def own_tests_of(name: str) -> list[str]:
    paths = [path for block in blocks_of(name) for path in block.files]
    return [path for path in paths if Path(path).name.startswith("test_")]


def apply(name: str, service: Path) -> None:
    for block in blocks_of(name):
        block.apply(service)


def test_the_index_lists_every_recipe() -> None:
    pages = {path.stem for path in RECIPES.glob("*.md")} - {"index"}

    assert sorted(NAMES) == sorted(pages)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_holds_nothing_that_is_not_applied(name: str) -> None:
    """Every block is a file with its path, a diff or commands; so no line of it can rot."""
    for block in blocks_of(name):
        assert block.kind in {"python", "diff", "sh"}, block.text
        assert (block.path is not None) == (block.kind == "python"), block.text
        assert not PRECIOUS & set(block.files), block.files
        assert not any(Path(path).name == "posts.py" for path in block.files), block.files
    assert own_tests_of(name), "a recipe proves itself"


@pytest.fixture(scope="module")
def installed(workspace: Path) -> Path:
    folder = render(workspace / "recipes")
    git_commit(folder)
    run(folder, "uv", "sync", "--locked", "--quiet")
    return folder


@pytest.fixture
def service(installed: Path) -> Iterator[Path]:
    """The default service, put back afterwards; its database too, which has new migrations."""
    yield installed
    lock_changed = "uv.lock" in changes(installed)
    run(installed, "git", "reset", "--hard", "--quiet")
    tools = [f"--exclude={name}" for name in (".venv", ".mypy_cache", ".ruff_cache")]
    clean = ("git", "clean", "-ffdxq", *tools)
    wait_until(lambda: outcome(installed, *clean)[0] == 0)  # PostgreSQL clears up, too
    if lock_changed:
        run(installed, "uv", "sync", "--locked", "--quiet")


def changes(service: Path) -> set[str]:
    lines = run(service, "git", "status", "--porcelain", "--untracked-files=all").splitlines()
    return {line[3:] for line in lines}


def uv_run(service: Path, *command: str) -> str:
    return run(service, "uv", "run", "--no-sync", *command)


@pytest.mark.rendered
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


@pytest.mark.rendered
def test_all_recipes_work_together(service: Path, pytestconfig: pytest.Config) -> None:
    for name in NAMES:
        apply(name, service)

    uv_run(service, "ruff", "format", "--check")
    uv_run(service, "ruff", "check")
    uv_run(service, "mypy", "app/", "tests/")
    uv_run(service, "python", "-m", "scripts.check_migrations")
    tested = uv_run(service, "pytest", "--seed", str(pytestconfig.option.seed))
    assert "skipped" not in tested, tested  # a route that its tests could not call

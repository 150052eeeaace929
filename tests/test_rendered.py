"""A rendered service is installed, and passes its own checks, on every Python we promise."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.services import FULLY_CHECKED, PROFILES, git_commit, render, run, running

pytestmark = pytest.mark.rendered

PYTHONS = os.environ.get("PYTHONS", "3.12 3.13").split()
# No answer matters to a Python, so one of them has every profile.
MATRIX = [
    (profile, python)
    for python in PYTHONS
    for profile in FULLY_CHECKED
    if profile == "default" or python == PYTHONS[-1]
]


@dataclass(frozen=True)
class Service:
    folder: Path
    variables: dict[str, str]
    measured: bool

    def run(self, *command: str, **variables: str) -> str:
        return run(self.folder, "uv", "run", "--no-sync", *command, **self.variables, **variables)


@pytest.fixture(scope="module", params=MATRIX, ids="-".join)
def service(request: pytest.FixtureRequest, workspace: Path) -> Service:
    """Each profile, and the default one on each Python, installed as its lock says.

    The profiles have the same packages, so they share an environment, and what mypy knows of it.
    """
    profile, python = request.param
    folder = render(workspace / f"{profile}-{python}", **PROFILES[profile])
    git_commit(folder)
    shared = {
        "UV_PYTHON": python,
        "UV_PROJECT_ENVIRONMENT": str(workspace / f"venv-{python}"),
        "MYPY_CACHE_DIR": str(workspace / f"mypy-{python}"),
    }
    run(folder, "uv", "sync", "--locked", "--quiet", **shared)
    # Measuring doubles the time. With odd names the code is the same, as on an older Python.
    measured = python == PYTHONS[-1] and profile != "odd"
    return Service(folder, shared, measured)


def test_it_is_formatted(service: Service) -> None:
    service.run("ruff", "format", "--check")


def test_it_is_linted(service: Service) -> None:
    service.run("ruff", "check")


def test_it_is_typed(service: Service) -> None:
    """Strictly; and so are the tests and scripts, which the owner need not check."""
    service.run("mypy", "app/", "scripts/", "tests/")


def test_its_tests_pass_and_reach_every_branch(service: Service) -> None:
    output = service.run("pytest", *(["--cov", "--cov-fail-under=100"] if service.measured else []))

    assert re.search(r"^=+ \d+ passed in .*=$", output, re.MULTILINE), output


def test_its_migrations_apply_and_can_be_undone(service: Service) -> None:
    steps = [["upgrade", "head"], ["downgrade", "base"], ["upgrade", "head"], ["check"]]

    for step in steps:
        output = service.run("python", "-m", "scripts.run", "alembic", *step)

    assert "No new upgrade operations detected." in output


def test_it_starts_without_a_database_and_says_so(service: Service) -> None:
    command = ["uv", "run", "--no-sync", "uvicorn", "app.main:app", "--port"]
    nowhere = "postgresql://postgres@127.0.0.1:1/nowhere"

    with running(service.folder, *command, DATABASE_URL=nowhere, **service.variables) as url:
        assert httpx.get(f"{url}/docs").status_code == 200
        assert httpx.get(f"{url}/health/live").status_code == 200
        assert httpx.get(f"{url}/health/ready").status_code == 503


def test_it_leaves_git_alone(service: Service) -> None:
    """Whatever the tests above wrote."""
    assert run(service.folder, "git", "status", "--porcelain") == ""

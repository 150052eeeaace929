"""A rendered service is installed, and passes its own checks, on every Python we promise."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rendered.costs import cost_of, cost_of_a_start
from tests.services import FULLY_CHECKED, PROFILES, git_commit, http, render, run, running

PYTHONS = os.environ.get("PYTHONS", "3.12 3.13").split()
# No answer matters to a Python: each profile runs on one of them, the weekly workflow tries all.
USUAL = {("default", PYTHONS[-1]), ("minimal", PYTHONS[0])}
MATRIX = [
    pytest.param(
        (profile, python),
        marks=[] if (profile, python) in USUAL else [pytest.mark.sample(0)],
        id=f"{profile}-{python}",
    )
    for python in PYTHONS
    for profile in FULLY_CHECKED
]


STARTS = 30  # of the service: its tests may cost as much. Decision 26 says why


@dataclass(frozen=True)
class Service:
    folder: Path
    variables: dict[str, str]

    def run(self, *command: str, **variables: str) -> str:
        return run(self.folder, "uv", "run", "--no-sync", *command, **self.variables, **variables)


@pytest.fixture(scope="module", params=MATRIX)
def service(request: pytest.FixtureRequest, workspace: Path) -> Service:
    """Each profile, installed as its lock says."""
    profile, python = request.param
    folder = render(workspace / f"{profile}-{python}", **PROFILES[profile])
    git_commit(folder)
    shared = {
        "UV_PYTHON": python,
        "UV_PROJECT_ENVIRONMENT": str(workspace / f"venv-{python}"),
        "MYPY_CACHE_DIR": str(workspace / f"mypy-{python}"),
    }
    run(folder, "uv", "sync", "--locked", "--quiet", **shared)
    return Service(folder, shared)


def test_it_is_formatted(service: Service) -> None:
    service.run("ruff", "format", "--check")


def test_it_is_linted(service: Service) -> None:
    service.run("ruff", "check")


def test_it_is_typed(service: Service) -> None:
    """Strictly; and so are the tests and tools, which the owner need not check."""
    service.run("mypy", "app/", "scripts/", "tests/")
    service.run("mypy", "devtools/", "--exclude", "devtools/update")


def test_its_tests_pass_and_cost_little(service: Service) -> None:
    """With their PostgreSQL. `test_workflows.py` measures coverage."""
    command = ("uv", "run", "--no-sync", "pytest")
    seconds, output = cost_of(service.folder, *command, **service.variables)

    assert re.search(r"^=+ \d+ passed in .*=$", output, re.MULTILINE), output
    assert seconds < STARTS * cost_of_a_start(service.folder, **service.variables)


def test_its_migrations_apply_and_can_be_undone(service: Service) -> None:
    steps = [["upgrade", "head"], ["downgrade", "base"], ["upgrade", "head"], ["check"]]

    for step in steps:
        output = service.run("poe", "alembic", *step)

    assert "No new upgrade operations detected." in output


def test_it_starts_without_a_database_and_says_so(service: Service) -> None:
    command = ["uv", "run", "--no-sync", "uvicorn", "app.main:app", "--port"]
    nowhere = "postgresql://postgres@127.0.0.1:1/nowhere"

    with running(service.folder, *command, DATABASE_URL=nowhere, **service.variables) as url:
        assert http.get(f"{url}/docs").status_code == 200
        assert http.get(f"{url}/health/live").status_code == 200
        assert http.get(f"{url}/health/ready").status_code == 503


def test_it_leaves_git_alone(service: Service) -> None:
    """Whatever the tests above wrote."""
    assert run(service.folder, "git", "status", "--porcelain") == ""

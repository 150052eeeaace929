"""A rendered service is installed, and passes its own checks, on every Python we promise."""

import re
from pathlib import Path

import httpx
import pytest

from tests.services import PROFILES, git_commit, render, run, running

pytestmark = pytest.mark.rendered

PYTHONS = ["3.12", "3.13"]
MATRIX = [(profile, python) for profile in PROFILES for python in PYTHONS]


@pytest.fixture(scope="module", params=MATRIX, ids="-".join)
def service(request: pytest.FixtureRequest, workspace: Path) -> Path:
    """Each profile, on each Python, installed as its lock says."""
    profile, python = request.param
    folder = render(workspace / f"{profile}-{python}", **PROFILES[profile])
    git_commit(folder)
    run(folder, "uv", "sync", "--locked", "--quiet", "--python", python)
    return folder


def uv_run(service: Path, *command: str, **variables: str) -> str:
    return run(service, "uv", "run", "--no-sync", *command, **variables)


def test_it_is_formatted(service: Path) -> None:
    uv_run(service, "ruff", "format", "--check")


def test_it_is_linted(service: Path) -> None:
    uv_run(service, "ruff", "check")


def test_it_is_typed(service: Path) -> None:
    """Strictly; and so are the tests and scripts, which the owner need not check."""
    uv_run(service, "mypy", "app/", "scripts/", "tests/")


def test_its_tests_pass_and_reach_every_branch(service: Path) -> None:
    output = uv_run(service, "pytest", "--cov", "--cov-fail-under=100")

    assert re.search(r"^=+ \d+ passed in .*=$", output, re.MULTILINE), output


def test_its_migrations_apply_and_can_be_undone(service: Path) -> None:
    steps = [["upgrade", "head"], ["downgrade", "base"], ["upgrade", "head"], ["check"]]

    for step in steps:
        output = uv_run(service, "python", "-m", "scripts.run", "alembic", *step)

    assert "No new upgrade operations detected." in output


def test_it_starts_without_a_database_and_says_so(service: Path) -> None:
    command = ["uv", "run", "--no-sync", "uvicorn", "app.main:app", "--port"]
    nowhere = "postgresql://postgres@127.0.0.1:1/nowhere"

    with running(service, *command, DATABASE_URL=nowhere) as url:
        assert httpx.get(f"{url}/docs").status_code == 200
        assert httpx.get(f"{url}/health/live").status_code == 200
        assert httpx.get(f"{url}/health/ready").status_code == 503


def test_it_leaves_git_alone(service: Path) -> None:
    """Whatever the tests above wrote."""
    assert run(service, "git", "status", "--porcelain") == ""

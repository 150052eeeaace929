"""The packages of a service, and ours, as uv finds them: newer ones, older ones, the lowest."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.services import ROOT, git_commit, render, run

# Companies and careful people take no version younger than a week or two: a cool-down.
COOL_DOWN = "30 days"
# Younger, because the code needs it: pyproject.toml says why. Two weeks are the least.
YOUNG = {"joserfc": "14 days", "sqlalchemy": "14 days"}


def test_uv_add_changes_only_what_it_adds(tmp_path: Path) -> None:
    service = render(tmp_path / "service")
    git_commit(service)

    run(service, "uv", "add", "--no-sync", "sniffio")

    changes = run(service, "git", "diff", "--unified=0")
    changed = re.findall(r"^[-+](?![-+]).*$", changes, re.MULTILINE)
    assert not [line for line in changed if line.startswith("-")]
    assert len(changed) < 20


@pytest.mark.parametrize("project", ["ours", "a service"])
def test_a_cool_down_finds_versions(project: str, tmp_path: Path) -> None:
    """Every range has versions that are older; what builds the project is in no lock, but here."""
    folder = tmp_path / "project"
    if project == "ours":
        folder.mkdir()
        shutil.copy(ROOT / "pyproject.toml", folder)
    else:
        render(folder)
        (folder / "uv.lock").unlink()
    build = tomllib.loads((folder / "pyproject.toml").read_text()).get("build-system", {})
    (folder / "build.in").write_text("\n".join(build.get("requires", [])))
    options = ["--exclude-newer", COOL_DOWN]
    options += [f"--exclude-newer-package={name}={age}" for name, age in YOUNG.items()]

    run(folder, "uv", "lock", *options)
    run(folder, "uv", "pip", "compile", "build.in", *options)


@pytest.mark.sample(0)
def test_the_lowest_versions_are_enough(workspace: Path) -> None:
    service = render(workspace / "lowest")
    (service / "uv.lock").unlink()
    git_commit(service)
    lowest = {"UV_RESOLUTION": "lowest-direct", "UV_PROJECT_ENVIRONMENT": ""}

    run(service, "uv", "run", "poe", "check", **lowest)
    run(service, "uv", "run", "mypy", "app/", "scripts/", "tests/", **lowest)

"""The first resource of `docs/start.md`, added to a rendered service as the page says."""

import re
from pathlib import Path

from tests.pages import new_files
from tests.services import ROOT, git_commit, render, run


def test_the_first_resource_works_as_it_is_written(workspace: Path) -> None:
    service = render(workspace / "first-resource")
    git_commit(service)
    for path, text in new_files(ROOT / "docs/start.md").items():
        (service / path).write_text(text)

    run(service, "uv", "run", "--locked", "poe", "revision", "add tags")
    run(service, "uv", "run", "ruff", "format", "--check")
    run(service, "uv", "run", "ruff", "check")
    run(service, "uv", "run", "mypy", "app/", "tests/")
    run(service, "uv", "run", "pytest", "tests/unit", "tests/integration/test_tags.py")

    changed = run(service, "git", "status", "--porcelain").splitlines()
    assert all(line.startswith("?? ") for line in changed), changed
    remove_the_example_later(service)


def remove_the_example_later(service: Path) -> None:
    """As the README says it for a service that has migrations of its own."""
    readme = (service / "README.md").read_text()
    later = re.compile(r"^Later, .+: `(.+)`, then `(.+)` drops", re.MULTILINE)
    ((removal, revision),) = later.findall(readme)
    for command in (removal, revision, "uv run poe migrate"):
        run(service, "bash", "-c", command)

    tests = run(service, "uv", "run", "pytest", "-k", "tag or migration or model or layers")
    checked = run(service, "uv", "run", "poe", "alembic", "check")

    assert not list((service / "app").rglob("posts.py"))
    assert re.search(r" \d+ passed, \d+ deselected in ", tests), tests
    assert "No new upgrade operations detected." in checked

"""The image of a rendered service, built and run by Docker: `nox -s image`, where there is one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.services import render, run


@pytest.fixture(scope="module")
def service(workspace: Path) -> Iterator[Path]:
    folder = render(workspace / "image")
    (folder / ".env").write_text("SECRET_KEY=\n")
    yield folder
    run(folder, "docker", "compose", "down", "--volumes")


def compose(service: Path, *command: str) -> str:
    return run(service, "docker", "compose", *command)


def test_every_step_of_its_workflow_passes(service: Path) -> None:
    workflow = yaml.safe_load((service / ".github/workflows/image.yml").read_text())
    steps = [step for step in workflow["jobs"]["image"]["steps"] if "run" in step]

    for step in steps:
        if "if" not in step:
            run(service, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"])


def test_nobody_in_it_is_root_and_nothing_in_it_is_secret(service: Path) -> None:
    shell = ["run", "--rm", "--no-deps", "-T", "app", "sh", "-c"]

    assert compose(service, *shell, "id --user && test ! -w /service").split()[-1] == "10001"
    found = set(compose(service, *shell, "ls -A /service").split())
    assert {"app", "alembic"} <= found
    assert not {".env", ".git", "tests", "devtools", "scripts"} & found


def test_the_first_admin_is_made_in_it(service: Path) -> None:
    compose(service, "up", "--detach", "--wait", "app")
    make = "echo correct horse battery | python -m app.commands.create_admin me@example.com"

    said = compose(service, "exec", "-T", "app", "sh", "-c", make)

    assert "me@example.com is an admin now." in said


def test_it_ends_by_itself_when_it_is_told_to(service: Path) -> None:
    compose(service, "up", "--detach", "--wait", "app")

    compose(service, "stop", "app")

    state = json.loads(compose(service, "ps", "--all", "--format", "json", "app"))
    assert state["ExitCode"] == 0

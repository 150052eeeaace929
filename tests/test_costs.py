"""What an owner waits for. The ceilings are in decision 26; raising one needs another decision.

CPU time is compared with that of starting the service, in the same run: seconds differ between
machines. `nox -s bench` prints more of it, with the resources that owners add.
"""

import re
from pathlib import Path

import pytest

from tests.costs import add_resource, cpu_seconds
from tests.services import git_commit, render, run

pytestmark = pytest.mark.rendered

STARTS = 30  # of the service; its tests cost as much
CASES = {"--seed=1": 250, "--all-cases": 750}  # of hostile input, for five operations


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    folder = render(workspace / "costs")
    git_commit(folder)
    run(folder, "uv", "sync", "--locked", "--quiet")
    return folder


def test_the_tests_of_a_fresh_service_cost_little(service: Path) -> None:
    """With their PostgreSQL. The first start is not counted: it compiles."""
    command = ("uv", "run", "--no-sync", "python", "-c", "import app.main")
    starts = [cpu_seconds(service, *command) for _ in range(6)][1:]

    tests = cpu_seconds(service, "uv", "run", "--no-sync", "pytest")

    assert tests < STARTS * sorted(starts)[2]


def test_a_resource_costs_little_and_passes(service: Path) -> None:
    add_resource(service, "parcel")

    for option, ceiling in CASES.items():
        output = run(service, "uv", "run", "--no-sync", "pytest", "-k", "parcel", option)
        cases = re.search(r"5 operations, (\d+) cases", output)

        assert cases, output
        assert int(cases[1]) <= ceiling
        assert "skipped" not in output

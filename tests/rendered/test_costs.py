"""What a resource costs its owner. Raising a ceiling needs a decision: number 26 has them.

That of a fresh service is in `tests/rendered/test_rendered.py`, and `nox -s bench` prints seconds.
"""

import re
from pathlib import Path

import pytest

from tests.rendered.costs import add_resource
from tests.services import git_commit, render, run

CASES = {"--seed=1": 250, "--all-cases": 750}  # of hostile input, for five operations


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    folder = render(workspace / "costs")
    git_commit(folder)
    run(folder, "uv", "sync", "--locked", "--quiet")
    return folder


def test_a_resource_costs_little_and_passes(service: Path) -> None:
    add_resource(service, "parcel")

    for option, ceiling in CASES.items():
        output = run(service, "uv", "run", "--no-sync", "pytest", "-k", "parcel", option)
        cases = re.search(r"5 operations, (\d+) cases", output)

        assert cases, output
        assert int(cases[1]) <= ceiling
        assert "skipped" not in output

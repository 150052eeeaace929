"""What a resource costs its owner. Raising a ceiling needs a decision: number 26 has them.

That of a fresh service is in `tests/rendered/test_rendered.py`, and `nox -s bench` prints seconds.
"""

import re
from pathlib import Path

import pytest

from tests.rendered.costs import add_resource
from tests.services import installed, run

CASES = 250  # of hostile input, for five operations


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    return installed(workspace / "costs")


def test_a_resource_costs_little_and_passes(service: Path) -> None:
    add_resource(service, "parcel")

    command = ("uv", "run", "--no-sync", "pytest", "-k", "parcel", "--junitxml=cases.xml")
    output = run(service, *command)

    report = (service / "cases.xml").read_text()
    cases = [int(count) for count in re.findall(r'name="hostile cases" value="(\d+)"', report)]
    assert len(cases) == 5
    assert sum(cases) <= CASES
    assert "skipped" not in output

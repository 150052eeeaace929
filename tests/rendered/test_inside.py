"""What only a change of the template can break is tested in a rendered service, but not carried.

The modules of `inside/` test the engine of the contract tests, and try whole tables of attacks
where the service tries one attack of each kind. They run beside the service's contract tests.
"""

from pathlib import Path

import pytest

from tests.services import INSIDE, add_inside, installed, run


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    folder = installed(workspace / "inside")
    add_inside(folder)
    return folder


def test_inside_tests_pass(service: Path) -> None:
    modules = [f"tests/contract/{module.name}" for module in INSIDE]

    output = run(service, "uv", "run", "--no-sync", "pytest", "-q", *modules)

    assert "skipped" not in output


def test_inside_tests_are_typed(service: Path) -> None:
    run(service, "uv", "run", "--no-sync", "mypy", "tests/")

"""What only a change of the template can break is tested in a rendered service, but not carried.

The modules of `inside/` test the engine of the contract tests, and try whole tables of attacks
where the service tries one attack of each kind. They run beside the service's contract tests.
"""

import shutil
from pathlib import Path

import pytest

from tests.services import ROOT, installed, run

INSIDE = sorted(Path(__file__).parent.glob("inside/test_*.py"))


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    folder = installed(workspace / "inside")
    for module in INSIDE:
        new = folder / "tests/contract" / module.name
        assert not new.exists(), f"{module.name}: the service has a module of this name"
        shutil.copy(module, new)
    shutil.copy(ROOT / "docs/sqlstates.md", folder / "tests/contract")
    return folder


def test_inside_tests_pass(service: Path) -> None:
    modules = [f"tests/contract/{module.name}" for module in INSIDE]

    output = run(service, "uv", "run", "--no-sync", "pytest", "-q", *modules)

    assert "skipped" not in output


def test_inside_tests_are_typed(service: Path) -> None:
    run(service, "uv", "run", "--no-sync", "mypy", "tests/")

"""The tests are tested: they notice each mistake in `tests/mistakes.py`."""

import re
from pathlib import Path

import pytest

from tests.mistakes import IN_SERVICE, MUTANTS, Mutant
from tests.releases import clone_with_releases
from tests.services import add_inside, git_commit, installed, outcome, run


@pytest.mark.sample(3)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake)
def test_a_mistake_is_noticed(mutant: Mutant, tmp_path: Path) -> None:
    clone = clone_with_releases(tmp_path / "template", later=False)
    mutant.edit(clone)
    run(clone, "git", "add", "--all", "--force", "template")

    command = ["pytest", "-q", "-p", "no:cacheprovider", "-x", "-m", "not image and not mutants"]
    alone = {"PYTHONPATH": str(clone), "RENDERS": ""}
    code, output = outcome(clone, *command, "--exhaustive", mutant.killer, **alone)

    assert_noticed(mutant, code, output)


@pytest.fixture(scope="module")
def service(workspace: Path) -> Path:
    folder = installed(workspace / "mutants")
    add_inside(folder)
    git_commit(folder, "Add the template's own tests")
    return folder


@pytest.mark.sample(5)
@pytest.mark.parametrize("mutant", IN_SERVICE, ids=lambda mutant: mutant.mistake)
def test_a_mistake_in_a_service_is_noticed(mutant: Mutant, service: Path) -> None:
    mutant.edit(service)

    code, output = outcome(service, "uv", "run", "--no-sync", "pytest", "-q", "-x", mutant.killer)

    run(service, "git", "reset", "--quiet", "--hard")
    assert_noticed(mutant, code, output)


def assert_noticed(mutant: Mutant, code: int, output: str) -> None:
    assert code == 1, output
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+?)(?:\[| |$)", output, re.MULTILINE)
    assert mutant.killer.partition("[")[0] in failed, output

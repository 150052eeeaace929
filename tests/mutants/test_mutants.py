"""The tests are tested: they notice each mistake in `tests/mistakes.py`."""

import re
from pathlib import Path

import pytest

from tests.mistakes import MUTANTS, Mutant
from tests.releases import clone_with_releases
from tests.services import outcome, run


@pytest.mark.sample(3)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake)
def test_a_mistake_is_noticed(mutant: Mutant, tmp_path: Path) -> None:
    clone = clone_with_releases(tmp_path / "template", later=False)
    mutant.edit(clone)
    run(clone, "git", "add", "--all", "--force", "template")

    command = ["pytest", "-q", "-p", "no:cacheprovider", "-x", "-m", "not image and not mutants"]
    alone = {"PYTHONPATH": str(clone), "RENDERS": ""}
    code, output = outcome(clone, *command, "--exhaustive", mutant.killer, **alone)

    assert code == 1, output
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+?)(?:\[| |$)", output, re.MULTILINE)
    assert mutant.killer.partition("[")[0] in failed, output

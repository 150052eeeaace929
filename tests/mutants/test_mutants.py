"""The tests are tested: they notice each mistake in `tests/mistakes.py`."""

import re
from pathlib import Path

import pytest

from tests.mistakes import MUTANTS, Mutant
from tests.releases import clone_with_releases
from tests.services import ROOT, outcome, run


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


def test_the_tests_that_notice_are_there() -> None:
    for mutant in MUTANTS:
        path, _, name = mutant.killer.partition("[")[0].partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), mutant.killer


def test_every_mistake_can_still_be_made(tmp_path: Path) -> None:
    clone = clone_with_releases(tmp_path / "template", later=False)

    for mutant in MUTANTS:
        mutant.edit(clone)
        assert run(clone, "git", "status", "--porcelain", "--ignored"), mutant.mistake
        run(clone, "git", "reset", "--quiet", "--hard")
        run(clone, "git", "clean", "--quiet", "--force", "-d", "-x")

"""Each mistake in `tests/mistakes.py` can still be made, and has its test."""

import re
from pathlib import Path

from tests.mistakes import MUTANTS
from tests.releases import clone_with_releases
from tests.services import ROOT, run


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

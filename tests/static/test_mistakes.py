"""Each mistake in `tests/mistakes.py` can still be made, and has its test."""

import re
import shutil
from pathlib import Path

from tests.mistakes import IN_SERVICE, MUTANTS
from tests.releases import clone_with_releases
from tests.services import ROOT, add_inside, git_commit, run


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


def test_every_mistake_in_a_service_can_still_be_made(
    renders: dict[str, Path], tmp_path: Path
) -> None:
    service = shutil.copytree(renders["default"], tmp_path / "service", symlinks=True)
    add_inside(service)
    git_commit(service)

    for mutant in IN_SERVICE:
        path, _, name = mutant.killer.partition("::")
        pattern = rf"^(async )?def {name}\("
        assert re.search(pattern, (service / path).read_text(), re.MULTILINE), mutant.killer
        mutant.edit(service)
        assert run(service, "git", "status", "--porcelain"), mutant.mistake
        run(service, "git", "reset", "--quiet", "--hard")

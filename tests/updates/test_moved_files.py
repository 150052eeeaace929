"""Edits in files that the template has moved: each comes along, by whatever updater is there."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import RenderedAt
from tests.owners import moves, rendered
from tests.releases import NEXT, releases
from tests.services import git_commit, outcome, run
from tests.updates.environments import fake_uv, poe_update
from tests.updates.test_updates import update

EDITS = 20
OWN = {"0.8.0": ("-m", "scripts.update"), "0.9.0": ("devtools/update",)}


@pytest.mark.parametrize(
    ("release", "updater"),
    [
        pytest.param(next(iter(releases())), "copier", marks=pytest.mark.sample(0)),
        pytest.param("0.8.0", "copier", marks=pytest.mark.sample(0)),
        ("0.8.0", "its own"),
        ("0.9.0", "its own"),
    ],
)
def test_edits_in_moved_files_come_along(
    release: str, updater: str, rendered_at: RenderedAt, tmp_path: Path
) -> None:
    """Plain copier, and `poe update` up to 0.8.0, cannot move them: the next one does."""
    old, new = rendered_at(release, {}), rendered_at(NEXT, {})
    service = shutil.copytree(old, tmp_path / "service", symlinks=True)
    moved = moves(rendered(old), rendered(new))
    edited = sorted(moved)[:EDITS]
    for number, name in enumerate(edited):
        lines = (service / name).read_text().splitlines(keepends=True)
        lines.insert(len(lines) * (number % 3) // 2, f"# token-{number}\n")
        (service / name).write_text("".join(lines))
    git_commit(service, "Ours")

    if updater == "copier":
        update(service, vcs_ref=NEXT)
    else:
        command = ("python", *OWN[release], "--defaults", "--to", NEXT)
        code, said = outcome(service, *command, UV=fake_uv())
        assert code == 0, said
    git_commit(service, "Update")
    if (service / edited[0]).exists():
        code, said = poe_update(service, "--defaults")
        assert code == 0, said

    for number, name in enumerate(edited):
        assert f"# token-{number}\n" in (service / moved[name]).read_text(), name
        assert f"{name} is {moved[name]} now, with your changes." in said
        assert not (service / name).exists()


def test_a_file_that_both_moved_stays_where_the_owner_has_it(
    rendered_at: RenderedAt, tmp_path: Path
) -> None:
    """Also if the owner has a file where the template moves it: that one is the only conflict."""
    old = rendered_at("0.9.0", {})
    service = shutil.copytree(old, tmp_path / "service", symlinks=True)
    name, now = "tests/unit/test_pagination.py", "tests/contract/test_pagination.py"
    (service / now).parent.mkdir()
    (service / name).rename(service / "tests/mine.py")
    (service / now).write_text("# mine\n")
    git_commit(service, "Ours")

    code, said = poe_update(service, "--defaults", "--to", NEXT)

    assert code == 0, said
    left = [line for line in said.splitlines() if name in line or "tests/mine.py" in line]
    assert not [line for line in left if "Decide" in line]
    assert (service / "tests/mine.py").read_bytes() == (old / name).read_bytes()
    unmerged = run(service, "git", "ls-files", "--unmerged").splitlines()
    assert {line.split("\t")[1] for line in unmerged} == {now}
    assert not (service / name).exists()

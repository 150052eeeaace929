"""`copier update`, from every release to the working tree: nothing is lost, nothing surprises."""

import random
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from tests.conftest import RenderedAt
from tests.owners import ANSWERS, OWNED, Owner, expected, file, names_in
from tests.releases import LATER, NEXT, releases
from tests.services import FEATURES, PROFILES, TEMPLATE, features_of, git_commit, run

pytestmark = pytest.mark.updates

RELEASES = list(releases())


# The rendered service's own command, which knows what copier does not.
POE_UPDATE = runpy.run_path(str(TEMPLATE / "scripts/update.py"))


def update(service: Path, **options: Any) -> None:
    """What `copier update` does; without `unsafe`, so it asks nobody for trust."""
    copier.run_update(service, defaults=True, overwrite=True, quiet=True, **options)


def status(service: Path) -> dict[str, str]:
    """What git says of each path that is not as it was committed."""
    lines = run(service, "git", "status", "--porcelain=v1", "-z", "--untracked-files=all")
    return {line[3:]: line[:2] for line in lines.split("\0") if line}


def differences(one: Path, other: Path) -> set[str]:
    """The paths that an update may touch, and that are not the same in both."""
    names = {name for name in names_in(one) | names_in(other) if not OWNED.search(name)}
    different = {name for name in names if file(one, name) != file(other, name)}
    return different - {ANSWERS} if answers_in(one) == answers_in(other) else different


def answers_in(service: Path) -> object:
    """They stand in the order in which they were given, so bytes may differ there."""
    return yaml.safe_load((service / ANSWERS).read_text())


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Path], Path]:
    return lambda render: shutil.copytree(render, tmp_path / "service", symlinks=True)


@pytest.mark.parametrize("flip", [False, True], ids=["same answers", "flipped answers"])
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("release", RELEASES)
def test_an_untouched_service_becomes_a_fresh_render(
    release: str,
    profile: str,
    flip: bool,
    rendered_at: RenderedAt,
    copied: Callable[[Path], Path],
    record_property: Callable[[str, object], None],
) -> None:
    """Byte for byte; and git says of each path that it changed, and of no other."""
    answers = PROFILES[profile]
    flips = {name: not has for name, has in features_of(profile).items()} if flip else {}
    old, new = rendered_at(release, answers), rendered_at(NEXT, answers | flips)
    service = copied(old)

    update(service, data=flips, vcs_ref=NEXT)

    assert differences(service, new) == set()
    assert status(service).keys() == differences(old, new)
    assert set(status(service).values()) <= {" M", " D", "??"}
    git_commit(service)
    update(service, vcs_ref=NEXT)
    assert status(service) == {}, "a second update changes what the first one wrote"
    record_property("identical", f"{release} {profile}")


def test_nothing_is_lost(
    run_number: int,
    request: pytest.FixtureRequest,
    rendered_at: RenderedAt,
    copied: Callable[[Path], Path],
    record_property: Callable[[str, object], None],
) -> None:
    """An owner edits at random, and updates. The tree is what git's own merge makes of it.

    `kind` by kind, see `tests/owners.py`. The next version has other answers too, now and then,
    but never without a feature: its files are deleted then, as asked.
    """
    rng = random.Random(f"{request.config.getoption('seed')} {run_number}")
    release, profile = rng.choice(RELEASES), rng.choice(list(PROFILES))
    answers = PROFILES[profile]
    more = {name: True for name in FEATURES if rng.random() < 0.3}
    target = rng.choice([NEXT, LATER])
    old, new = rendered_at(release, answers), rendered_at(target, answers | more)
    service = copied(old)
    careful = rng.random() < 0.5
    owner = Owner(service, old, new, careful, rng)
    owner.work(edits=rng.randint(3, 25))
    mine = shutil.copytree(service, service.parent / "mine", symlinks=True)
    options: dict[str, Any] = {}
    if careful:
        patterns = POE_UPDATE["untouchable"](service)
        options = {"exclude": patterns, "context_lines": POE_UPDATE["CONTEXT_LINES"]}

    update(service, data=more, vcs_ref=target, **options)

    tree = expected(old, mine, new, kept=owner.kept if careful else set())
    found = {name: file(service, name) for name in names_in(service)}
    conflicts = {name for name, code in status(service).items() if code == "UU"}
    overlaps = {name for name, merged in tree.items() if merged.conflict}
    planted = owner.tokens_in(mine)
    lost = planted - owner.tokens_in(service)
    record_property("updates", 1)
    record_property("edits", len(owner.kinds))
    record_property("tokens planted", len(planted))
    record_property("tokens lost", len(lost))
    record_property("conflicts", len(conflicts))
    record_property("conflicts for no reason", len(conflicts - overlaps))

    assert not lost, owner.kinds
    assert conflicts == overlaps
    assert found.keys() == tree.keys(), owner.kinds
    for name, want in tree.items():
        have = found[name]
        assert have
        assert (have.content, have.executable) == (want.content, want.executable), name

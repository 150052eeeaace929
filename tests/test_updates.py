"""`copier update`, from every release to the working tree: nothing is lost, nothing surprises."""

import random
import re
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from tests.conftest import RenderedAt
from tests.owners import ANSWERS, LEFT_ALONE, Owner, expected, file, names_in
from tests.releases import LATER, NEXT, answers_for, releases
from tests.services import FEATURES, PROFILES, edit, features_of, git_commit, run, without

pytestmark = pytest.mark.updates

RELEASES = list(releases())
# The last release is always updated from, the others where a seed says.
UNTOUCHED = [
    pytest.param(
        release,
        profile,
        marks=[] if (release, profile) == (RELEASES[-1], "default") else [pytest.mark.sample(3)],
    )
    for release in RELEASES
    for profile in PROFILES
]


def update(service: Path, **options: Any) -> None:
    """What `copier update` does; without `unsafe`, so it asks nobody for trust."""
    copier.run_update(service, defaults=True, overwrite=True, quiet=True, **options)


def status(service: Path) -> dict[str, str]:
    """What git says of each path that is not as it was committed."""
    lines = run(service, "git", "status", "--porcelain=v1", "-z", "--untracked-files=all")
    return {line[3:]: line[:2] for line in lines.split("\0") if line}


def differences(one: Path, other: Path) -> set[str]:
    """The paths that an update may touch, and that are not the same in both."""
    names = {name for name in names_in(one) | names_in(other) if not LEFT_ALONE.search(name)}
    different = {name for name in names if file(one, name) != file(other, name)}
    return different - {ANSWERS} if answers_in(one) == answers_in(other) else different


def answers_in(service: Path) -> object:
    """They stand in the order in which they were given, so bytes may differ there."""
    return yaml.safe_load((service / ANSWERS).read_text())


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Path], Path]:
    return lambda render: shutil.copytree(render, tmp_path / "service", symlinks=True)


@pytest.mark.parametrize("flip", [False, True], ids=["same answers", "flipped answers"])
@pytest.mark.parametrize(("release", "profile"), UNTOUCHED)
def test_an_untouched_service_becomes_a_fresh_render(
    release: str,
    profile: str,
    flip: bool,
    history: Path,
    rendered_at: RenderedAt,
    copied: Callable[[Path], Path],
    record_property: Callable[[str, object], None],
) -> None:
    """Byte for byte; and git says of each path that it changed, and of no other."""
    answers = answers_for(history, release, PROFILES[profile])
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


@pytest.mark.sample(12)
@pytest.mark.parametrize("run_number", range(300))
def test_nothing_is_lost(
    run_number: int,
    request: pytest.FixtureRequest,
    history: Path,
    rendered_at: RenderedAt,
    copied: Callable[[Path], Path],
    record_property: Callable[[str, object], None],
) -> None:
    """An owner edits at random, and updates. The tree is what git's own merge makes of it.

    From the working tree, too, whose `poe update` is what the next release brings. Now and then
    features are added; none is taken away, for its files would be deleted as asked.
    """
    rng = random.Random(f"{request.config.option.seed} {run_number}")
    release, profile = rng.choice([*RELEASES, NEXT]), rng.choice(list(PROFILES))
    answers = answers_for(history, release, PROFILES[profile])
    more = {name: True for name in FEATURES if rng.random() < 0.3}
    target = LATER if release == NEXT else rng.choice([NEXT, LATER])
    old, new = rendered_at(release, answers), rendered_at(target, answers | more)
    service = copied(old)
    script = service / "scripts/update.py"  # since 0.2.0
    careful = script.exists() and rng.random() < 0.6
    owner = Owner(service, old, new, careful, rng)
    owner.work(edits=rng.randint(3, 25))
    mine = shutil.copytree(service, service.parent / "mine", symlinks=True)
    options: dict[str, Any] = {}
    if careful:  # as the service's own script does it
        poe_update = runpy.run_path(str(old / "scripts/update.py"))
        options = {"exclude": poe_update["untouchable"](service)}
        options["context_lines"] = poe_update["CONTEXT_LINES"]

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
    assert answers_in(service) == answers_in(new)
    for name in tree.keys() - {ANSWERS}:
        have, want = found[name], tree[name]
        assert have
        assert (have.content, have.executable) == (want.content, want.executable), name


@pytest.mark.sample(2)
@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("profile", ["default", "everything"])
def test_an_answer_changed_there_and_back_leaves_no_trace(
    feature: str, profile: str, rendered_at: RenderedAt, copied: Callable[[Path], Path]
) -> None:
    before = rendered_at(NEXT, PROFILES[profile])
    service = copied(before)
    has = features_of(profile)[feature]

    for answer in (not has, has):
        update(service, data={feature: answer}, vcs_ref=NEXT)
        git_commit(service)

    assert differences(service, before) == set()


@pytest.mark.sample(2)
@pytest.mark.parametrize("feature", FEATURES)
def test_changing_an_answer_touches_only_its_files(
    feature: str, rendered_at: RenderedAt, copied: Callable[[Path], Path]
) -> None:
    """In a service with changes of its own in every other file."""
    with_it = rendered_at(NEXT, PROFILES["everything"])
    without_it = rendered_at(NEXT, PROFILES[without(feature)])
    of_the_feature = differences(with_it, without_it)
    service = copied(with_it)
    for name in names_in(service) - of_the_feature:
        (service / name).write_bytes((service / name).read_bytes() + b"\n# ours\n")
    git_commit(service, "Ours")

    update(service, data={feature: False}, vcs_ref=NEXT)

    assert status(service).keys() == of_the_feature
    assert set(status(service).values()) <= {" M", " D"}
    for name in of_the_feature - {ANSWERS}:
        assert file(service, name) == file(without_it, name), name


def test_exactly_what_overlaps_is_in_conflict(
    history: Path, rendered_at: RenderedAt, copied: Callable[[Path], Path], tmp_path: Path
) -> None:
    """Three changes of ours and three of the template's in one file; one line is the same."""
    template = shutil.copytree(history, tmp_path / "template")
    run(template, "git", "reset", "--hard", "--quiet", NEXT)
    name = "app/services/users.py"
    edit(template / "template" / name, "an e-mail has one", "their rule")
    edit(template / "template" / name, "There is no such user.", "Nobody is there.")
    edit(template / "template" / name, "You are no longer an admin.", "Not any more.")
    git_commit(template, "Next")
    run(template, "git", "tag", "999.2.0")
    service = copied(rendered_at(NEXT, {}))
    answers = service / ANSWERS
    answers.write_text(answers.read_text().replace(str(history), str(template)))
    edit(service / name, "An admin cannot leave.", "Stay.")
    edit(service / name, "There is no such user.", "Gone.")
    with (service / name).open("a") as ours:
        ours.write("\n\nOURS = True\n")
    git_commit(service, "Ours")

    update(service)

    assert status(service) == {ANSWERS: " M", name: "UU"}
    text = (service / name).read_text()
    conflicts = re.findall(r"^<<<<<<<.*?^>>>>>>>[^\n]*$", text, re.MULTILINE | re.DOTALL)
    assert conflicts == [
        "<<<<<<< before updating\n"
        '        raise NotFound("Gone.")\n'
        "=======\n"
        '        raise NotFound("Nobody is there.")\n'
        ">>>>>>> after updating"
    ]
    for merged in ("their rule", "Not any more.", "Stay.", "OURS = True"):
        assert merged in text

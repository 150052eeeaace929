"""Updates from every release to the working tree.

`copier update` of untouched services, and `poe update` by owners who edit at random.
"""

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from tests.conftest import RenderedAt
from tests.owners import ANSWERS, LEFT_ALONE, Owner, expected, file, names_in, rendered
from tests.releases import (
    LATER,
    NEXT,
    answers_for,
    excluded_from_updates,
    releases,
    settings_of,
)
from tests.services import FEATURES, PROFILES, edit, features_of, git_commit, run, without
from tests.updates.environments import Environment, poe_update

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
    """Byte for byte; and git says of each path that it changed, and of no other.

    What has moved stays at its old path, too, until `poe update` finishes that.
    """
    answers = answers_for(history, release, PROFILES[profile])
    flips = {name: not has for name, has in features_of(profile).items()} if flip else {}
    old, new = rendered_at(release, answers), rendered_at(NEXT, answers | flips)
    service = copied(old)

    update(service, data=flips, vcs_ref=NEXT)

    kept = excluded_from_updates(settings_of(history, NEXT))
    left = {name for name in names_in(old) - names_in(new) if kept.match_file(name)}
    left = {name for name in left if not LEFT_ALONE.search(name)}
    assert differences(service, new) == left
    assert status(service).keys() == differences(old, new) - left
    assert set(status(service).values()) <= {" M", " D", "??"}
    git_commit(service)
    update(service, vcs_ref=NEXT)
    assert status(service) == {}, "a second update changes what the first one wrote"
    if left:
        code, said = poe_update(service, "--defaults")
        assert code == 0, said
        assert differences(service, new) == set()
    record_property("identical", f"{release} {profile}")


@pytest.mark.sample(12)
@pytest.mark.parametrize("run_number", range(300))
def test_nothing_is_lost(
    run_number: int,
    request: pytest.FixtureRequest,
    history: Path,
    rendered_at: RenderedAt,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """An owner on some machine edits at random, and runs `poe update`.

    git's index has what a merge makes of each file by itself, wherever it is now; the files are as
    the index has them; and what git does not know is as it was.
    """
    rng = random.Random(f"{request.config.option.seed} {run_number}")
    release, profile = rng.choice([*RELEASES, NEXT]), rng.choice(list(PROFILES))
    target = LATER if release == NEXT else rng.choice([NEXT, LATER])
    answers = answers_for(history, release, PROFILES[profile])
    old, new = (rendered_at(version, answers) for version in (release, target))
    machine = Environment(tmp_path / "machine", rng)
    service = machine.set_up(old)
    owner = Owner(service, old, new, rng)
    owner.work(edits=rng.randint(3, 25))
    machine.commit(service, "The owner's work")
    ours = machine.committed(service)
    planted = owner.tokens_in(service)
    (service / "unknown.txt").write_text("to git\n")

    code, said = machine.poe_update(service, "--defaults", "--to", target)

    assert code == 0, (machine.drawn, said)
    found, unmerged = machine.result(service)
    merged = expected(rendered(old), ours, rendered(new), owner, said, found)
    lost = planted - owner.tokens_in(service)
    overlaps = {name for name, file in merged.items() if file.conflict}
    record_property("updates", 1)
    record_property("drawn", len(machine.drawn))
    record_property("edits", len(owner.kinds))
    record_property("tokens planted", len(planted))
    record_property("tokens lost", len(lost))
    record_property("conflicts", len(unmerged))
    record_property("conflicts for no reason", len(unmerged - overlaps))
    assert not lost, (machine.drawn, owner.kinds, said)
    assert unmerged == overlaps, (machine.drawn, said)
    assert found.keys() == merged.keys(), (machine.drawn, owner.kinds, said)
    for name in found.keys() - unmerged - {ANSWERS}:
        assert found[name] == merged[name], (name, machine.drawn, said)
    assert yaml.safe_load(found[ANSWERS].content)["_commit"] == target
    assert machine.unstaged(service) == unmerged
    assert (service / "unknown.txt").read_text() == "to git\n"
    assert not (tmp_path / "machine/ran").exists(), "a hook ran"


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

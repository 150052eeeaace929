"""Renders of the working tree, each made once and shared; a test that changes one copies it."""

import json
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import copier
import plumbum
import pytest

from tests.pairs import given, rows_with_every_pair
from tests.releases import answers_for, clone_with_releases, clone_with_upcoming_releases
from tests.services import PROFILES, ROOT, Answers, git_commit, render, run

type Copy = Callable[[str], Path]
type RenderedAt = Callable[[str, Answers], Path]

GIT = {f"GIT_{role}_NAME": "An owner" for role in ("AUTHOR", "COMMITTER")}
GIT |= {f"GIT_{role}_EMAIL": "owner@example.com" for role in ("AUTHOR", "COMMITTER")}
GIT |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("updates")
    group.addoption("--runs", type=int, default=60, help="how many random owners update")
    group.addoption("--seed", type=int, default=0, help="other owners, the same for the same seed")
    group.addoption(
        "--every-profile", action="store_true", help="update from every release with every profile"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "run_number" in metafunc.fixturenames:
        metafunc.parametrize("run_number", range(metafunc.config.getoption("runs")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the updates amounted to: the table of identical bytes, and the sums."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    runs = [dict(report.user_properties) for report in reports]
    table: dict[str, Counter[str]] = defaultdict(Counter)
    sums: Counter[str] = Counter()
    for properties in runs:
        if "identical" in properties:
            release, profile = str(properties["identical"]).split()
            table[release][profile] += 1
        sums.update({name: value for name, value in properties.items() if isinstance(value, int)})
    for release, profiles in table.items():
        counts = ", ".join(f"{profile} {count}" for profile, count in profiles.items())
        terminalreporter.write_line(f"from {release}, identical bytes: {counts}")
    if sums:
        counts = ", ".join(f"{name} {count}" for name, count in sums.items())
        terminalreporter.write_line(f"seed {terminalreporter.config.getoption('seed')}: {counts}")


@pytest.fixture(scope="session", autouse=True)
def git_of_an_owner() -> Iterator[None]:
    """The same for everybody. `copier update` commits to repositories of its own, too."""
    with pytest.MonkeyPatch.context() as patch, plumbum.local.env(**GIT):
        for name, value in GIT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def renders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of every profile's render, by name. Read only."""
    folder = tmp_path_factory.mktemp("renders")
    for name, answers in PROFILES.items():
        render(folder / name, **answers)
    return {name: folder / name for name in PROFILES}


@pytest.fixture(scope="session")
def pair_renders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The renders that together hold every pair of answers. Read only."""
    folder = tmp_path_factory.mktemp("pairs")
    rows = rows_with_every_pair()
    return [render(folder / str(number), **given(row)) for number, row in enumerate(rows)]


@pytest.fixture(params=PROFILES)
def service(request: pytest.FixtureRequest, renders: dict[str, Path]) -> Path:
    """Each profile's render in turn. Read only."""
    return renders[request.param]


@pytest.fixture
def copy_of(renders: dict[str, Path], tmp_path: Path) -> Copy:
    def copy(profile: str) -> Path:
        return shutil.copytree(renders[profile], tmp_path / profile, symlinks=True)

    return copy


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A clone of the template with the working tree's changes and one release."""
    clone = tmp_path / "template"
    ignore = shutil.ignore_patterns(".git", ".venv", ".nox", ".*_cache", "__pycache__")
    shutil.copytree(ROOT, clone, ignore=ignore)
    git_commit(clone)
    run(clone, "git", "tag", "1.0.0")
    return clone


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the template with all its releases, and the working tree as `NEXT`. Read only."""
    return clone_with_releases(tmp_path_factory.mktemp("history") / "template")


@pytest.fixture(scope="session")
def rendered_at(history: Path, tmp_path_factory: pytest.TempPathFactory) -> RenderedAt:
    """Give the render of a release with some answers, in a git repository. Read only."""
    made: dict[str, Path] = {}

    def at(version: str, answers: Answers) -> Path:
        asked = answers_for(history, version, answers)
        key = json.dumps([version, asked])
        if key not in made:
            folder = tmp_path_factory.mktemp("rendered") / "service"
            copier.run_copy(
                str(history), folder, data=asked, vcs_ref=version, defaults=True, quiet=True
            )
            git_commit(folder)
            made[key] = folder
        return made[key]

    return at


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    """A folder that PostgreSQL, which is never root, may enter; pytest's own is closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="rendered-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def upcoming(workspace: Path) -> Path:
    """The template with two releases after the working tree, `FIRST` and `SECOND`. Read only."""
    return clone_with_upcoming_releases(workspace / "template")

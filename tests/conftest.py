"""Renders of the working tree, each made once and shared; a test that changes one copies it."""

import json
import os
import random
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import copier
import plumbum
import pytest

from tests.pairs import given, rows_with_every_pair
from tests.releases import answers_for, clone_with_releases, clone_with_upcoming_releases
from tests.services import OWNER, PROFILES, ROOT, Answers, git_commit, once, render, run

type Copy = Callable[[str], Path]
type RenderedAt = Callable[[str, Answers], Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("samples")
    group.addoption("--seed", type=int, help="chooses the samples; by default of the commit")
    group.addoption("--exhaustive", action="store_true", help="no samples: every case there is")


def pytest_configure(config: pytest.Config) -> None:
    """A folder for what is made once, which all processes of this run share; and the seed."""
    if not os.environ.get("RENDERS"):
        os.environ["RENDERS"] = tempfile.mkdtemp(prefix="renders-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop("RENDERS"), ignore_errors=True))
    if config.option.seed is None:  # so that each commit looks elsewhere, and all of its runs there
        config.option.seed = int(run(ROOT, "git", "rev-parse", "--short=7", "HEAD"), 16)


def pytest_report_header(config: pytest.Config) -> str:
    if config.option.exhaustive:
        return "every case there is"
    return f"samples: --seed {config.option.seed} repeats them, --exhaustive takes every case"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark each test by its folder, which says what it costs; pyproject.toml lists the marks."""
    folder = item.path.relative_to(ROOT / "tests").parts[0]
    if folder == item.path.name:
        raise pytest.UsageError(
            f"{folder}: move it to the folder of tests/ that says what it costs"
        )
    item.add_marker(folder)


@pytest.hookimpl(trylast=True)  # after `-k` and `-m`
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test marked `sample(n)`, take n cases, chosen by the seed."""
    if config.option.exhaustive:
        return
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sample"):
            cases[item.nodeid.partition("[")[0]].append(item)
    left_out: set[pytest.Item] = set()
    for name, found in cases.items():
        marker = found[0].get_closest_marker("sample")
        count = min(marker.args[0] if marker else 0, len(found))
        left_out |= {*found} - {*random.Random(f"{config.option.seed} {name}").sample(found, count)}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=[*left_out])


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
    if rows := [str(properties["fault"]) for properties in runs if "fault" in properties]:
        header = "| fault | what clients saw | target | promise |", "|---|---|---|---|"
        terminalreporter.write_line("\n".join([*header, *rows]))
    if sums:
        counts = ", ".join(f"{name} {count}" for name, count in sums.items())
        terminalreporter.write_line(f"seed {terminalreporter.config.option.seed}: {counts}")


@pytest.fixture(scope="session", autouse=True)
def git_of_an_owner() -> Iterator[None]:
    """`copier update` commits to repositories of its own, too."""
    with pytest.MonkeyPatch.context() as patch, plumbum.local.env(**OWNER):
        for name, value in OWNER.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def renders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of every profile's render, by name. Read only."""
    folder = tmp_path_factory.mktemp("renders")
    return {name: render(folder / name, **answers) for name, answers in PROFILES.items()}


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
def history() -> Path:
    """A clone of the template with all its releases, and the working tree as `NEXT`. Read only."""
    return once("history", clone_with_releases)


@pytest.fixture(scope="session")
def rendered_at(history: Path) -> RenderedAt:
    """Give the render of a release with some answers, in a git repository. Read only."""

    def at(version: str, answers: Answers) -> Path:
        asked = answers_for(history, version, answers)

        def make(new: Path) -> None:
            options: dict[str, Any] = {"vcs_ref": version, "defaults": True, "quiet": True}
            copier.run_copy(str(history), new, data=asked, **options)
            git_commit(new)

        return once(f"release {json.dumps([version, asked])}", make)

    return at


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    """A folder that PostgreSQL, which is never root, may enter; pytest's own is closed to it.

    All services in it share an environment, which uv makes fit the lock of the one that runs, and
    what mypy knows of its packages: to install and to compile them takes longer than most tests.
    """
    folder = Path(tempfile.mkdtemp(prefix="rendered-"))
    folder.chmod(0o755)
    temporary = folder / "tmp"  # what a command leaves that was interrupted goes away, too
    temporary.mkdir()
    temporary.chmod(0o1777)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        patch.setenv("UV_PROJECT_ENVIRONMENT", str(folder / "venv"))
        patch.setenv("MYPY_CACHE_DIR", str(folder / "mypy"))
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def upcoming(workspace: Path) -> Path:
    """The template with two releases after the working tree, `FIRST` and `SECOND`. Read only."""
    return clone_with_upcoming_releases(workspace / "template")

"""Renders of the working tree, each made once and shared; a test that changes one copies it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services import PROFILES, ROOT, git_commit, render, run

type Copy = Callable[[str], Path]


@pytest.fixture(scope="session")
def renders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of every profile's render, by name. Read only."""
    folder = tmp_path_factory.mktemp("renders")
    for name, answers in PROFILES.items():
        render(folder / name, **answers)
    return {name: folder / name for name in PROFILES}


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


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """`copier update` commits to temporary repositories, so git must know somebody."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "An owner")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "owner@example.com")


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    """A folder that PostgreSQL, which is never root, may enter; pytest's own is closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="rendered-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)

"""Renders of the working tree, each made once and shared; a test that changes one copies it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services import PROFILES, render

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


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    """A folder that PostgreSQL, which is never root, may enter; pytest's own is closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="rendered-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)

"""Every recipe is in the index, and every block of it is one that is applied."""

from pathlib import Path

import pytest

from tests.pages import KINDS
from tests.recipes import NAMES, PROVED_BY, RECIPES, blocks_of, own_tests_of
from tests.services import ROOT

PRECIOUS = {"app/api/deps.py", "app/db/session.py", "tests/conftest.py"}


def test_the_index_lists_every_recipe() -> None:
    pages = {path.stem for path in RECIPES.glob("*.md")} - {"index"}

    assert sorted(NAMES) == sorted(pages)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_holds_nothing_that_is_not_applied(name: str) -> None:
    """Every block is a file with its path, a diff or commands; so no line of it can rot."""
    for block in blocks_of(name):
        assert block.kind in {*KINDS, "diff"}, block.text
        if block.kind != "sh":  # commands, or a script with its path
            assert (block.path is not None) == (block.kind in KINDS), block.text
        assert not PRECIOUS & set(block.files), block.files
        assert not any(Path(path).name == "posts.py" for path in block.files), block.files
    if name in PROVED_BY:
        assert f'"{name}"' in (ROOT / PROVED_BY[name]).read_text()
    else:
        assert own_tests_of(name), "a recipe proves itself"

"""The template renders through pytest-copie too, with every set of answers."""

from typing import Any

import pytest
from pytest_copie.plugin import Copie

from tests.services import PROFILES, ROOT


@pytest.mark.parametrize("answers", PROFILES.values(), ids=PROFILES)
def test_it_renders(copie: Copie, answers: dict[str, Any]) -> None:
    result = copie.copy(extra_answers=answers, template_dir=ROOT, vcs_ref="HEAD")

    assert result.exit_code == 0, result.exception
    assert result.project_dir
    assert (result.project_dir / "app/main.py").is_file()

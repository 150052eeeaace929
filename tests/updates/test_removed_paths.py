"""What the template removes or renames stays in the services of the releases before."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import RenderedAt
from tests.owners import names_in
from tests.releases import NEXT, excluded_from_updates, releases, settings_of
from tests.services import PROFILES, run

# What may change is always looked at, where all files are; the history, where a seed says.
LOSSES = [
    pytest.param(
        *(*step, profile),
        marks=[] if (step[1], profile) == (NEXT, "everything") else [pytest.mark.sample(1)],
    )
    for step in pairwise([*releases(), NEXT])
    for profile in PROFILES
]


# Tools of the template that went; no owner has a reason to edit them.
TOOLS = {"scripts/update.py"}


@pytest.mark.parametrize(("older", "newer", "profile"), LOSSES)
def test_no_path_goes_away(
    older: str, newer: str, profile: str, history: Path, rendered_at: RenderedAt
) -> None:
    """What the template renames or deletes, plain copier deletes, with the owner's changes.

    A path that must go is excluded from updates, so that it stays, and named in the changelog.
    """
    gone = names_in(rendered_at(older, PROFILES[profile])) - names_in(
        rendered_at(newer, PROFILES[profile])
    )
    kept = excluded_from_updates(settings_of(history, newer))
    changelog = run(history, "git", "show", f"{newer}:CHANGELOG.md")
    newest_section = changelog.split("\n## ")[1]

    for name in gone:
        excluded = kept.match_file(name) or name in TOOLS
        assert excluded, f"{name}: exclude it from updates in copier.yml"
        assert f"`{name}`" in newest_section or name.startswith("alembic/versions/"), name

"""A service that its owner has worked on takes every update, and passes its own checks after it."""

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import RenderedAt
from tests.pages import NEW_FILE
from tests.releases import NEXT, releases
from tests.services import ROOT, git_commit, outcome, run

RELEASES = list(releases())
# By the updater that a service has; and by the new one, from a clone of the template.
UPDATES = [(release, "own") for release in RELEASES]
UPDATES += [(release, "new") for release in ("0.1.0", "0.8.0")]  # up to there it was a patch


PYTEST = ("uv", "run", "pytest")


@pytest.mark.sample(1)
@pytest.mark.parametrize(("release", "updater"), UPDATES)
def test_an_owned_service_takes_the_update_and_passes_its_checks(
    release: str,
    updater: str,
    history: Path,
    rendered_at: RenderedAt,
    workspace: Path,
) -> None:
    """With a resource, as that release taught it, a line in each module, and rows."""
    service = shutil.copytree(rendered_at(release, {}), workspace / f"{updater}-{release}")

    def uv_run(*command: str) -> str:
        return run(service, "uv", "run", *command)

    def psql(query: str) -> str:
        output = uv_run("--quiet", "poe", "--quiet", "psql", "--tuples-only", "--command", query)
        return output.strip()

    files = NEW_FILE.findall(run(history, "git", "show", f"{release}:docs/start.md"))
    for path, text in files:
        (service / path).write_text(text)
        git_commit(service, f"Add {path}")
    uv_run("poe", "revision", "add tags")
    git_commit(service, "Add the table")
    for path in ("posts", "users", "auth", "login_sessions"):
        for layer in ("services", "schemas", "repos"):
            if (file := service / f"app/{layer}/{path}.py").exists():
                file.write_text(f"{file.read_text()}\n\nOURS = True\n")
                git_commit(service, f"Change {file.name}")
    uv_run("poe", "migrate")
    uv_run("poe", "seed")
    users = psql("SELECT count(*), max(email) FROM users")
    assert int(users.split("|")[0]) > 0

    if updater == "new":
        uv_run("python", str(ROOT / "template/devtools/update"), "--defaults", "--to", NEXT)
    elif (service / "scripts/update.py").exists():
        uv_run("poe", "update", "--defaults", "--to", NEXT)
    else:  # the command came later
        run(service, "copier", "update", "--defaults", "--vcs-ref", NEXT)
        run(service, "uv", "lock")
    assert "UU" not in run(service, "git", "status", "--porcelain")
    git_commit(service, "Update")
    if (service / "scripts/postgres.py").exists():  # it could not move files
        assert "scripts/postgres.py is devtools/postgres.py now" in outcome(service, *PYTEST)[1]
        uv_run("poe", "update", "--defaults")
        git_commit(service, "Finish the update")
    code, output = outcome(service, *PYTEST, "tests/contract/test_migrations.py")
    if code:
        assert "New upgrade operations detected" in output
        uv_run("poe", "revision", "what the update brought")
        git_commit(service, "Migrate")

    uv_run("ruff", "check")
    uv_run("mypy", "app/", "tests/")
    assert "skipped" not in uv_run("pytest")
    uv_run("poe", "migrate")
    assert psql("SELECT count(*), max(email) FROM users") == users
    heads = uv_run("poe", "alembic", "heads")
    assert len(re.findall(r"\(head\)", heads)) == 1
    assert run(service, "git", "status", "--porcelain") == ""

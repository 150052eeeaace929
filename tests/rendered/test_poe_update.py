"""`poe update`, typed by an owner, and by the workflow that does it every week."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import copier
import pytest
import yaml

from tests.releases import CHANGES, FIRST, NEXT, SECOND
from tests.services import edit, git_commit, outcome, run


@pytest.fixture(scope="module")
def installed(workspace: Path, upcoming: Path) -> Path:
    folder = workspace / "service"
    copier.run_copy(str(upcoming), folder, defaults=True, quiet=True, vcs_ref=NEXT)
    git_commit(folder)
    run(folder, "uv", "sync", "--locked", "--quiet")
    return folder


@pytest.fixture
def service(installed: Path) -> Iterator[Path]:
    """As it was rendered, and put back afterwards."""
    rendered = run(installed, "git", "rev-list", "--max-parents=0", "HEAD").strip()
    yield installed
    run(installed, "git", "reset", "--hard", "--quiet", rendered)
    run(installed, "git", "clean", "-fdq")


def test_it_shows_what_is_new_and_says_what_is_left(service: Path) -> None:
    (service / ".env").write_text("# mine")
    output = run(service, "uv", "run", "poe", "update", "--defaults")

    news = f"{CHANGES[SECOND]}\n{CHANGES[FIRST]}"
    assert f"The template, from {NEXT} to {SECOND}:\n\n{news}\n" in output
    assert "New upgrade operations detected: [('add_column', None, 'users'" in output
    steps = re.findall(r"^  \d\. (.*)$", output, re.MULTILINE)
    assert [step.partition(":")[0] for step in steps] == [
        "Make the migrations fit, see above; to write one",
        "Check",
        "Commit",
    ]
    assert (service / ".env").read_text() == "# mine"
    assert '"structlog", specifier = ">=26.1,<28"' in (service / "uv.lock").read_text()
    changed = run(service, "git", "diff", "--cached", "--name-only").splitlines()
    updated = ["AGENTS.md", "app/models/users.py", "pyproject.toml"]
    assert changed == [".copier-answers.yml", ".github/workflows/ci.yml", *updated]
    assert run(service, "git", "diff", "--name-only") == "uv.lock\n"
    (service / ".env").unlink()


def test_it_goes_as_far_as_it_is_told(service: Path) -> None:
    output = run(service, "uv", "run", "poe", "update", "--defaults", "--to", FIRST)
    git_commit(service, "Update")
    again = run(service, "uv", "run", "poe", "update", "--defaults", "--to", FIRST)

    assert "A rule was missing." in output
    assert "A user may have a locale." not in output
    assert f"The template is at {FIRST}: there is nothing to bring in." in again
    assert run(service, "git", "status", "--porcelain") == ""


def test_a_conflict_is_named_and_cannot_be_committed(service: Path) -> None:
    """Only where both changed the same lines; and the hooks refuse what is left of it."""
    with (service / "AGENTS.md").open("a") as agents:
        agents.write("Be brief.\n")
    edit(service / "AGENTS.md", "# How to work on this service", "# How we work")
    git_commit(service, "Our rules")

    output = run(service, "uv", "run", "poe", "update", "--defaults")

    assert "1. Resolve what is between <<<<<<< and >>>>>>> in AGENTS.md: git add" in output
    text = (service / "AGENTS.md").read_text()
    assert text.startswith("# How we work\n")
    assert text.endswith(f"<<<<<<< HEAD\nBe brief.\n=======\nBe kind.\n>>>>>>> template-{SECOND}\n")
    assert text.count("<<<<<<<") == 1
    run(service, "uv", "run", "prek", "install")
    for how in (["--all"], ["--all", "--no-edit"]):
        code, refusal = outcome(service, "git", "commit", *how, "--message", "Update")
        assert code == 1
        assert "no conflict is left" in refusal
    code, refusal = outcome(service, "uv", "run", "poe", "check")
    assert code == 1
    assert "AGENTS.md" in refusal
    (service / ".git/hooks/pre-commit").unlink()


def test_it_can_be_taken_back(service: Path) -> None:
    output = run(service, "uv", "run", "poe", "update", "--defaults", "--to", FIRST)

    run(service, "bash", "-c", re.findall(r"To take it back: (.+)", output)[0])

    assert run(service, "git", "status", "--porcelain") == ""


def test_renovate_can_update_too(service: Path) -> None:
    """With the options of its copier manager; it cannot lock, and CI says that this is due."""
    options = ["--skip-answered", "--defaults", "--answers-file", ".copier-answers.yml"]
    run(service, "copier", "update", *options, "--vcs-ref", SECOND)
    git_commit(service, "Update")

    code, output = outcome(service, "uv", "sync", "--locked")

    assert code != 0
    assert "`uv.lock` needs to be updated" in output
    assert "run `uv lock`" in output


GH = """#!/bin/sh
echo "$@" >> "$GH_LOG"
command=$1
while [ $# -gt 0 ]; do [ "$1" = --body-file ] && cat "$2" >> "$GH_LOG"; shift; done
[ "$command" != pr ] || exit "$GH_EXIT"
"""


@pytest.fixture
def weekly(service: Path, tmp_path: Path) -> Iterator[Callable[..., list[int]]]:
    """Run the steps of the workflow, as GitHub does; give their exit codes."""
    run(tmp_path, "git", "init", "--quiet", "--bare", "origin")
    run(service, "git", "remote", "add", "origin", str(tmp_path / "origin"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gh").write_text(GH)  # GitHub's own, which is not here
    (tmp_path / "bin/gh").chmod(0o755)
    workflow = yaml.safe_load((service / ".github/workflows/update.yml").read_text())
    pipefail = workflow.get("defaults", {}).get("run", {}).get("shell") == "bash"
    shell = ["bash", "-e", *(["-o", "pipefail"] if pipefail else [])]
    steps = [step["run"] for step in workflow["jobs"]["update"]["steps"] if "run" in step]
    variables = {"GH_LOG": str(tmp_path / "log"), "RUNNER_TEMP": str(tmp_path)}
    variables |= {"GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig")}
    variables |= {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}

    def run_steps(gh: int = 0) -> list[int]:
        codes = []
        for step in steps:
            code, _ = outcome(service, *shell, "-c", step, **variables, GH_EXIT=str(gh))
            codes.append(code)
            if code:
                break
        return codes

    yield run_steps
    run(service, "git", "remote", "remove", "origin")
    run(service, "git", "checkout", "--quiet", "-B", "main", "HEAD")
    outcome(service, "git", "branch", "-D", "template-update")


def test_the_workflow_opens_a_pull_request(
    weekly: Callable[..., list[int]], service: Path, tmp_path: Path
) -> None:
    """Once: it pushes nothing on top of a branch that somebody may be working on."""
    for _ in range(2):
        assert weekly() == [0, 0]
        run(service, "git", "checkout", "--quiet", "-B", "main", "template-update~1")

    said = (tmp_path / "log").read_text()
    assert said.count("pr create --title Update from the template") == 1
    assert f"The template, from {NEXT} to {SECOND}" in said
    assert "Make the migrations fit" in said
    assert "AGENTS.md" in run(tmp_path / "origin", "git", "show", "--stat", "template-update")
    assert "github-actions[bot]" in (tmp_path / "gitconfig").read_text()


def test_the_workflow_fails_when_it_cannot_update(
    weekly: Callable[..., list[int]], service: Path, tmp_path: Path
) -> None:
    edit(service / ".copier-answers.yml", "_src_path: ", "_src_path: /nowhere")
    git_commit(service, "Moved")

    assert weekly() == [1]
    assert not (tmp_path / "log").exists()


def test_the_workflow_leaves_no_branch_without_a_pull_request(
    weekly: Callable[..., list[int]], tmp_path: Path
) -> None:
    """Else it would find the branch next week, and do nothing ever after."""
    assert weekly(gh=1) == [0, 1]
    assert "template-update" not in run(tmp_path / "origin", "git", "branch")

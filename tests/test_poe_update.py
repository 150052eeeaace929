"""`poe update`, typed by an owner, and by the workflow that does it every week."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import copier
import pytest
import yaml

from tests.releases import CHANGES, FIRST, NEXT, SECOND
from tests.services import edit, git_commit, outcome, run

pytestmark = pytest.mark.rendered


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


def test_it_refuses_what_is_not_committed(service: Path) -> None:
    (service / "mine.txt").write_text("mine")

    code, output = outcome(service, "uv", "run", "poe", "update")

    assert code == 1
    assert "Commit or stash your changes first" in output
    assert run(service, "git", "status", "--porcelain") == "?? mine.txt\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "main"], f"The template has no version main. Its newest is {SECOND}."),
        (["--to", "1000.0.0"], f"The template has no version 1000.0.0. Its newest is {SECOND}."),
        (["--to", "0.1.0"], "there is nothing to bring in"),
    ],
)
def test_it_takes_versions_only(arguments: list[str], said: str, service: Path) -> None:
    _, output = outcome(service, "uv", "run", "poe", "update", *arguments)

    assert said in output
    assert run(service, "git", "status", "--porcelain") == ""


def test_it_refuses_what_copier_would_take_for_its_own(service: Path) -> None:
    """It looks for rejected patches everywhere, and deletes them with what they belong to."""
    (service / ".git/info/exclude").write_text("*.rej\n")
    (service / "my notes.rej").write_text("mine")

    code, output = outcome(service, "uv", "run", "poe", "update", "--defaults")

    assert code == 1
    assert "Move away what copier takes for its own: my notes.rej" in output
    (service / "my notes.rej").unlink()
    (service / ".git/info/exclude").write_text("")


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
    changed = run(service, "git", "diff", "--name-only").splitlines()
    updated = ["AGENTS.md", "app/models/users.py", "pyproject.toml", "uv.lock"]
    assert changed == [".copier-answers.yml", ".github/workflows/ci.yml", *updated]
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

    assert "1. Resolve what is between <<<<<<< and >>>>>>> in AGENTS.md." in output
    text = (service / "AGENTS.md").read_text()
    assert text.startswith("# How we work\n")
    assert text.endswith(
        "<<<<<<< before updating\nBe brief.\n=======\nBe kind.\n>>>>>>> after updating\n"
    )
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
    output = run(service, "uv", "run", "poe", "update", "--defaults")
    before = run(service, "git", "rev-parse", "HEAD^{tree}")

    command = re.findall(r"To take it back: (.+)", output)[0]
    run(service, "bash", "-c", command)
    run(service, "git", "add", "--all")

    assert run(service, "git", "write-tree") == before


def test_what_copier_would_overwrite_is_left_alone(service: Path) -> None:
    """Plain `copier update` replaces all of these, and says nothing."""
    mine = "dépendances".encode("latin-1")
    (service / "requirements.txt").write_bytes(mine)
    (service / "SECURITY.md").unlink()
    (service / "SECURITY.md").symlink_to("README.md")
    with (service / ".gitignore").open("a") as ignore:
        ignore.write(".vscode/\n")
    run(service, "git", "rm", "-r", "--quiet", "--cached", ".vscode")
    (service / ".vscode/launch.json").write_text("mine")
    allowed = ("-c", "protocol.file.allow=always")  # for a clone of this folder
    run(service, "git", *allowed, "submodule", "--quiet", "add", str(service), "vendored")
    git_commit(service, "Ours")

    run(service, "uv", "run", "poe", "update", "--defaults")

    assert (service / "vendored/AGENTS.md").is_file()
    assert (service / "requirements.txt").read_bytes() == mine
    assert (service / "SECURITY.md").is_symlink()
    assert (service / ".vscode/launch.json").read_text() == "mine"
    for folder in (".vscode", "vendored", ".git/modules"):
        shutil.rmtree(service / folder)


def test_an_answer_is_changed_with_the_same_care(service: Path) -> None:
    """At the version that is there; and an ignored file stays."""
    with (service / ".gitignore").open("a") as ignore:
        ignore.write(".vscode/\n")
    run(service, "git", "rm", "-r", "--quiet", "--cached", ".vscode")
    (service / ".vscode/launch.json").write_text("mine")
    git_commit(service, "Ours")

    output = run(service, "uv", "run", "poe", "update", "--data", "docker=false")

    assert 'git commit --message "Change an answer"' in output
    assert not (service / "Dockerfile").exists()
    assert (service / ".vscode/launch.json").read_text() == "mine"
    answers = yaml.safe_load((service / ".copier-answers.yml").read_text())
    assert (answers["docker"], answers["_commit"]) == (False, NEXT)
    shutil.rmtree(service / ".vscode")


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


# So long that three lines of context around the middle do not reach a name.
FUNCTIONS = """\
def one():
    a = 1
    b = 2
    c = 3
    d = 4
    e = 5
    f = 6
    g = 7
    return a


def two():
    a = 1
    b = 2
    c = 3
    d = 4
    e = 5
    f = 6
    g = 7
    return a
"""


def test_a_change_stays_where_it_was_made(service: Path, upcoming: Path, tmp_path: Path) -> None:
    """A patch with few lines of context fits into the wrong one of two equal functions."""
    template = shutil.copytree(upcoming, tmp_path / "template")
    (template / "template/app/equal.py").write_text(FUNCTIONS)
    git_commit(template, "Equal")
    run(template, "git", "tag", "999.1.0")
    zero = FUNCTIONS.replace("one", "zero").partition("\n\n\ndef two")[0]
    (template / "template/app/equal.py").write_text(f"{zero}\n\n\n{FUNCTIONS}")
    git_commit(template, "Zero")
    run(template, "git", "tag", "999.2.0")
    edit(service / ".copier-answers.yml", str(upcoming), str(template))
    git_commit(service, "Moved")
    run(service, "uv", "run", "poe", "update", "--defaults", "--to", "999.1.0")
    one, _, two = FUNCTIONS.partition("def two")
    mine = f"{one}def two{two.replace('d = 4', 'd = 400')}"
    (service / "app/equal.py").write_text(mine)
    git_commit(service, "Ours")

    run(service, "uv", "run", "poe", "update", "--defaults")

    assert (service / "app/equal.py").read_text() == f"{zero}\n\n\n{mine}"

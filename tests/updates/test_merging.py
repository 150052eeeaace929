"""`poe update` in one situation at a time: what the owner did, the machine, a kill half-way."""

import os
import re
import shutil
import signal
import subprocess
import tomllib
from pathlib import Path

import copier
import pytest
import yaml

from tests import services
from tests.releases import NEXT
from tests.services import ROOT, git_commit, once, outcome, run, wait_until
from tests.updates.environments import (
    ATTRIBUTES,
    LEFTOVERS,
    MEANT,
    SETTINGS,
    STAMP,
    poe_update,
    write_hooks,
)

AFTER = "999.2.0"
NEW = "# What is new.\n"
MINE = "# Mine.\n"


@pytest.fixture(scope="session")
def template(history: Path) -> Path:
    """The working tree, and after it a release that does a little of everything."""

    def make(new: Path) -> None:
        shutil.copytree(history, new)
        run(new, "git", "reset", "--hard", "--quiet", NEXT)
        rendered = new / "template"
        for name in ("AGENTS.md", "app/api/routes/users.py", "app/errors.py", "app/main.py"):
            append(rendered / name, NEW)
        append(rendered / "tests/contract/calls.py", NEW)
        append(rendered / "scaffold/services.py.j2", NEW)
        (rendered / "SECURITY.md").unlink()
        (rendered / "guide").mkdir(exist_ok=True)
        (rendered / "guide/new.md").write_text(NEW)
        (rendered / "CLAUDE.md").unlink()
        (rendered / "CLAUDE.md").mkdir()
        (rendered / "CLAUDE.md/rules.md").write_text(NEW)
        shutil.rmtree(rendered / "scripts/seeds")
        (rendered / "scripts/seeds").write_text(NEW)
        document = rendered / "devtools/document.py"
        (rendered / "devtools/openapi.py").rename(document)
        document.write_text(document.read_text() + NEW * 50)
        append(rendered / "devtools/moved.txt", "devtools/openapi.py devtools/document.py\n")
        git_commit(new, "After")
        run(new, "git", "tag", AFTER)
        run(new, "git", "tag", "--delete", "999.1.0")

    return once("a little of everything", make)


@pytest.fixture
def service(template: Path, tmp_path: Path) -> Path:
    def make(new: Path) -> None:
        copier.run_copy(str(template), new, defaults=True, quiet=True, vcs_ref=NEXT)
        git_commit(new)

    return shutil.copytree(once("before a little", make), tmp_path / "service", symlinks=True)


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def prepend(path: Path, text: str = MINE) -> None:
    path.write_text(text + path.read_text())


def updated(service: Path, *options: str, **variables: str) -> str:
    code, said = poe_update(service, "--defaults", *options, variables=variables)
    assert code == 0, said
    return said


def refused(service: Path, *options: str, **variables: str) -> str:
    """What it says; and nothing has changed."""
    before = status(service)
    code, said = poe_update(service, "--defaults", *options, variables=variables)
    assert code != 0, said
    assert "Traceback" not in said
    assert status(service) == before
    return said


def status(service: Path) -> dict[str, str]:
    lines = run(service, "git", "status", "--porcelain", "-z", "--no-renames").split("\0")[:-1]
    return {line[3:]: line[:2] for line in lines}


# WHAT THE OWNER DID ---------------------------------------------------------------------


def test_what_is_new_comes_to_renamed_files_and_moved_folders(service: Path) -> None:
    prepend(service / "app/errors.py")
    run(service, "git", "mv", "app/errors.py", "app/failures.py")
    run(service, "git", "mv", "app", "src")
    git_commit(service, "Moved")

    said = updated(service)

    text = (service / "src/failures.py").read_text()
    assert text.startswith(MINE)
    assert text.endswith(NEW)
    assert (service / "src/main.py").read_text().endswith(NEW)
    assert "where you moved it: src/api/routes/users.py, src/failures.py, src/main.py" in said
    assert not (service / "app").exists()


def test_what_the_template_moves_keeps_what_was_edited(service: Path) -> None:
    """Also where git does not see that it is the same file: a table of the template says so."""
    prepend(service / "devtools/openapi.py")
    git_commit(service, "Ours")

    said = updated(service)

    text = (service / "devtools/document.py").read_text()
    assert text.startswith(MINE)
    assert text.endswith(NEW)
    assert not (service / "devtools/openapi.py").exists()
    assert "devtools/openapi.py is devtools/document.py now, with your changes." in said


def test_conflict_in_a_file_of_the_template_is_resolved_by_its_side(service: Path) -> None:
    name = "tests/contract/calls.py"
    append(service / name, MINE)
    git_commit(service, "Ours")

    said = updated(service)

    assert "Say in tests/answers.py what you changed" in said
    run(service, "sh", "-c", f"git checkout --theirs {name} && git add {name}")
    assert (service / name).read_text().endswith(NEW)
    assert MINE not in (service / name).read_text()


def test_patterns_are_merged_and_what_they_wrote_stays(service: Path) -> None:
    """`scaffold/` is updated like any file. A resource that it wrote is the owner's."""
    prepend(service / "scaffold/services.py.j2")
    run(service, "cp", "app/services/posts.py", "app/services/invoices.py")
    git_commit(service, "Ours, and a resource")

    updated(service)

    text = (service / "scaffold/services.py.j2").read_text()
    assert text.startswith(MINE)
    assert text.endswith(NEW)
    assert "app/services/invoices.py" not in status(service)


def test_what_was_deleted_stays_deleted_and_is_named(service: Path) -> None:
    for name in ("app/errors.py", "SECURITY.md"):
        (service / name).unlink()
    git_commit(service, "Deleted")

    said = updated(service)

    assert not (service / "app/errors.py").exists()
    missed = re.findall(r"(\S+) is gone, as you left it. What is new in it: (git diff .+)", said)
    assert [name for name, _ in missed] == ["app/errors.py"]
    assert f"+{NEW}" in run(service, "sh", "-c", missed[0][1])


def test_what_the_template_deletes_and_the_owner_changed_is_a_conflict(service: Path) -> None:
    prepend(service / "SECURITY.md")
    git_commit(service, "Ours")

    said = updated(service)

    assert "You changed SECURITY.md, which the update deletes: git add SECURITY.md" in said
    assert status(service)["SECURITY.md"] == "UD"
    assert (service / "SECURITY.md").read_text().startswith(MINE)


def test_a_link_stays_a_link(service: Path) -> None:
    (service / "AGENTS.md").unlink()
    (service / "AGENTS.md").symlink_to("README.md")
    git_commit(service, "Linked")

    said = updated(service)

    assert (service / "AGENTS.md").is_symlink()
    assert "AGENTS.md is gone, as you left it" in said
    assert "AGENTS.md" not in status(service)


def test_a_binary_conflict_says_what_to_do(service: Path) -> None:
    (service / "AGENTS.md").write_bytes(b"mine\0")
    git_commit(service, "Binary")

    said = updated(service)

    assert (
        "AGENTS.md has no markers, and is yours: git add AGENTS.md; or git checkout --theirs"
        in said
    )
    assert (service / "AGENTS.md").read_bytes() == b"mine\0"
    assert status(service)["AGENTS.md"] == "UU"
    run(service, "git", "checkout", "--theirs", "AGENTS.md")
    assert (service / "AGENTS.md").read_text().endswith(NEW)


@pytest.mark.parametrize("style", ["merge", "diff3"])
def test_a_conflict_stands_in_the_file_and_in_the_index(style: str, service: Path) -> None:
    append(service / "AGENTS.md", MINE)
    git_commit(service, "Ours")
    run(service, "git", "config", "merge.conflictStyle", style)

    said = updated(service)

    assert "1. Resolve what is between <<<<<<< and >>>>>>> in AGENTS.md: git add AGENTS.md" in said
    base = r"\|{7} .*\n" if style == "diff3" else ""
    conflict = rf"<<<<<<< HEAD\n{MINE}{base}=======\n{NEW}>>>>>>> template-{AFTER}\n"
    assert re.search(conflict, (service / "AGENTS.md").read_text())
    assert status(service)["AGENTS.md"] == "UU"
    assert run(service, "git", "ls-files", "--unmerged").endswith("AGENTS.md\n")
    assert run(service, "git", "show", ":2:AGENTS.md").endswith(MINE)
    code, _ = outcome(service, "git", "commit", "--quiet", "--message", "Too early")
    assert code != 0


def test_a_copy_is_no_conflict_when_its_model_goes(service: Path) -> None:
    """As the README has it: copy the example, then remove it."""
    for path in [*service.glob("app/*/posts.py"), service / "app/api/routes/posts.py"]:
        path.with_name("tags.py").write_text(path.read_text().replace("ost", "ag"))
        path.unlink()
    git_commit(service, "Tags")

    updated(service, "--data", "posts=no")

    assert "U" not in "".join(status(service).values())
    assert (service / "app/services/tags.py").exists()


def test_line_ends_and_modes_are_the_owners(service: Path) -> None:
    """Committed with CRLF, renamed or not; and what is executable stays so."""
    for name in ("app/errors.py", "app/main.py", ".copier-answers.yml"):
        path = service / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (service / "app/main.py").chmod(0o755)
    run(service, "git", "mv", "app/errors.py", "app/failures.py")
    git_commit(service, "Windows")

    updated(service)

    for name in ("app/failures.py", "app/main.py"):
        content = (service / name).read_bytes()
        assert content.count(b"\n") == content.count(b"\r\n")
        assert content.endswith(NEW.encode().replace(b"\n", b"\r\n"))
    assert os.access(service / "app/main.py", os.X_OK)
    assert "U" not in "".join(status(service).values())


def test_files_become_folders_and_folders_files(service: Path) -> None:
    """Also where only empty folders are left of what was there."""
    (service / "guide/new.md/empty").mkdir(parents=True)
    (service / "scripts/seeds/empty").mkdir()

    updated(service)

    for name in ("CLAUDE.md/rules.md", "scripts/seeds", "guide/new.md"):
        assert (service / name).read_text() == NEW
    assert run(service, "git", "diff", "--name-only") == ""


def test_what_git_does_not_know_is_never_overwritten(service: Path) -> None:
    append(service / ".gitignore", "/guide\n")
    git_commit(service, "Ignored")
    (service / "guide").mkdir()
    (service / "guide/new.md").write_text("mine")

    assert "Move out of the way, or make writable: guide/new.md" in refused(service)
    assert (service / "guide/new.md").read_text() == "mine"
    shutil.rmtree(service / "guide")
    (service / "guide").write_text("mine")
    assert "make writable: guide" in refused(service)
    (service / "guide").unlink()
    (service / "scripts/seeds/mine.txt").write_text("mine")
    assert "make writable: scripts/seeds/mine.txt" in refused(service)


# THE MACHINE ----------------------------------------------------------------------------

# What lost edits, or failed, when the update was a patch; always tried. The others by samples.
LOST = {
    "apply.whitespace=error",
    "apply.whitespace=error-all",
    "apply.whitespace=fix",
    "merge.renames=false",
    "status.showUntrackedFiles=all",
    "status.showUntrackedFiles=no",
    "*.md -diff",
    "hooks",
    "protocol.file.allow=user",
}
ALONE = [*SETTINGS, *ATTRIBUTES, "hooks", "variables"]


def worked_on(service: Path) -> None:
    """A merge, a conflict, a rename and a file deleted; trailing blanks in another."""
    prepend(service / "app/main.py")
    append(service / "AGENTS.md", MINE)
    append(service / "README.md", "blanks  \n")
    run(service, "git", "mv", "app/errors.py", "app/failures.py")
    (service / "app/pagination.py").unlink()
    git_commit(service, "Ours")


def index(service: Path) -> str:
    return run(service, "git", "ls-files", "--stage")


@pytest.fixture(scope="module")
def without_settings(template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("plain") / "service"
    copier.run_copy(str(template), folder, defaults=True, quiet=True, vcs_ref=NEXT)
    git_commit(folder)
    worked_on(folder)
    updated(folder)
    return index(folder)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in LOST else [pytest.mark.sample(3)])
        for name in ALONE
        if name not in MEANT
    ],
)
def test_a_setting_changes_nothing(
    name: str, service: Path, without_settings: str, tmp_path: Path
) -> None:
    worked_on(service)
    config, variables = tmp_path / "gitconfig", {}
    settings = [f"filter.stamp.{key}={value}" for key, value in STAMP.items()]
    if name == "hooks":
        write_hooks(tmp_path / "hooks", tmp_path / "ran")
        settings.append(f"core.hooksPath={tmp_path / 'hooks'}")
    elif name == "variables":
        variables = LEFTOVERS
    elif name.startswith("*"):
        (tmp_path / "attributes").write_text(name)
        settings.append(f"core.attributesFile={tmp_path / 'attributes'}")
    else:
        settings.append(name)
    for key, value in (setting.split("=", 1) for setting in settings):
        run(service, "git", "config", "--file", str(config), key, value)

    # git looks there, too, where GIT_CONFIG_GLOBAL is not passed on.
    (tmp_path / "git").mkdir()
    (tmp_path / "git/config").symlink_to(config)

    updated(service, GIT_CONFIG_GLOBAL=str(config), XDG_CONFIG_HOME=str(tmp_path), **variables)

    assert index(service) == without_settings
    assert (service / "app/main.py").read_text().count(MINE) == 1
    assert not (tmp_path / "ran").exists()


def test_a_protocol_that_is_not_allowed_stops_it(service: Path) -> None:
    variables = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.file.allow"}

    said = refused(service, GIT_CONFIG_VALUE_0="never", **variables)

    assert "transport 'file' not allowed" in said


def test_a_setting_that_hides_changes_is_refused(service: Path) -> None:
    run(service, "git", "config", "core.ignoreStat", "true")
    run(service, "git", "update-index", "--refresh", "--again")

    run(service, "git", "rm", "-r", "--quiet", "--cached", ".")
    run(service, "git", "reset", "--hard", "--quiet")

    assert "First: git update-index --no-assume-unchanged " in refused(service)


@pytest.mark.parametrize("bit", ["skip-worktree", "assume-unchanged"])
def test_files_that_git_hides_are_refused_if_they_would_be_written(bit: str, service: Path) -> None:
    hidden = ["app/main.py", "app/api/deps.py"]  # the update writes the first one only
    run(service, "git", "update-index", f"--{bit}", *hidden)
    for name in hidden:
        prepend(service / name)

    said = refused(service)

    command = f"git update-index --no-{bit} app/main.py"
    assert said.endswith(f"First: {command}\n")
    run(service, "sh", "-c", command)
    assert "Commit or stash" in refused(service)
    run(service, "git", "commit", "--quiet", "--message", "Ours", "app/main.py")
    updated(service)
    assert (service / "app/api/deps.py").read_text().startswith(MINE)


def test_a_sparse_checkout_is_refused_if_it_would_be_written(service: Path) -> None:
    run(service, "git", "update-index", "-q", "--refresh")  # the files are copies
    run(service, "git", "sparse-checkout", "set", "--no-cone", "/*", "!/app/")

    assert refused(service).endswith("First: git sparse-checkout disable\n")
    run(service, "git", "sparse-checkout", "set", "--no-cone", "/*", "!/alembic/")
    updated(service)


@pytest.mark.parametrize("way", ["clean", "smudge"])
def test_a_filter_that_fails_stops_it(way: str, service: Path) -> None:
    (service / ".gitattributes").write_text("app/main.py filter=broken\n")
    git_commit(service, "Filtered")
    run(service, "git", "config", f"filter.broken.{way}", "false")
    run(service, "git", "config", "filter.broken.required", "true")
    run(service, "git", "update-index", "--refresh")

    assert "failed" in refused(service)


def test_what_is_not_committed_stays(service: Path, tmp_path: Path) -> None:
    """In other folders, and what git does not know; in the service's folder it is refused."""
    repository = tmp_path / "repository"
    (repository / "services").mkdir(parents=True)
    shutil.copytree(service, repository / "services/blog", ignore=shutil.ignore_patterns(".git"))
    service = repository / "services/blog"
    (repository / "other.txt").write_text("")
    git_commit(repository, "Together")
    (repository / "other.txt").write_text("changed")
    (service / "unknown.txt").write_text("unknown")
    prepend(service / "app/main.py")

    assert "Commit or stash your changes" in refused(service)
    run(service, "git", "commit", "--quiet", "--message", "Ours", "app/main.py")
    updated(service)

    assert (repository / "other.txt").read_text() == "changed"
    changed = status(repository)
    assert (changed["other.txt"], changed["services/blog/unknown.txt"]) == (" M", "??")
    run(service, "git", "restore", "--staged", "--worktree", ".")
    assert status(repository) == {"other.txt": " M", "services/blog/unknown.txt": "??"}


@pytest.mark.parametrize("megabytes", [1, pytest.param(1200, marks=pytest.mark.sample(0))])
def test_the_size_of_a_repository_does_not_matter(
    megabytes: int, service: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "large"
    (repository / "data").mkdir(parents=True)
    for number in range(12):
        line = f"{number} is the number of this file\n" * (megabytes * 1000 // 12 // 33 + 1)
        (repository / f"data/{number}.csv").write_text(line * 1000)
    shutil.copytree(service, repository / "blog", ignore=shutil.ignore_patterns(".git"))
    git_commit(repository)
    prepend(repository / "blog/app/main.py")
    run(repository, "git", "commit", "--quiet", "--all", "--message", "Ours")

    updated(repository / "blog")

    text = (repository / "blog/app/main.py").read_text()
    assert text.startswith(MINE)
    assert text.endswith(NEW)


@pytest.mark.parametrize("count", [390, pytest.param(39_000, marks=pytest.mark.sample(0))])
def test_many_ignored_files_do_not_matter(count: int, service: Path) -> None:
    (service / ".venv").mkdir()
    for number in range(count):
        (service / f".venv/{number}").touch()

    updated(service)


# A KILL HALF-WAY ------------------------------------------------------------------------

# Counts the calls that change something, in the step of the update that writes or in the one
# before, and kills itself.
KILL = """
import os, runpy, signal, subprocess, sys
import writing

step, left = os.environ.get("KILL_IN", "finish"), int(os.environ.get("KILL_AT", "-1"))
at_work, rename = False, os.rename

def counted(function):
    def call(*arguments, **options):
        global left
        left -= at_work
        if at_work and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call

def rename_and_kill(old, new):
    rename(old, new)
    if str(new).endswith(os.environ.get("KILL_AFTER", "/nothing")):
        os.kill(os.getpid(), signal.SIGKILL)

def counting(work):
    def call(*arguments):
        global at_work
        at_work = True
        found = work(*arguments)
        at_work = False
        return found
    return call

os.rename = rename_and_kill
for module, name in ((os, "mkdir"), (os, "rename"), (os, "rmdir"), (os, "unlink")):
    setattr(module, name, counted(getattr(module, name)))
subprocess.run = counted(subprocess.run)
setattr(writing.Writer, step, counting(getattr(writing.Writer, step)))
sys.argv = ["poe update", "--defaults"]
runpy.run_path(os.environ["UPDATE"], run_name="__main__")
"""


# More than the step has; the last moments come after its end.
MOMENTS = [*(("prepare", moment) for moment in range(1, 20)), *(("finish", m) for m in range(70))]


@pytest.mark.sample(4)
@pytest.mark.parametrize(("step", "moment"), MOMENTS)
def test_the_next_run_finishes_one_that_was_killed(
    step: str, moment: int, service: Path, without_settings: str
) -> None:
    worked_on(service)

    variables = {"KILL_IN": step, "KILL_AT": str(moment)}
    code, said = poe_update(service, driver=KILL, variables=variables)
    if code:
        assert code == -signal.SIGKILL, said
        _, said = poe_update(service, "--defaults")
    assert re.search("Left to do|or finish the last update", said), said

    assert index(service) == without_settings
    assert {*run(service, "git", "diff", "--name-only").split()} == {"AGENTS.md"}


def test_an_edit_after_a_kill_stays(service: Path) -> None:
    poe_update(service, driver=KILL, variables={"KILL_AFTER": "AGENTS.md"})
    prepend(service / "app/main.py")
    prepend(service / "AGENTS.md")

    code, said = poe_update(service)

    assert code == 1
    assert "left as they are: AGENTS.md, app/main.py" in said
    assert (service / "guide/new.md").read_text() == NEW
    for name in ("app/main.py", "AGENTS.md"):
        assert (service / name).read_text().startswith(MINE)
    assert f"+{NEW}" in run(service, "git", "diff", "--cached", "app/main.py")


@pytest.mark.parametrize("how", ["reset --hard --quiet", "commit --all --quiet --message Half"])
def test_what_was_done_after_a_kill_stays(how: str, service: Path) -> None:
    """Taken back or committed: the update does not go on."""
    poe_update(service, driver=KILL, variables={"KILL_AFTER": "AGENTS.md"})
    run(service, "git", *how.split())

    assert "It is given up" in refused(service)
    updated(service)
    assert (service / "app/main.py").read_text().endswith(NEW)


def test_only_one_runs_at_a_time(service: Path) -> None:
    """In a work tree; the second one refuses."""
    store = service / ".git/poe-update"
    store.mkdir()
    with subprocess.Popen(["flock", "--no-fork", store, "sleep", "60"]) as holder:
        wait_until(lambda: outcome(service, "flock", "--nonblock", str(store), "true")[0] == 1)
        assert "Another `poe update` is at work in this repository." in refused(service)
        holder.terminate()


# WHAT IS TYPED --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("dokcer=false", "type NAME=VALUE. The names are service_name, slug, description, author"),
        ("docker", "type NAME=VALUE. The names are"),
        ("docker=nope", "type docker=yes or docker=no."),
        ("docker=", "type docker=yes or docker=no."),
        ("docker=ture", "type docker=yes or docker=no."),
        ("slug=No Slug", "Type lower case, such as blog-api"),
        ("slug=", "Type lower case, such as blog-api"),
        ("_commit=1.0.0", "type NAME=VALUE. The names are"),
    ],
)
def test_a_wrong_answer_is_refused_with_the_right_ones(
    answer: str, said: str, service: Path
) -> None:
    assert said in refused(service, "--data", answer)


def test_yes_and_no_are_understood(service: Path) -> None:
    for word, has in (("no", False), ("yes", True), ("OFF", False), ("1", True)):
        updated(service, "--data", f"docker={word}")

        assert (service / "Dockerfile").exists() == has
        assert yaml.safe_load((service / ".copier-answers.yml").read_text())["docker"] is has
        git_commit(service, word)
    assert "Nothing changes." in updated(service, "--data", "docker=yes")


def test_another_file_of_answers_is_updated(template: Path, tmp_path: Path) -> None:
    """Copier's own option, for two templates in one folder."""
    service, file = tmp_path / "service", ".copier-answers.api.yml"
    options = ("--quiet", "--defaults", "--answers-file", file, "--vcs-ref", NEXT)
    run(tmp_path, "copier", "copy", *options, str(template), str(service))
    git_commit(service)
    pyproject = tomllib.loads((service / "pyproject.toml").read_text())
    command = pyproject["tool"]["poe"]["tasks"]["update"]["cmd"].split()

    updated(service, *command[2:])

    assert yaml.safe_load((service / file).read_text())["_commit"] == AFTER
    assert (service / "AGENTS.md").read_text().endswith(NEW)
    assert "Answers" not in run(service, "git", "status", "--porcelain")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ("nothing: here\n", "lacks what copier wrote: _commit and _src_path"),
        ("<<<<<<< HEAD\n_commit: 1\n=======\n", "mapping values are not allowed here"),
        ("_commit: 1.0.0\n_src_path: /nowhere\n", "'/nowhere' does not appear to be a git"),
    ],
)
def test_a_broken_file_of_answers_stops_it(answers: str, said: str, service: Path) -> None:
    (service / ".copier-answers.yml").write_text(answers)
    git_commit(service, "Broken")

    assert said in refused(service)


def test_an_old_git_is_refused(service: Path, tmp_path: Path) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\necho git version 2.30.2\n")
    (tmp_path / "git").chmod(0o755)

    said = refused(service, PATH=f"{tmp_path}:{os.environ['PATH']}")

    assert said == "`poe update` needs git 2.34 or newer; this is 2.30.2.\n"


def test_a_service_without_a_repository_is_refused(service: Path) -> None:
    shutil.rmtree(service / ".git")

    code, said = poe_update(service)

    assert code == 1
    assert "not a git repository" in said
    assert "Traceback" not in said


# ITS OWN CHECKS -------------------------------------------------------------------------

# A merge that goes wrong: it drops what the owner did in session.py.
FAULT = """
import os, runpy, sys
import merging

settle = merging.settle

def settle_wrongly(done, base, *rest):
    settle(done, base, *rest)
    done.result["app/db/session.py"] = base["app/db/session.py"]

merging.settle = settle_wrongly
sys.argv = ["poe update", "--defaults"]
runpy.run_path(os.environ["UPDATE"], run_name="__main__")
"""
# The owner goes on working, just before a step of the update.
WORK = """
import os, runpy, subprocess, sys
import writing

step = getattr(writing.Writer, os.environ["BEFORE"])

def work_first(*arguments):
    subprocess.run(["sh", "-c", os.environ["WORK"]], check=True)
    return step(*arguments)

setattr(writing.Writer, os.environ["BEFORE"], work_first)
sys.argv = ["poe update", "--defaults"]
runpy.run_path(os.environ["UPDATE"], run_name="__main__")
"""


def test_an_update_that_would_lose_work_stops_itself(service: Path) -> None:
    prepend(service / "app/db/session.py")
    git_commit(service, "Ours")

    code, said = poe_update(service, driver=FAULT)

    assert code == 1
    assert "a fault in `poe update`, which would lose app/db/session.py" in said
    assert status(service) == {}


@pytest.mark.parametrize(
    ("work", "before", "said"),
    [
        ("echo mine > app/main.py", "prepare", "Commit or stash your changes"),
        ("echo mine > app/main.py", "check_out", "have changed in the meantime"),
        ("mkdir guide && echo mine > guide/new.md", "check_out", "have changed in the meantime"),
        ("echo mine > app/db/session.py && git commit -qam Mine", "prepare", "in the meantime"),
    ],
)
def test_work_during_an_update_stops_it(work: str, before: str, said: str, service: Path) -> None:
    code, output = poe_update(service, driver=WORK, variables={"WORK": work, "BEFORE": before})

    assert code == 1
    assert said in output
    assert "AGENTS.md" not in status(service)
    assert "mine" in run(service, "sh", "-c", "cat app/main.py app/db/session.py guide/new.md || :")


def test_an_edit_during_the_write_stays_and_is_named(service: Path) -> None:
    work = "echo mine > app/main.py; echo mine > app/db/session.py"

    code, said = poe_update(service, driver=WORK, variables={"WORK": work, "BEFORE": "finish"})

    assert code == 1
    assert "left as they are: app/main.py, app/db/session.py" in said
    for name in ("app/main.py", "app/db/session.py"):
        assert (service / name).read_text() == "mine\n"


def test_it_leaves_out_what_copier_leaves_out_of_its_updates() -> None:
    """To copier, the renders that are merged are copies."""
    excluded = services.SETTINGS["_exclude"][0].splitlines()[1:-1]
    script = (ROOT / "template/devtools/update/rendering.py").read_text()

    assert f"EXCLUDED = {excluded}".replace("'", '"') in script

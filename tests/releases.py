"""The releases of the template, rebuilt from its history: a clone may come without tags."""

import random
import re
from pathlib import Path
from typing import Any

import jinja2
import pathspec
import yaml

from tests.services import ROOT, Answers, edit, git_commit, run

NEXT = "999.0.0"  # the working tree, as if it were released now
LATER = "999.1.0"  # and after that a release that changes almost every file, for merges to do

# Instead of that, two small ones, for `poe update` to bring in; and what they say.
FIRST, SECOND = "999.0.1", "999.0.2"
CHANGES = {
    FIRST: f"## {FIRST} - 2027-01-01\n\n### Fixed\n- A rule was missing.\n",
    SECOND: f"## {SECOND} - 2027-02-01\n\n### Changed\n- A user may have a locale.\n",
}


def documented() -> list[str]:
    """The versions in the changelog, oldest first."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    return re.findall(r"^## (\d\S*) - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)[::-1]


def releases() -> dict[str, str]:
    """The commit of each release, oldest first; its subject says so."""
    log = run(ROOT, "git", "log", "--first-parent", "--reverse", "--format=%H %s")
    found = re.findall(r"^([0-9a-f]{40}) Release (\d\S*)$", log, re.MULTILINE)
    commits = {version: commit for commit, version in found}
    assert len(commits) == len(found), "Two commits say that they are the same release"
    return commits


def clone_with_releases(folder: Path, *, later: bool = True) -> Path:
    """Clone the template; its tags are the releases in its history, and NEXT the working tree."""
    run(
        ROOT, "git", "clone", "--quiet", "--no-tags", "--no-checkout", f"file://{ROOT}", str(folder)
    )
    for version, commit in releases().items():
        run(folder, "git", "tag", version, commit)
    working_tree = ("git", "--git-dir", str(folder / ".git"), "--work-tree", str(ROOT))
    run(ROOT, *working_tree, "add", "--all")
    run(folder, "git", "commit", "--quiet", "--allow-empty", "--message", "The working tree")
    run(folder, "git", "tag", NEXT)
    run(folder, "git", "reset", "--quiet", "--hard")
    if not later:
        return folder
    change_almost_everything(folder / "template")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "Changes everywhere")
    run(folder, "git", "tag", LATER)
    return folder


def clone_with_upcoming_releases(folder: Path) -> Path:
    """Two after the working tree: one mends texts, one changes a model and a range."""
    clone = clone_with_releases(folder)
    run(clone, "git", "tag", "--delete", LATER)
    run(clone, "git", "reset", "--hard", "--quiet", NEXT)
    rendered = clone / "template"
    with (rendered / "AGENTS.md").open("a") as agents:
        agents.write("Be kind.\n")
    with (rendered / "{% if github %}.github{% endif %}/workflows/ci.yml").open("a") as workflow:
        workflow.write("# As every other.\n")
    make_release(clone, FIRST)
    edit(
        rendered / "app/models/users.py",
        "    disabled: Mapped[bool]",
        "    locale: Mapped[str | None]\n    disabled: Mapped[bool]",
    )
    edit(rendered / "pyproject.toml.jinja", '"structlog>=26.1,<27"', '"structlog>=26.1,<28"')
    make_release(clone, SECOND)
    return clone


def make_release(template: Path, version: str, text: str = "") -> None:
    changelog = template / "CHANGELOG.md"
    title, older = changelog.read_text().split("\n## ", 1)
    changelog.write_text(f"{title}\n{text or CHANGES[version]}\n## {older}")
    git_commit(template, f"Release {version}")
    run(template, "git", "tag", version)


def change_almost_everything(template: Path) -> None:
    """Insert, change and delete lines here and there, and add files. It need not run."""
    rng = random.Random(0)
    for path in sorted(template.rglob("*")):
        data = path.name == "moved.txt" or "copier" in path.name
        if not path.is_file() or data or rng.random() < 0.1:
            continue
        lines = path.read_text().splitlines(keepends=True)
        for _ in range(rng.randint(1, 4)):
            at = rng.randint(0, len(lines))
            if "{" not in "".join(lines[at : at + 1]):  # Jinja stays as it is
                new = [f"# {path.stem}, line {at}\n"]
                lines[at : at + rng.randint(0, 2)] = new * rng.randint(0, 2)
        path.write_text("".join(lines))
    for folder in ("docs", "app/api"):
        (template / folder).mkdir(exist_ok=True)
        (template / folder / "later.py").write_text("# this file is new\n")


def settings_of(history: Path, version: str) -> dict[str, Any]:
    """What `copier.yml` says in that release."""
    settings = yaml.safe_load(run(history, "git", "show", f"{version}:copier.yml"))
    assert isinstance(settings, dict)
    return settings


def excluded_from_updates(settings: dict[str, Any]) -> pathspec.GitIgnoreSpec:
    """The paths that plain copier leaves as they are, when it updates to that version."""
    patterns = [
        line.strip()
        for entry in settings["_exclude"]
        for line in jinja2.Template(entry).render(_copier_operation="update").splitlines()
    ]
    return pathspec.GitIgnoreSpec.from_lines(patterns)


def answers_for(history: Path, version: str, answers: Answers) -> Answers:
    """These answers, but for questions that the release does not ask: copier ignores them."""
    settings = settings_of(history, version)
    return {name: value for name, value in answers.items() if name in settings}

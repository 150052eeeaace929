"""Bring in what is new in the template: `poe update`. Nothing is committed; git takes it back."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

UV = os.environ.get("UV", "uv")
COPIER = [UV, "tool", "run", "--from", "copier>=9.19,<10", "copier"]
# More lines than any file has. A patch with few lines of context may fit in a wrong place; with
# all of them, what you and the template both changed is merged by git, from three versions.
CONTEXT_LINES = 1_000_000
# Of this folder only: the repository may hold more, with changes that nobody committed.
TAKE_BACK = "To take it back: git restore --staged --worktree . && git clean --force -d"


def main() -> int:
    options = parse()
    refuse_what_is_not_committed()
    if options.data:
        version, done = ":current:", "Change an answer"
    elif news := what_is_new(options.to):
        version, text = news
        done = f"Update the template to {version}"
        print(text, flush=True)
    else:
        return 0

    command = [*COPIER, "update", "--quiet", "--skip-answered", "--vcs-ref", version, *careful()]
    command += [f"--data={answer}" for answer in options.data]
    command += ["--defaults"] if options.defaults or options.data else []
    if subprocess.call(command):
        sys.exit(f"The update stopped half-way. {TAKE_BACK}" if git("status", "--porcelain") else 1)
    print("\n".join(report(done)))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="poe update", description=__doc__)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--to", metavar="VERSION", help="this version, not the newest")
    changed = "change an answer, and keep the version; may be repeated"
    either.add_argument("--data", metavar="NAME=VALUE", action="append", default=[], help=changed)
    parser.add_argument("--defaults", action="store_true", help="ask nothing, not even what is new")
    return parser.parse_args()


def what_is_new(wanted: str | None) -> tuple[str, str] | None:
    """The version to go to, and what the changelog says of it; None if there is nothing new."""
    versions = json.loads(output(*COPIER, "check-update", "--output-format", "json"))
    old, newest = versions["current_version"], versions["latest_version"]
    new = wanted or newest
    if not number(new) or number(new) > number(newest):
        sys.exit(f"The template has no version {new}. Its newest is {newest}.")
    older = number(new) < number(old) or new == old
    if older or not (wanted or versions["update_available"]):
        print(f"The template is at {old}: there is nothing to bring in.")
        return None
    return new, f"The template, from {old} to {new}:\n\n{changes(old, new)}\n"


def refuse_what_is_not_committed() -> None:
    """In the whole repository: copier works on all of it, also where a service is a part."""
    entries = git("status", "--porcelain", "-z", "--ignored").split("\0")[:-1]
    ignored = [entry.removeprefix("!! ") for entry in entries if entry.startswith("!! ")]
    if len(ignored) < len(entries):
        sys.exit("Commit or stash your changes first: an update merges with what is committed.")
    if rejects := [name for name in ignored if name.endswith(".rej")]:
        sys.exit(f"Move away what copier takes for its own: {', '.join(rejects)}")


def careful() -> list[str]:
    """The options that keep copier from losing anything."""
    exclude = [f"--exclude={pattern}" for pattern in untouchable()]
    return ["--context-lines", str(CONTEXT_LINES), *exclude]


def untouchable(folder: Path = Path()) -> list[str]:
    """Patterns of what copier would overwrite without a word, so an update leaves it alone.

    That is what git ignores, and a file that you made a link or anything else than UTF-8 text.
    """
    ignored = ("--others", "--ignored", "--exclude-standard", "--directory")
    names = git("ls-files", "-z", *ignored, folder=folder).split("\0")
    tracked = git("ls-files", "-z", folder=folder).split("\0")
    names += [name for name in tracked if not can_be_merged(folder / name)]
    # The template has no other names, and copier would take an odd one for a pattern.
    return [f"/{name}" for name in names if re.fullmatch(r"[\w./-]+", name, re.ASCII)]


def can_be_merged(path: Path) -> bool:
    if path.is_symlink():
        return False
    try:
        return path.is_dir() or "\0" not in path.read_text("utf-8")  # a folder is a submodule
    except UnicodeDecodeError:
        return False


def changes(old: str, new: str) -> str:
    """The template's changelog after the old version and up to the new one."""
    with tempfile.TemporaryDirectory() as clone:
        git("clone", "--quiet", "--bare", source(), clone)
        changelog = git("show", f"{new}:CHANGELOG.md", folder=Path(clone))
    sections = re.split(r"^(?=## )", changelog, flags=re.MULTILINE)[1:]
    news = [s for s in sections if number(old) < number(s.removeprefix("## ")) <= number(new)]
    return "".join(news).strip()


def source() -> str:
    """Where the template is, as git has it."""
    read = "import sys, yaml; print(yaml.safe_load(sys.argv[1])['_src_path'])"
    answers = Path(".copier-answers.yml").read_text("utf-8")
    location = output(*COPIER[:-1], "python", "-c", read, answers).strip()
    shortcuts = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/", "git+": ""}
    for short, long in shortcuts.items():
        location = re.sub(rf"^{re.escape(short)}/*", long, location)
    return os.path.expanduser(location)


def number(version: str) -> tuple[int, ...]:
    """1.2.0 as numbers, which compare; nothing for what is no version, such as Unreleased."""
    digits = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, digits[0].split("."))) if digits else ()


def report(done: str) -> list[str]:
    """What is left to do, in the order to do it. Locks, if nothing is in the way."""
    conflicts = sorted(changed("U"), key=lambda name: name != "pyproject.toml")  # uv reads it
    left = [f"Resolve what is between <<<<<<< and >>>>>>> in {name}." for name in conflicts]
    left += [f"{name} is deleted; git restore it to keep it." for name in changed("D")]
    if "pyproject.toml" in conflicts or subprocess.call([UV, "lock"]):
        left.append("Lock the packages: uv lock")
    if conflicts:
        left.append("Is a migration missing? uv run python -m scripts.check_migrations")
    elif subprocess.call([UV, "run", "python", "-m", "scripts.check_migrations"]):
        left.append('Make the migrations fit, see above; to write one: uv run poe revision "…"')
    left.append("Check: uv run poe check")
    left.append(f'Commit: git add --all . && git commit --message "{done}"')
    steps = [f"  {count}. {step}" for count, step in enumerate(left, start=1)]
    return ["\nThat is in. Left to do:", *steps, TAKE_BACK]


def changed(how: str) -> list[str]:
    """The files of this folder that are unmerged (U) or deleted (D)."""
    names = git("diff", "-z", "--name-only", f"--diff-filter={how}", "--relative")
    return [name for name in names.split("\0") if name]


def git(*arguments: str, folder: Path = Path()) -> str:
    return output("git", *arguments, folder=folder)


def output(*command: str, folder: Path = Path()) -> str:
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, encoding="utf-8", errors="surrogateescape"
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())

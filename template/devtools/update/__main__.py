"""Bring in what is new in the template: `poe update`. It commits nothing, and git takes it back."""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from os.path import normpath
from pathlib import Path
from shlex import quote

from merging import Merge, answers_before_a_move, merge
from pinned_git import PLAIN, environment, git, line
from writing import UNMERGED, Writer, changed, refuse_uncommitted, some

UV = os.environ.get("UV") or shutil.which("uv") or ""
COPIER = ("--from", "copier>=9.19.1,<10", "--python", sys.executable)
OLDEST_GIT = (2, 34)  # the first whose merge finds what was renamed without help
OF_THE_TEMPLATE = ("tests/contract/", "devtools/")
CHECK_MIGRATIONS = ("pytest", "-q", "--tb=line", "tests/contract/test_migrations.py")
# The first part is for conflicts between what was renamed.
TAKE_BACK = "To take it back: git add --update . && git restore --staged --worktree ."


def main() -> int:
    options = parse()
    refuse_old_tools()
    writer = Writer()
    if writer.journal.exists():
        return finish_the_last(writer)
    refuse_uncommitted()
    try:
        merged, version = prepared(options, writer)
    except KeyboardInterrupt:
        print("Nothing has changed.")
        return 130
    code = tell_edited(writer.finish())
    print("\n".join([*what_happened(merged), f"That is in. {TAKE_BACK}"]), flush=True)
    done = "Change an answer" if options.data else f"Update the template to {version}"
    left = [f"  {count}. {step}" for count, step in enumerate(what_is_left(merged, done), 1)]
    print("\n".join(["Left to do:", *left]))
    return code


def prepared(options: argparse.Namespace, writer: Writer) -> tuple[Merge, str]:
    """All but the writing. Exits if there is nothing to write, or something in the way."""
    with tempfile.TemporaryDirectory(prefix="poe-update-") as folder:
        place = Path(folder).resolve()
        committed = git("cat-file", "blob", f"HEAD:./{options.answers_file}")
        (place / "answers").write_bytes(committed)
        if options.to is None and not options.data:
            (place / "earlier").write_bytes(answers_before_a_move(options.answers_file))
        code = render(place, options)
        if code or not (place / "version").exists():  # nothing is new, as it has said
            sys.exit(code)
        version = (place / "version").read_text()
        merged = merge(place, writer.prefix, options.answers_file, version)
        if merged.lost:
            sys.exit(f"Stopped by a fault in `poe update`, which would lose {some(merged.lost)}")
        if merged.result == merged.ours and not merged.conflicts:
            print("Nothing changes.")
            sys.exit()
        writer.prepare(merged)
    return merged, version


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="poe update", description=__doc__)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--to", metavar="VERSION", help="this version, not the newest")
    answer = "change an answer, and keep the version; may be repeated"
    either.add_argument("--data", metavar="NAME=VALUE", action="append", default=[], help=answer)
    parser.add_argument("--defaults", action="store_true", help="ask nothing, not even what is new")
    where = "the file of answers, if it is not %(default)s"
    default = ".copier-answers.yml"
    parser.add_argument("-a", "--answers-file", type=normpath, default=default, help=where)
    return parser.parse_args()


def refuse_old_tools() -> None:
    if not UV:
        sys.exit("`poe update` needs uv, which runs copier: pip install uv")
    if not shutil.which("git"):
        sys.exit("`poe update` needs git.")
    version = re.findall(r"\d+", line("--version"))
    if (int(version[0]), int(version[1])) < OLDEST_GIT:
        oldest = ".".join(map(str, OLDEST_GIT))
        sys.exit(f"`poe update` needs git {oldest} or newer; this is {'.'.join(version)}.")


def render(place: Path, options: argparse.Namespace) -> int:
    """In copier's environment, and with its temporary files in a place that goes away."""
    arguments = [str(place), f"--answers-file={options.answers_file}"]
    arguments += [] if options.to is None else [f"--to={options.to}"]
    arguments += [f"--data={answer}" for answer in options.data]
    arguments += ["--defaults"] if options.defaults or options.data else []
    script = str(Path(__file__).resolve().with_name("rendering.py"))
    ours = {"PYTHONIOENCODING": ":backslashreplace", "PYTHONSAFEPATH": "", "TMPDIR": str(place)}
    command = [UV, "tool", "run", *COPIER, "python", script, *arguments]
    return subprocess.call(command, env=environment(PLAIN) | ours)


def finish_the_last(writer: Writer) -> int:
    """After a kill."""
    if writer.given_up():
        print("An update was cut off while it wrote, and you have committed or restored files")
        print("since. It is given up; `git status` shows what is left of it. Update again.")
        if added := writer.leftovers():
            print(f"Delete first what it had added: {some(added)}")
        writer.forget()
        return 1
    code = tell_edited(writer.finish())
    print(f"The update of {Path.cwd().name} was cut off while it wrote; it is finished now.")
    print(TAKE_BACK)
    print("Left to do: resolve what `git status` calls unmerged, then uv lock,")
    print("uv run poe check, and the commit.")
    return code


def tell_edited(found: list[str]) -> int:
    """The check after every update: the files are as git's index has them, or are named."""
    found += [path for code, path in changed() if code not in UNMERGED and code[1] != " "]
    if not found:
        return 0
    print(f"Edited while the update wrote, and left as they are: {some(dict.fromkeys(found))}")
    print("`git diff` shows how they differ from what the update makes of them.")
    return 1


def what_happened(merged: Merge) -> list[str]:
    """To the owner's work, where git status does not show it."""
    said = [f"{path} is {to} now, with your changes." for path, to in merged.moved.items()]
    if merged.followed:
        said.append(f"What is new came to where you moved it: {some(merged.followed)}")
    for path, stages in merged.missed.items():
        new = f"git diff {stages['1'].blob[:12]} {stages['3'].blob[:12]}"
        said.append(f"{path} is gone, as you left it. What is new in it: {new}")
    return ["", *said]


def what_is_left(merged: Merge, done: str) -> list[str]:
    """In the order to do it. Locks, if nothing is in the way."""
    conflicts = sorted(merged.conflicts, key=lambda path: path != "pyproject.toml")  # uv reads it
    left = [resolution(path, merged) for path in conflicts]
    locked = "pyproject.toml" not in conflicts and not subprocess.call([UV, "lock"], env=may_lock())
    if not locked:
        left.append("Lock the packages: uv lock")
    if conflicts or not locked:
        left.append(f"Is a migration missing? uv run {' '.join(CHECK_MIGRATIONS)}")
    elif subprocess.call([UV, "run", *CHECK_MIGRATIONS]):
        left.append('Make the migrations fit, see above; to write one: uv run poe revision "…"')
    left.append("Check: uv run poe check")
    add = "git add --update . && git add alembic"
    left.append(f'Commit: {add} && git commit --message "{done}"')
    return left


def may_lock() -> dict[str, str]:
    return {n: value for n, value in os.environ.items() if n not in ("UV_FROZEN", "UV_LOCKED")}


def resolution(path: str, merged: Merge) -> str:
    """What to do about a conflict."""
    stages, name = merged.conflicts[path], quote(path)
    if path.startswith(OF_THE_TEMPLATE) and "3" in stages:
        theirs = f"git checkout --theirs {name} && git add {name}"
        return f"{path} is the template's. Say in tests/answers.py what you changed, and {theirs}"
    if stages.keys() == {"1", "2"}:
        return f"You changed {path}, which the update deletes: git add {name} keeps it, or git rm"
    if not stages.keys() >= {"2", "3"}:
        return f"Decide on {path}, which both sides moved or made: git status shows how."
    if merged.result.get(path) == stages["2"]:
        return (
            f"{path} has no markers, and is yours: git add {name}; or git checkout --theirs {name}"
        )
    return f"Resolve what is between <<<<<<< and >>>>>>> in {path}: git add {name}"


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

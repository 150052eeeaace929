"""Write the result of a merge: all of it or nothing, and never over an uncommitted edit.

The new files are prepared with the owner's line ends and filters. A journal lists the moves, then
each file is moved into its place, and git's index is updated. If the process is killed in between,
the next run finishes it. That may be a newer version, so the journal's format must not change.
"""

import atexit
import fcntl
import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from shlex import quote

from merging import Merge
from pinned_git import PINNED, Environment, environment, git, items, line

UNMERGED = ("DD", "AU", "UD", "UA", "DU", "AA", "UU")  # as git status has them
# Written after all other files, in reverse order. So after a kill the old updater is still there to
# go on, and the answers still name the old version.
LAST = (".copier-answers", "pyproject.toml", "devtools/")


class Writer:
    """Writes to the work tree around the current folder, one process at a time."""

    def __init__(self) -> None:
        self.top = Path(line("rev-parse", "--show-toplevel"))
        self.prefix = line("rev-parse", "--show-prefix")
        self.index = Path(line("rev-parse", "--git-path", "index")).absolute()
        self.store = self.index.with_name("poe-update")
        self.journal = self.store / "journal"
        self.store.mkdir(exist_ok=True)
        same_disk = self.store.stat().st_dev == self.top.stat().st_dev
        self.room = self.store if same_disk else self.top / ".poe-update"
        self.files = self.room / "files"
        self.lock = os.open(self.store, os.O_RDONLY)  # held as long as this process lives
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("Another `poe update` is at work in this repository.")
        atexit.register(self.tidy)

    def prepare(self, merge: Merge) -> None:
        """Make all that `finish` needs. If anything is in the way, exit with nothing changed."""
        paths = {*merge.ours, *merge.result}
        paths = {path for path in paths if merge.ours.get(path) != merge.result.get(path)}
        removed, written = sorted(paths - {*merge.result}), sorted(paths & {*merge.result})
        before = {path: state(Path(path)) for path in paths}
        refuse_uncommitted()
        refuse_hidden(paths | {*merge.conflicts})
        if found := sorted({*obstacles(paths - {*merge.ours}, removed), *unwritable(paths)}):
            sys.exit(f"Move out of the way, or make writable: {some(found)}")
        if self.index.with_name("index.lock").exists():
            sys.exit(f"Another git command is at work; if not, delete {self.index}.lock")
        self.check_out(merge, written)
        unchanged = all(state(Path(path)) == was for path, was in before.items())
        if not unchanged or line("rev-parse", f"HEAD:{self.prefix}") != merge.head:
            sys.exit("Your files or commits have changed in the meantime. Update again.")
        self.write_journal(merge, removed, written, before)

    def write_journal(
        self, merge: Merge, removed: list[str], written: list[str], before: dict[str, str | None]
    ) -> None:
        steps = []
        for path in sorted([*removed, *written], key=lambda path: list(map(path.startswith, LAST))):
            was = before[path] if path in merge.ours else None  # an empty folder, at most
            new = state(self.files / self.prefix / path) if path in merge.result else None
            steps.append((self.prefix + path, was, new))
        index = self.entries(merge, written, {*removed, *merge.conflicts})
        journal = {"folder": self.prefix, "head": merge.head, "steps": steps, "index": index}
        complete = self.store / "journal.new"
        complete.write_text(json.dumps(journal))
        complete.rename(self.journal)

    def check_out(self, merge: Merge, paths: list[str]) -> None:
        """Make the files, as the owner's git would."""
        shutil.rmtree(self.files, ignore_errors=True)
        self.files.mkdir(parents=True)
        (self.room / ".gitignore").write_text("*\n")
        index = str(shutil.copy(self.index, self.store / "index"))
        env = environment(PINNED, GIT_INDEX_FILE=index)
        update_index(self.top, self.entries(merge, paths), env)
        how = ("checkout-index", "-z", "--stdin", f"--prefix={self.files}/")
        git(*how, env=env, folder=self.top, data=joined(self.prefix + path for path in paths))

    def entries(self, merge: Merge, written: list[str], gone: Iterable[str] = ()) -> list[str]:
        """For git's index; a conflict replaces the entry of its path."""
        found = [f"{' '.join(merge.result[path])} 0\t{self.prefix}{path}" for path in written]
        none = "0" * len(merge.head)
        found += [f"0 {none} 0\t{self.prefix}{path}" for path in gone]
        for path, stages in merge.conflicts.items() if gone else ():
            found += [f"{' '.join(e)} {stage}\t{self.prefix}{path}" for stage, e in stages.items()]
        return found

    def finish(self) -> list[str]:
        """Do what the journal says and is not done. Returns what was edited in the meantime."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it takes milliseconds
        journal = json.loads(self.journal.read_text())
        edited = []
        try:
            for path, before, after in journal["steps"]:
                found = state(self.top / path)
                if found == after or (after is None and found == "folder"):  # it is done
                    continue
                if found == before:
                    put(self.files / path if after else None, self.top / path)
                else:
                    edited.append(path.removeprefix(journal["folder"]))
            update_index(self.top, journal["index"])
        except OSError as error:
            sys.exit(
                f"{error}\nThe update is half written. Mend that, and run it again: it goes on."
            )
        self.forget()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return edited

    def given_up(self) -> bool:
        """Whether the owner went on after a kill: has committed, or restored what was written.

        Otherwise, goes to the folder of the service that was updated.
        """
        try:
            journal = json.loads(self.journal.read_text())
            os.chdir(self.top / journal["folder"])
        except (OSError, ValueError):
            return True
        head = line("rev-parse", f"HEAD:{journal['folder']}", fine=(0, 128))
        return head != journal["head"] or any(
            after and state(self.top / path) == before != after and not state(self.files / path)
            for path, before, after in journal["steps"]
        )

    def leftovers(self) -> list[str]:
        """New files of a killed run that are still there, and that git does not know."""
        with suppress(ValueError):
            journal = json.loads(self.journal.read_text())
            new = [
                (self.top / path, after) for path, before, after in journal["steps"] if not before
            ]
            known = {self.top / path for path in items("ls-files", "-z", "--full-name", ":/")}
            return [str(path) for path, after in new if after == state(path) and path not in known]
        return []

    def forget(self) -> None:
        self.journal.unlink()
        self.tidy()

    def tidy(self) -> None:
        """Leave nothing behind; after a kill, what the next run needs."""
        if not self.journal.exists():
            shutil.rmtree(self.room, ignore_errors=True)
            shutil.rmtree(self.store, ignore_errors=True)


def changed() -> list[tuple[str, str]]:
    """What git status says of this folder: two letters, and the path in it."""
    prefix = line("rev-parse", "--show-prefix")
    options = ("--untracked-files=no", "--no-renames", "--ignore-submodules=dirty")
    entries = items("status", "--porcelain", "-z", *options, "--", ".")
    return [(entry[:2], entry[3:].removeprefix(prefix)) for entry in entries]


def refuse_uncommitted() -> None:
    """Only changes of tracked files in this folder: an update never writes over untracked ones."""
    if found := [path for _, path in changed()]:
        sys.exit(f"Commit or stash your changes, or finish the last update, first: {some(found)}")
    if line("rev-parse", "--verify", "--quiet", "MERGE_HEAD", fine=(0, 1)):
        sys.exit("Commit your merge first: an update would become a part of it.")


def refuse_hidden(paths: set[str]) -> None:
    """git status does not show changes of these files, so their edits may not be committed."""
    tags = dict(entry.split(" ", 1)[::-1] for entry in items("ls-files", "-v", "-z"))
    sparse = line("config", "--default", "false", "core.sparseCheckout") == "true"
    skipped = "sparse-checkout disable" if sparse else "update-index --no-skip-worktree {}"
    for letters, command in (("Ss", skipped), ("h", "update-index --no-assume-unchanged {}")):
        if hidden := [quote(path) for path in sorted(paths) if tags.get(path, "-") in letters]:
            end = command.format(" ".join(hidden))
            sys.exit(f"git hides your changes of what the update would write. First: git {end}")


def obstacles(added: set[str], removed: list[str]) -> Iterator[str]:
    """Ignored or untracked files at the paths of new files. They must not be overwritten."""
    gone = {path.casefold(): path for path in removed}
    for path in (Path(path) for path in added):
        for place in (path, *path.parents[:-1]):
            found = [place] if os.path.lexists(place) else []
            if place.is_dir() and not place.is_symlink():
                found = files_in(place) if place == path else []
            for file in found:
                twin = gone.get(str(file).casefold())  # some disks take A and a for the same name
                if not (twin and os.path.samestat(os.lstat(twin), os.lstat(file))):
                    yield str(file)


def unwritable(paths: set[str]) -> Iterator[str]:
    for path in paths:
        folder = next(folder for folder in Path(path).parents if folder.is_dir())
        if not os.access(folder, os.W_OK):
            yield str(folder)


def state(path: Path) -> str | None:
    """What is there, to be compared: link, executable or file, and its content."""
    if path.is_symlink():
        return f"link {path.readlink()}"
    if path.is_dir():
        return "folder" if files_in(path) else None
    if not path.exists():
        return None
    kind = "executable" if path.stat().st_mode & 0o100 else "file"
    return f"{kind} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]


def put(new: Path | None, target: Path) -> None:
    """Replace the target by the new file; without a new one, delete it and what is empty then."""
    if new is None:
        target.unlink()
        with suppress(OSError):
            for folder in target.parents:
                folder.rmdir()
        return
    if target.is_dir() and not target.is_symlink():  # without files, as obstacles() has seen to
        for folder in (*sorted(target.rglob("*"), reverse=True), target):
            folder.rmdir()
    target.parent.mkdir(parents=True, exist_ok=True)
    new.rename(target)


def update_index(top: Path, entries: Iterable[str], env: Environment | None = None) -> None:
    git("update-index", "-z", "--index-info", env=env, folder=top, data=joined(entries))


def joined(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def some(paths: Iterable[str]) -> str:
    """The first ten, for a sentence."""
    found = [*paths]
    return ", ".join(found[:10]) + (f" and {len(found) - 10} more" if len(found) > 10 else "")

"""Merge three versions of the service's folder: the old render, what is committed, the new render.

git merges them, in a repository of our own: it shares the objects of the owner's, but none of its
settings, attributes and hooks. Nothing of the owner's is changed, and only commits are read.
"""

import os
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import NamedTuple

from pinned_git import NONE, PLAIN, environment, git, items, line

SETTINGS = PLAIN | {
    "gc.auto": "0",  # most of the owner's objects would look unused
    "maintenance.auto": "false",
    "merge.directoryRenames": "true",
    "merge.renameLimit": "20000",
    "user.email": "poe-update@localhost",
    "user.name": "poe update",
}
NO_ATTRIBUTES = (
    "* !conflict-marker-size !crlf !diff !eol !filter !ident !merge !text !working-tree-encoding\n"
)


class Entry(NamedTuple):
    mode: str
    blob: str


MOVED = "devtools/moved.txt"

type Tree = dict[str, Entry]  # by path in the service's folder
type Stages = dict[str, Entry]  # of a conflict: "1" is the base, "2" the owner's, "3" the new one


@dataclass
class Merge:
    """What the update makes of the folder."""

    head: str  # the tree of the folder
    ours: Tree  # what it has
    result: Tree
    conflicts: dict[str, Stages] = field(default_factory=dict)
    missed: dict[str, Stages] = field(default_factory=dict)  # the owner deleted what has changed
    moved: dict[str, str] = field(default_factory=dict)  # the owner's work, from path to path
    followed: list[str] = field(default_factory=list)  # moved by the owner; what is new came along
    lost: list[str] = field(default_factory=list)  # the owner's work, not found: a fault of ours


def merge(place: Path, prefix: str, answers_file: str, version: str) -> Merge:
    """Merge the folders `old` and `new` in `place` with what HEAD has in the folder `prefix`."""
    workshop, label = Workshop(place / "git"), f"template-{version}"
    head = line("rev-parse", f"HEAD:{prefix}")
    ours = workshop.listed(head)
    base, theirs = (workshop.cleaned(workshop.added(place / name)) for name in ("old", "new"))
    crlf = workshop.with_crlf(ours)  # merged with LF, like the renders
    unix = ours | {path: workshop.replaced(ours[path], b"\r\n", b"\n") for path in crlf}
    base[answers_file] = unix[answers_file]  # so that the new answers win
    moved_since = moved_files(place / "new") - moved_files(place / "old")
    for path, to in moved_since:  # both are there, see `answers_before_a_move`
        if path in unix and unix.get(to) == theirs.get(to):
            unix.pop(to, None)
    moves = relocations([*base, *unix], moved_since)
    old, mine = ({moves.get(path, path): tree[path] for path in tree} for tree in (base, unix))
    done = Merge(head, ours, *workshop.merge(old, mine, theirs, label))
    settle(done, old, mine, label)
    moved = {path: to for path, to in moves.items() if path in ours and to in done.result}
    moved |= workshop.renames(unix, done.result)
    workshop.restore_crlf(done, {moved.get(path, path) for path in crlf})
    work = {path for path, entry in ours.items() if entry != base.get(path)}
    done.moved = {path: to for path, to in moved.items() if path in work}
    changed = {path for path in work if done.result.get(moved.get(path, path)) != ours[path]}
    renamed = {*workshop.renames(old, mine, "-C", "--find-copies-harder").values()}
    done.followed = sorted(changed & renamed - theirs.keys())
    done.lost = sorted(path for path in changed - renamed if base.get(path) == theirs.get(path))
    return done


def settle(done: Merge, base: Tree, ours: Tree, label: str) -> None:
    """Take the owner's side where no decision is left to make."""
    for path, stages in [*done.conflicts.items()]:
        deleted = stages.keys() == {"1", "3"}  # or made a link: then the new one is beside it
        renamed = stages.keys() == {"1", "2"} and path not in base  # and the template deleted it
        alone = stages.keys() == {"2"}  # a link now, or moved by both, and the owner's new path
        if deleted:
            done.missed[path.removesuffix(f"~{label}")] = done.conflicts.pop(path)
            done.result.pop(path, None)
        elif (renamed or alone) and path in ours:
            del done.conflicts[path]
            done.result[path] = ours[path]
        elif stages.keys() == {"1"}:  # moved by both
            del done.conflicts[path]


def rows(table: bytes) -> set[tuple[str, str]]:
    """What the template has moved: a line `OLD NEW` for each file or folder."""
    return {(old, new) for old, new in (row.split() for row in table.decode().splitlines() if row)}


def moved_files(render: Path) -> set[tuple[str, str]]:
    """What it had moved up to this render."""
    table = render / MOVED
    return rows(table.read_bytes()) if table.exists() else set()


def answers_before_a_move(answers_file: str) -> bytes:
    """Those from before an update that left files where they were, though they have moved.

    Plain copier leaves them, and so did `poe update` up to 0.8.0: they cannot bring edits along.
    """

    def show(commit: str, path: str) -> bytes:
        return git("cat-file", "blob", f"{commit}:./{path}", fine=(0, 128))

    def paths(command: str, *options: str) -> set[str]:
        return set(items(command, "-r", "-z", "--name-only", *options))

    now = rows(show("HEAD", MOVED))
    updates = items("log", "-z", "--first-parent", "--format=%H", "HEAD", "--", answers_file)
    for before in (f"{commit}~" for commit in updates):
        left = {old for old, _ in now - rows(show(before, MOVED))}
        if not left or not (answers := show(before, answers_file)):
            continue
        deleted = ("--relative", "--no-renames", "--diff-filter=D", "--format=", f"{before}..HEAD")
        left &= paths("ls-tree", "HEAD") & paths("ls-tree", before) - paths("log", *deleted)
        return answers if left else b""
    return b""


def relocations(paths: list[str], moves: set[tuple[str, str]]) -> dict[str, str]:
    """Where paths are now; not those whose new path is taken."""
    found = {}
    for old, new in moves:
        for path in paths:
            if path == old or path.startswith(f"{old}/"):
                found[path] = new + path.removeprefix(old)
    return {path: new for path, new in found.items() if new not in paths}


class Workshop:
    """The repository in which trees are made and merged."""

    def __init__(self, place: Path) -> None:
        objects = Path(line("rev-parse", "--git-path", "objects")).absolute()
        kind = line("rev-parse", "--show-object-format")
        style = line("config", "--default", "merge", "merge.conflictStyle")
        self.folder = place / "tree"
        self.folder.mkdir(parents=True)
        self.env = environment(
            SETTINGS | {"merge.conflictStyle": style},
            kept=NONE,
            GIT_ATTR_NOSYSTEM="1",
            GIT_CONFIG_GLOBAL=os.devnull,
            GIT_CONFIG_NOSYSTEM="1",
            GIT_DIR=str(place),
            GIT_INDEX_FILE=str(place / "index"),
            GIT_OBJECT_DIRECTORY=str(objects),
            GIT_WORK_TREE=str(self.folder),
            LC_ALL="C",
        )
        shared = line("config", "--default", "umask", "core.sharedRepository")  # of its objects
        options = ("--template=", f"--object-format={kind}", f"--shared={shared}")
        git("init", "--quiet", *options, env=self.env)
        (place / "info").mkdir(exist_ok=True)
        (place / "info/attributes").write_text(NO_ATTRIBUTES)

    def added(self, folder: Path) -> Tree:
        env = self.env | {"GIT_WORK_TREE": str(folder)}
        git("read-tree", "--empty", env=env)
        git("add", "--all", "--force", ".", env=env, folder=folder)
        return self.listed(line("write-tree", env=env))

    def listed(self, tree: str) -> Tree:
        lines = (entry.split("\t", 1) for entry in items("ls-tree", "-r", "-z", tree, env=self.env))
        return {path: Entry(*about.split()[::2]) for about, path in lines}

    def written(self, tree: Tree) -> str:
        lines = "".join(f"{mode} {blob}\t{path}\0" for path, (mode, blob) in tree.items())
        git("read-tree", "--empty", env=self.env)
        git("update-index", "-z", "--index-info", env=self.env, data=os.fsencode(lines))
        return line("write-tree", "--missing-ok", env=self.env)

    def cleaned(self, tree: Tree) -> Tree:
        """As the owner would commit it: Git LFS, say, commits a file as a pointer to it."""
        paths = "".join(f"{path}\0" for path in tree)
        found = items("check-attr", "-z", "--stdin", "filter", data=os.fsencode(paths))
        for path, _, name in batched(found, 3):
            if name not in ("unspecified", "unset", "set"):
                content = git("cat-file", "blob", tree[path].blob, env=self.env)
                tree[path] = Entry(tree[path].mode, stored(content, "--path", path))
        return tree

    def with_crlf(self, tree: Tree) -> set[str]:
        """The text files in which every line ends with CRLF."""
        self.written(tree)
        found = items("ls-files", "--eol", "-z", env=self.env)
        return {entry.split("\t", 1)[1] for entry in found if entry.startswith("i/crlf")}

    def replaced(self, entry: Entry, old: bytes, new: bytes) -> Entry:
        content = git("cat-file", "blob", entry.blob, env=self.env)
        if b"\0" in content:
            return entry
        return Entry(entry.mode, stored(content.replace(old, new), env=self.env))

    def restore_crlf(self, done: Merge, paths: set[str]) -> None:
        for path in paths & done.result.keys():
            done.result[path] = self.replaced(done.result[path], b"\n", b"\r\n")
            for stage, entry in done.conflicts.get(path, {}).items():
                done.conflicts[path][stage] = self.replaced(entry, b"\n", b"\r\n")

    def renames(self, old: Tree, new: Tree, *options: str) -> dict[str, str]:
        trees = (self.written(old), self.written(new))
        how = ("-r", "-z", "-M", *options, "--name-status", "--diff-filter=CR")
        found = items("diff-tree", *how, *trees, env=self.env)
        return {path: to for _, path, to in batched(found, 3)}

    def merge(
        self, base: Tree, ours: Tree, theirs: Tree, label: str
    ) -> tuple[Tree, dict[str, Stages]]:
        """The tree after the merge, its files with markers, and what is in conflict."""
        root = self.commit(base)
        mine, new = self.commit(ours, root), self.commit(theirs, root)
        git("update-ref", f"refs/heads/{label}", new, env=self.env)
        git("checkout", "--quiet", "--force", "--detach", mine, env=self.env, folder=self.folder)
        how = ("--quiet", "--strategy=ort", "--no-commit", "--no-ff")
        git("merge", *how, label, env=self.env, folder=self.folder, fine=(0, 1))
        line("rev-parse", "--verify", "MERGE_HEAD", env=self.env)  # else it did not even begin
        result: Tree = {}
        conflicts: dict[str, Stages] = {}
        for entry in items("ls-files", "--stage", "-z", env=self.env):
            about, path = entry.split("\t", 1)
            mode, blob, stage = about.split()
            if stage == "0":
                result[path] = Entry(mode, blob)
            else:
                conflicts.setdefault(path, {})[stage] = Entry(mode, blob)
        for path in conflicts:
            file = self.folder / path
            if file.is_symlink():
                result[path] = Entry("120000", stored(os.fsencode(file.readlink()), env=self.env))
            elif file.is_file():
                mode = "100755" if file.stat().st_mode & 0o100 else "100644"
                result[path] = Entry(mode, stored(file.read_bytes(), env=self.env))
        return result, conflicts

    def commit(self, tree: Tree, *parents: str) -> str:
        options = [word for parent in parents for word in ("-p", parent)]
        return line("commit-tree", "-m", "-", *options, self.written(tree), env=self.env)


def stored(content: bytes, *options: str, env: dict[str, str] | None = None) -> str:
    written = git("hash-object", "-w", "--stdin", *options, env=env, data=content)
    return written.decode().strip()

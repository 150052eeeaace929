"""An owner who changes a service at random, and what an update must make of it."""

import random
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.services import run

# The owner's from the first commit on: no update touches them.
LEFT_ALONE = re.compile(r"alembic/versions/|uv\.lock$")
ANSWERS = ".copier-answers.yml"  # copier's own


def names_in(folder: Path) -> set[str]:
    """Every path below the folder, but not git's own."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    names = {str(path.relative_to(folder)) for path in paths}
    return {name for name in names if not name.startswith(".git/")}


@dataclass
class Owner:
    """Edits a service that was rendered as `old` and will be updated to `new`.

    Each edit plants a token.
    """

    service: Path
    old: Path
    new: Path
    rng: random.Random
    tokens: list[bytes] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)  # from where it is now to where it was
    folders: dict[str, str] = field(default_factory=dict)  # that were moved, from and to

    def work(self, edits: int) -> None:
        for kind in self.rng.choices(KINDS, k=edits):
            kind(self)
            self.kinds.append(kind.__name__)

    def token(self) -> bytes:
        self.tokens.append(b"token-%d-%08x" % (len(self.tokens), self.rng.getrandbits(32)))
        return self.tokens[-1]

    def tokens_in(self, folder: Path) -> set[bytes]:
        """Those in the tree: a later edit may have written over an earlier one."""
        everything = b"".join((folder / name).read_bytes() for name in names_in(folder))
        return {token for token in self.tokens if token in everything}

    def write(self, name: str, content: bytes) -> None:
        path = self.service / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.touched.add(name)

    def rendered_file(self) -> str:
        """One that both versions have, more often than not one that the template changed."""
        both = names_in(self.old) & names_in(self.new) & names_in(self.service) - self.touched
        usable = sorted(name for name in both if not LEFT_ALONE.search(name) and name != ANSWERS)
        changed = [name for name in usable if content(self.old, name) != content(self.new, name)]
        return self.rng.choice(changed if changed and self.rng.random() < 0.6 else usable)

    def lines_of(self, name: str) -> list[bytes]:
        return (self.service / name).read_bytes().splitlines(keepends=True)

    def add_line(self, name: str) -> None:
        self.write(name, b"".join([*self.lines_of(name), b"# %s\n" % self.token()]))

    def insert(self) -> None:
        for _ in range(self.rng.randint(1, 4)):
            name = self.rendered_file()
            lines = self.lines_of(name)
            lines.insert(self.rng.randint(0, len(lines)), b"# %s\n" % self.token())
            self.write(name, b"".join(lines))

    def change(self) -> None:
        name = self.rendered_file()
        lines = self.lines_of(name) or [b""]
        for at in self.rng.sample(range(len(lines)), k=min(3, len(lines))):
            lines[at] = b"# %s\n" % self.token()
        self.write(name, b"".join(lines))

    def delete_lines(self) -> None:
        name = self.rendered_file()
        lines = self.lines_of(name)
        at = self.rng.randint(0, len(lines))
        self.write(name, b"".join([*lines[:at], *lines[at + 5 :], b"# %s\n" % self.token()]))

    def append(self) -> None:
        name = self.rendered_file()
        self.write(name, b"".join([*self.lines_of(name), b"\n\n# %s\n" % self.token()]))

    def end_without_newline(self) -> None:
        name = self.rendered_file()
        self.write(name, b"".join([*self.lines_of(name), b"# %s" % self.token()]))

    def carriage_returns(self) -> None:
        name = self.rendered_file()
        lines = [*self.lines_of(name), b"# %s\n" % self.token()]
        self.write(name, b"".join(lines).replace(b"\n", b"\r\n"))

    def other_scripts(self) -> None:
        name = self.rendered_file()
        lines = self.lines_of(name)
        lines.insert(0, "# 株式会社 \f\v \u2028 é ".encode() + self.token() + b"\n")
        self.write(name, b"".join(lines))

    def markers_of_a_heading(self) -> None:
        name = self.rendered_file()
        self.write(name, b"".join([*self.lines_of(name), b"%s\n=======\n" % self.token()]))

    def make_executable(self) -> None:
        name = self.rendered_file()
        self.add_line(name)
        (self.service / name).chmod(0o755)

    def new_file(self) -> None:
        folders = sorted({str(Path(name).parent) for name in names_in(self.service)})
        name = self.rng.choice(["mine.py", "notiz über alles.txt", "a b.md", ".hidden", "x.py.rej"])
        self.write(f"{self.rng.choice(folders)}/{name}", b"%s\n" % self.token())

    def new_folder(self) -> None:
        self.write(f"packages/{self.rng.randint(1, 9)}/mine.py", b"%s\n" % self.token())

    def new_binary(self) -> None:
        self.write("app/static/logo.png", b"\x89PNG\0\xff%s\0" % self.token())

    def what_the_template_adds(self) -> None:
        """A file of one's own, at a path that the next version has too."""
        added = sorted(names_in(self.new) - names_in(self.old) - names_in(self.service))
        if added:
            self.write(self.rng.choice(added), b"# %s\nmine\n" % self.token())

    def delete(self) -> None:
        name = self.rendered_file()
        (self.service / name).unlink()
        self.touched.add(name)

    def rename(self) -> None:
        name = self.rendered_file()
        self.add_line(name)
        renamed = str(Path(name).with_name(f"renamed_{Path(name).name}"))
        (self.service / name).rename(self.service / renamed)
        self.renamed[renamed] = name
        self.touched.add(renamed)

    def move_folder(self) -> None:
        folder = self.rng.choice(["app/services", "scripts/seeds", "tests/unit", "docs"])
        if (self.service / folder).exists():
            self.write(f"{folder}/mine.py", b"# %s\n" % self.token())
            moved = f"{folder}_moved_{self.rng.getrandbits(16)}"
            before = names_in(self.service)
            (self.service / folder).rename(self.service / moved)
            self.touched |= before ^ names_in(self.service)
            self.folders[folder] = moved
            for name in names_in(self.service) - before:
                was = folder + name.removeprefix(moved)
                self.renamed[name] = self.renamed.pop(was, was)

    def ignored(self) -> None:
        self.write(self.rng.choice([".env", ".postgres/data", ".venv/mine"]), self.token())

    def migration(self) -> None:
        token = self.token()
        self.write(f"alembic/versions/{token.decode()}.py", b"# %s\n" % token)

    def baseline(self) -> None:
        self.add_line("alembic/versions/0001_accounts.py")

    def resource(self) -> None:
        for layer in ("api/routes", "models", "schemas", "services", "repos"):
            self.write(f"app/{layer}/tags.py", b"# %s\n" % self.token())

    def dependency(self) -> None:
        pyproject = self.service / "pyproject.toml"
        if not pyproject.exists():  # deleted or renamed before
            return
        line = b'    "%s>=1",\n' % self.token()
        start = rb"(?m)^dependencies = \[\n"
        changed = re.sub(start, lambda found: found[0] + line, pyproject.read_bytes())
        self.write(pyproject.name, changed)
        self.add_line("uv.lock")

    def binary_instead(self) -> None:
        name = self.rendered_file()
        self.write(name, b"\0\1\2%s\xff" % self.token())

    def other_encoding(self) -> None:
        name = self.rendered_file()
        line = "# café ".encode("latin-1") + self.token() + b"\n"
        self.write(name, b"".join([*self.lines_of(name), line]))

    def link_instead(self) -> None:
        name = self.rendered_file()
        target = f"linked-{self.rng.getrandbits(32)}"
        self.write(target, self.token())
        (self.service / name).unlink()
        (self.service / name).symlink_to(self.service / target)

    def ignored_from_now_on(self) -> None:
        """A rendered file is kept out of git, but used: the settings of an editor, say."""
        name = self.rendered_file()
        run(self.service, "git", "rm", "--quiet", "--force", "--cached", name)
        self.add_line(name)
        exclude = run(self.service, "git", "rev-parse", "--git-path", "info/exclude").strip()
        prefix = run(self.service, "git", "rev-parse", "--show-prefix").strip()
        with (self.service / exclude).open("a") as patterns:
            patterns.write(f"/{prefix}{name}\n")


type Kind = Callable[[Owner], None]

KINDS: list[Kind] = [
    *[Owner.insert] * 3,
    *[Owner.change] * 3,
    Owner.delete_lines,
    Owner.append,
    Owner.end_without_newline,
    Owner.carriage_returns,
    Owner.other_scripts,
    Owner.markers_of_a_heading,
    Owner.make_executable,
    Owner.new_file,
    Owner.new_folder,
    Owner.new_binary,
    Owner.what_the_template_adds,
    Owner.delete,
    Owner.rename,
    Owner.move_folder,
    Owner.ignored,
    Owner.migration,
    Owner.baseline,
    Owner.resource,
    Owner.dependency,
    Owner.binary_instead,
    Owner.other_encoding,
    Owner.link_instead,
    Owner.ignored_from_now_on,
]


@dataclass(frozen=True)
class File:
    """As git has it; a conflict is in the file, or the owner's side of it is."""

    content: bytes
    mode: str = "100644"
    conflict: bool = False


type Files = dict[str, File]


def content(folder: Path, name: str) -> bytes | None:
    path = folder / name
    return path.read_bytes() if path.is_file() else None


def file(folder: Path, name: str) -> File | None:
    path = folder / name
    if path.is_symlink():
        return File(str(path.readlink()).encode(), "120000")
    if not path.is_file():
        return None
    return File(path.read_bytes(), "100755" if path.stat().st_mode & 0o100 else "100644")


def rendered(folder: Path) -> Files:
    """What a render has, and an update may touch."""
    names = sorted(name for name in names_in(folder) if not LEFT_ALONE.search(name))
    return {name: found for name in names if (found := file(folder, name))}


def expected(
    base: Files, ours: Files, theirs: Files, owner: Owner, said: str, found: Files
) -> Files:
    """What `poe update` must make of three versions, file by file, given what it said.

    git finds most of what was renamed, but not all. Where it did, the file is merged in its place
    of today; else what is new is named. Which it was, is taken from what was said and found.
    """
    base = base | {ANSWERS: ours[ANSWERS]}
    theirs = dict(theirs)
    by_the_template = {was: now for was, now in moves(base, theirs).items() if now not in ours}
    now_at = {by_the_template.get(was, was): now for now, was in owner.renamed.items()}
    now_at = {was: now for was, now in now_at.items() if now in ours}
    for was, now in by_the_template.items():
        for side in (base, ours):
            if was in side:
                side[now] = side.pop(was)
    renamed = {was: now for was, now in now_at.items() if was in base and was not in ours}
    renamed = {was: now for was, now in renamed.items() if f"\n{was} is gone" not in said}
    moved = dict(re.findall(r"^(\S+) is (\S+) now, with your changes\.$", said, re.MULTILINE))
    edited = {now for now in by_the_template.values() if ours.get(now, base[now]) != base[now]}
    named = {now for was, now in moved.items() if by_the_template.get(was) == now}
    assert named == edited, said
    moved = {was: now for was, now in moved.items() if now not in named}
    for folder, to in owner.folders.items():  # git takes what is new in a folder along
        inside = {name: to + name.removeprefix(folder) for name in theirs if name not in base}
        renamed |= {was: now for was, now in inside.items() if was not in found and now in found}
    for was, now in renamed.items():
        for side in (base, theirs):
            if was in side:
                side[now] = side.pop(was)
    for was, now in moved.items():
        base[now], ours[now] = base.pop(was), ours.pop(was)
    merged: Files = {}
    for name in base.keys() | ours.keys() | theirs.keys():
        result = merged_file(base.get(name), ours.get(name), theirs.get(name))
        if name in renamed.values() and name not in theirs:  # the template deleted it
            result = ours[name]
        if result is None:
            missed = (
                name in base and name not in ours and theirs.get(name, base[name]) != base[name]
            )
            assert not missed or f"\n{name} is gone, as you left it" in said, name
        else:
            merged[name] = result
    return merged


def moves(base: Files, theirs: Files) -> dict[str, str]:
    """What the template's own table says has moved between two renders."""
    old, new = (side.get("devtools/moved.txt", File(b"")).content for side in (base, theirs))
    rows = (row.decode().split() for row in {*new.splitlines()} - {*old.splitlines()})
    return {was: now for was, now in rows if was in base and now not in base}


def merged_file(base: File | None, ours: File | None, theirs: File | None) -> File | None:
    if base == theirs:  # the template changed nothing
        return ours
    if base == ours:  # the owner changed nothing
        return theirs
    if ours is None or ours == theirs:  # the owner deleted it, or did the same
        return ours
    if theirs is None:  # the template deletes what the owner changed
        return replace(ours, conflict=True)
    if ours.mode == "120000":
        return ours
    if b"\0" in ours.content:
        return replace(ours, conflict=True)
    lines = ours.content.count(b"\n")
    if lines == ours.content.count(b"\r\n") > 0:
        unix = replace(ours, content=ours.content.replace(b"\r\n", b"\n"))
        merged = merge(base or File(b""), unix, theirs)
        return replace(merged, content=merged.content.replace(b"\n", b"\r\n"))
    return merge(base or File(b""), ours, theirs)


def merge(base: File, ours: File, theirs: File) -> File:
    """By `git merge` too: `git merge-file` compares by another algorithm, so conflicts differ."""
    versions = {"base": base, "ours": ours, "theirs": theirs}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(folder, "git", "init", "--quiet")
        stream = b"".join(commit(side, version) for side, version in versions.items())
        subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input=stream, check=True)
        command = ["git", "merge-tree", "--write-tree", "--no-messages", "ours", "theirs"]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=False)
        assert done.returncode in {0, 1}, done
        conflict = done.returncode == 1
        if conflict:
            assert touch(folder), "git reports a conflict where nobody else changed anything"
        shown = ["git", "cat-file", "blob", f"{done.stdout.split()[0].decode()}:file"]
        merged = subprocess.run(shown, cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    mode = ours.mode if ours.mode != base.mode else theirs.mode
    return File(merged, mode, conflict)


def commit(side: str, version: File) -> bytes:
    """For `git fast-import`: one file, on a branch of this name that starts at `base`."""
    lines = [
        b"commit refs/heads/%s\n" % side.encode(),
        b"committer A <a@example.com> 0 +0000\n",
        b"data 0\n",
        b"" if side == "base" else b"from refs/heads/base\n",
        b"M 100644 inline file\n",
        b"data %d\n" % len(version.content),
        version.content,
        b"\n",
    ]
    return b"".join(lines)


def touch(folder: Path) -> bool:
    """Did both sides change the same lines of the base, or lines next to each other?"""

    def changed(side: str) -> list[tuple[int, int]]:
        command = ["git", "diff", "--diff-algorithm=histogram", "--unified=0", "base", side]
        diff = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=False).stdout
        ranges = []
        for start, count in re.findall(rb"(?m)^@@ -(\d+)(?:,(\d+))? ", diff):
            lines = int(count or 1)
            first = int(start) if lines else int(start) + 1  # an insertion is before this line
            ranges.append((first, first + lines))
        return ranges

    return any(a <= d and c <= b for a, b in changed("ours") for c, d in changed("theirs"))

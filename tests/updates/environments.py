"""The machines on which people update a service: settings of git, hooks, attributes, places."""

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tests.owners import File, Files
from tests.services import ROOT, once, outcome, run

# Each changes what a command of git does that an update might use: `apply`, `status`, `diff`,
# `checkout`, `commit`, `merge`, `clone`, `add`.
SETTINGS = """\
apply.ignoreWhitespace=change
apply.whitespace=error
apply.whitespace=error-all
apply.whitespace=fix
blame.ignoreRevsFile=nowhere
branch.autoSetupMerge=always
checkout.defaultRemote=upstream
checkout.workers=4
clone.defaultRemoteName=upstream
clone.rejectShallow=true
color.ui=always
column.ui=always
commit.cleanup=scissors
commit.gpgSign=true
commit.template=nowhere
commit.verbose=true
core.abbrev=4
core.abbrev=no
core.autocrlf=input
core.autocrlf=true
core.bigFileThreshold=1
core.checkStat=minimal
core.commentChar=;
core.compression=0
core.editor=false
core.eol=crlf
core.fileMode=false
core.fsmonitor=true
core.ignoreCase=true
core.ignoreStat=true
core.logAllRefUpdates=always
core.pager=false
core.preloadIndex=false
core.protectNTFS=true
core.quotePath=false
core.safecrlf=true
core.sharedRepository=group
core.splitIndex=true
core.symlinks=false
core.trustctime=false
core.untrackedCache=true
core.whitespace=cr-at-eol,tab-in-indent,trailing-space
diff.algorithm=patience
diff.autoRefreshIndex=false
diff.colorMoved=zebra
diff.context=0
diff.dirstat=lines
diff.external=false
diff.ignoreSubmodules=all
diff.indentHeuristic=false
diff.interHunkContext=9
diff.mnemonicPrefix=true
diff.noprefix=true
diff.orderFile=nowhere
diff.relative=true
diff.renameLimit=1
diff.renames=copies
diff.renames=false
diff.submodule=log
diff.suppressBlankEmpty=true
diff.wordRegex=.
feature.experimental=true
feature.manyFiles=true
fetch.fsckObjects=true
fetch.prune=true
fetch.recurseSubmodules=on-demand
fetch.unpackLimit=1
format.pretty=oneline
gc.auto=1
gc.pruneExpire=now
help.autoCorrect=immediate
i18n.commitEncoding=latin1
i18n.logOutputEncoding=latin1
index.sparse=true
index.threads=true
index.version=4
init.defaultBranch=trunk
log.showSignature=true
maintenance.auto=true
merge.autoStash=true
merge.conflictStyle=diff3
merge.conflictStyle=zdiff3
merge.default=theirs
merge.directoryRenames=false
merge.ff=only
merge.log=true
merge.renameLimit=1
merge.renames=false
merge.renormalize=true
merge.stat=false
merge.tool=nothing
merge.verbosity=5
merge.verifySignatures=true
pack.writeBitmaps=true
pager.status=true
protocol.file.allow=never
protocol.file.allow=user
pull.rebase=true
push.default=nothing
rerere.autoUpdate=true
rerere.enabled=true
safe.bareRepository=explicit
sequence.editor=false
status.branch=true
status.relativePaths=false
status.renames=copies
status.short=true
status.showStash=true
status.showUntrackedFiles=all
status.showUntrackedFiles=no
status.submoduleSummary=true
submodule.recurse=true
tag.gpgSign=true
transfer.fsckObjects=true
user.useConfigOnly=true
""".splitlines()
# Those with which an update refuses; tests/updates/test_merging.py has them.
MEANT = {"core.ignoreStat=true", "protocol.file.allow=never"}

HOOKS = [
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-rebase",
    "prepare-commit-msg",
    "reference-transaction",
]
ATTRIBUTES = [
    "* -diff",
    "* -merge",
    "* -text",
    "* conflict-marker-size=11",
    "* ident",
    "* merge=theirs",
    "* merge=union",
    "* text=auto",
    "* text=auto eol=crlf",
    "* whitespace=tab-in-indent",
    "*.md binary",
    "*.md -diff",
    "*.md filter=stamp",
    "*.py diff=python",
    "*.py filter=stamp",
    "*.toml export-subst",
    "*.yml eol=crlf",
]
# Adds a line to a file that is checked out, and takes it away from what is committed.
STAMP = {"clean": "sed 1{/^stamped$/d}", "smudge": "sed 1istamped", "required": "true"}
# As git sets them for its hooks, and as a careless script leaves them.
LEFTOVERS = {
    "GIT_DIR": "/nowhere/.git",
    "GIT_EDITOR": "false",
    "GIT_EXTERNAL_DIFF": "false",
    "GIT_INDEX_FILE": "/nowhere/index",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_PREFIX": "app/",
    "GIT_WORK_TREE": "/nowhere",
}
LOCALES: list[dict[str, str]] = [
    {"LC_ALL": "C", "PYTHONUTF8": "0"},
    {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C.UTF-8", "LANGUAGE": "de"},
]
ANOTHER_DISK = Path("/dev/shm")  # noqa: S108
WORKABLE = ["core.hooksPath=/dev/null", "core.safecrlf=false", "commit.gpgSign=false"]
WORKABLE += ["commit.template=", "commit.cleanup=default", "core.quotePath=false"]
WORKABLE += ["diff.orderFile=/dev/null"]
PLACES = ["alone", "monorepo", "submodule", "worktree", "sha256"]


type Unmerged = set[str]


@dataclass
class Environment:
    """A repository with a service in it, and the shell around it, drawn at random."""

    home: Path  # where all of it is
    rng: random.Random
    drawn: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    umask: int = 0o022

    def set_up(self, render: Path) -> Path:
        """Commit the render in one of the places; give the service's folder."""
        self.home.mkdir()
        self.config = self.home / "gitconfig"
        self.config.write_text("[include]\npath = ~/.gitconfig\n[protocol.file]\nallow = always\n")
        self.variables = {"GIT_CONFIG_GLOBAL": str(self.config)}
        place = self.rng.choice(PLACES)
        self.drawn.append(place)
        repository = self.home / "répository of mine"
        service = repository / "services/blog" if place == "monorepo" else repository
        service.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(render, service, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        kind = ["--object-format=sha256"] if place == "sha256" else []
        self.git(repository, "init", "--quiet", *kind)
        (repository / "other.txt").write_text("others\n")
        self.commit(repository, "Render")
        if place == "submodule":
            around = self.home / "around"
            self.git(self.home, "init", "--quiet", "around")
            self.git(around, "submodule", "--quiet", "add", str(repository), "blog")
            service = around / "blog"
        elif place == "worktree":
            service = self.home / "worktree"
            self.git(repository, "worktree", "add", "--quiet", "-b", "work", str(service))
        self.attributes(service)
        self.settings()
        self.commit(service, "Attributes")
        self.git(service, "rm", "-r", "--quiet", "--cached", ".")  # to check all of it out again
        self.git(service, "reset", "--hard", "--quiet")
        return service

    def attributes(self, service: Path) -> None:
        for key, value in STAMP.items():
            self.configure(f"filter.stamp.{key}={value}")
        self.configure("merge.theirs.driver=cp %B %A")
        info = self.git(service, "rev-parse", "--git-path", "info/attributes").strip()
        places = {
            "tree": service / ".gitattributes",
            "info": service / info,
            "global": self.home / "attributes",
        }
        self.configure(f"core.attributesFile={places['global']}")
        for _ in range(self.rng.choice([0, 0, 1, 2])):
            line, place = self.rng.choice(ATTRIBUTES), self.rng.choice(sorted(places))
            places[place].parent.mkdir(exist_ok=True)
            with places[place].open("a") as attributes:
                attributes.write(f"{line}\n")
            self.drawn.append(f"{line} ({place})")

    def settings(self) -> None:
        for setting in self.rng.sample(sorted({*SETTINGS} - MEANT), self.rng.randint(0, 6)):
            self.configure(setting)
            self.drawn.append(setting)
        write_hooks(self.home / "hooks", self.home / "ran")
        if self.maybe("hooks"):
            self.configure(f"core.hooksPath={self.home / 'hooks'}")
        if self.maybe("variables of a hook"):
            self.variables |= LEFTOVERS
        if self.maybe("umask 077"):
            self.umask = 0o077
        if self.maybe("locale"):
            self.variables |= self.rng.choice(LOCALES)
        if ANOTHER_DISK.exists() and self.maybe("TMPDIR on another disk"):
            self.variables["TMPDIR"] = str(ANOTHER_DISK)

    def maybe(self, what: str) -> bool:
        chosen = self.rng.random() < 0.3
        if chosen:
            self.drawn.append(what)
        return chosen

    def configure(self, setting: str) -> None:
        key, _, value = setting.partition("=")
        run(self.home, "git", "config", "--file", str(self.config), "--add", key, value)

    def commit(self, folder: Path, message: str) -> None:
        self.git(folder, "add", "--all")
        self.git(folder, "commit", "--quiet", "--allow-empty", "--message", message)

    def git(self, folder: Path, *arguments: str) -> str:
        """git with the settings, but for those that would not let it work."""
        plain = [word for setting in WORKABLE for word in ("-c", setting)]
        variables = self.variables | dict.fromkeys(LEFTOVERS, "")
        return run(folder, "git", *plain, *arguments, **variables)

    def poe_update(self, service: Path, *options: str) -> tuple[int, str]:
        return poe_update(service, *options, umask=self.umask, variables=self.variables)

    def committed(self, service: Path) -> Files:
        entries = self.git(service, "ls-tree", "-r", "-z", "HEAD").split("\0")[:-1]
        return {name: self.file(service, about) for about, name in split(entries)}

    def result(self, service: Path) -> tuple[Files, Unmerged]:
        """What git's index has after an update; of a conflict, what the file has."""
        found: Files = {}
        unmerged: Unmerged = set()
        for about, name in split(self.git(service, "ls-files", "-s", "-z").split("\0")[:-1]):
            mode, blob, stage = about.split()
            if stage == "0":
                found[name] = self.file(service, f"{mode} blob {blob}")
            else:
                unmerged.add(name)
                blob = self.git(service, "hash-object", "-w", "--", name).strip()
                found[name] = self.file(service, f"{mode} blob {blob}")
        return found, unmerged

    def unstaged(self, service: Path) -> set[str]:
        """The files that are not as the index has them."""
        return {*self.git(service, "diff", "--name-only", "--relative", "-z").split("\0")[:-1]}

    def file(self, service: Path, about: str) -> File:
        mode, _, blob = about.split()
        command = ["git", "cat-file", "blob", blob]
        return File(subprocess.check_output(command, cwd=service), mode)


def split(entries: list[str]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        about, _, name = entry.partition("\t")
        yield about, name


def write_hooks(folder: Path, log: Path) -> None:
    """Hooks that say that they ran, and fail."""
    folder.mkdir(parents=True)
    for name in HOOKS:
        (folder / name).write_text(f"#!/bin/sh\necho {name} >> '{log}'\nexit 1\n")
        (folder / name).chmod(0o755)


# What an update does last needs an installed service; tests/rendered/test_poe_update.py has one.
UV = """\
#!/bin/sh
[ "$1" != tool ] || exec uv "$@"
"""


def fake_uv() -> str:
    def make(new: Path) -> None:
        new.mkdir()
        (new / "uv").write_text(UV)
        (new / "uv").chmod(0o755)

    return str(once("uv", make) / "uv")


def poe_update(
    service: Path,
    *options: str,
    umask: int = 0o022,
    driver: str = "",
    variables: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, str]:
    """Run the working tree's `poe update` in a service that is not installed.

    A driver is Python that runs `UPDATE`.
    """
    script = str(ROOT / "template/devtools/update")
    ours = {"UPDATE": script, "PYTHONPATH": script, "UV": fake_uv()}
    shell = ("sh", "-c", f'umask {umask:o} && exec "$@"', "sh")
    how = ("-c", driver) if driver else (script,)
    command = (sys.executable, *how, *options)
    return outcome(service, *shell, *command, **{**variables, **ours})

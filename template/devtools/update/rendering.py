"""Render the service as it was and as it will be. Runs in copier's environment, not the service's.

`rendering.py FOLDER …` reads FOLDER/answers and makes FOLDER/old, FOLDER/new and FOLDER/version,
after it showed what the changelog says between the two versions. It makes none of them if there is
nothing new.
"""

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

import copier
import yaml
from copier.errors import CopierError
from plumbum import ProcessExecutionError

from pinned_git import git

# The owner's from the first commit on. copier.yml leaves them out of its updates; for copier,
# these renders are copies.
EXCLUDED = ["/alembic/versions/", "/uv.lock"]
SHORTCUTS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/", "git+": ""}
YES_OR_NO = dict.fromkeys(["yes", "y", "true", "on", "1"], True)
YES_OR_NO |= dict.fromkeys(["no", "n", "false", "off", "0"], False)


def main(options: argparse.Namespace) -> None:
    answers = yaml.safe_load((options.folder / "answers").read_text("utf-8"))
    if not isinstance(answers, dict) or not {"_commit", "_src_path"} <= answers.keys():
        sys.exit(f"{options.answers_file} lacks what copier wrote: _commit and _src_path.")
    old = str(answers["_commit"])
    earlier = options.folder / "earlier"
    if earlier.exists() and (before := yaml.safe_load(earlier.read_text("utf-8"))):
        print(f"The update to {old} has left files that have moved. This finishes it.", flush=True)
        render(options, "old", str(before["_commit"]), answers="earlier", defaults=True)
        render(options, "new", old, defaults=True)
        (options.folder / "version").write_text(old)
        return
    changed = dict(checked(pair, answers) for pair in options.data)
    new = old if changed else what_is_new(str(answers["_src_path"]), old, options)
    if new:
        render(options, "old", old, defaults=True)
        render(options, "new", new, defaults=options.defaults, data=changed)
        (options.folder / "version").write_text(new)


def checked(pair: str, answers: dict[str, Any]) -> tuple[str, Any]:
    """An answer given as NAME=VALUE. Copier would take any name, and guess at a boolean."""
    name, equals, value = pair.partition("=")
    names = [known for known in answers if not known.startswith("_")]
    if not equals or name not in names:
        sys.exit(f"--data {pair}: type NAME=VALUE. The names are {', '.join(names)}.")
    if not isinstance(answers[name], bool):
        return name, value
    if value.lower() not in YES_OR_NO:
        sys.exit(f"--data {pair}: type {name}=yes or {name}=no.")
    return name, YES_OR_NO[value.lower()]


def what_is_new(source: str, old: str, options: argparse.Namespace) -> str | None:
    """The version to go to, once it has been announced; None if there is nothing new."""
    for short, long in SHORTCUTS.items():
        source = re.sub(rf"^{re.escape(short)}/*", long, source)
    source = os.path.expanduser(source)
    lines = git("ls-remote", "--tags", "--refs", "--", source).decode().splitlines()
    versions = [line.rpartition("refs/tags/")[2] for line in lines]
    newest = max(versions, key=number, default=old)
    new = newest if options.to is None else options.to
    if options.to is not None and not (new in versions and number(new)):
        sys.exit(f"The template has no version {new}. Its newest is {newest}.")
    if number(new) <= number(old):
        print(f"The template is at {old}: there is nothing to bring in.")
        return None
    news = changes(source, old, new, options.folder) or "(Its changelog has nothing.)"
    print(f"The template, from {old} to {new}:\n\n{news}\n", flush=True)
    return new


def changes(source: str, old: str, new: str, folder: Path) -> str:
    """The template's changelog after the old version and up to the new one."""
    store = ("--git-dir", str(folder / "changelog"))
    git(*store, "init", "--quiet", "--template=")
    git(*store, "fetch", "--quiet", "--depth=1", "--", source, f"refs/tags/{new}")
    changelog = git(*store, "show", "FETCH_HEAD:CHANGELOG.md").decode()
    sections = re.split(r"^(?=## )", changelog, flags=re.MULTILINE)[1:]
    between = [s for s in sections if number(old) < number(s.split()[1]) <= number(new)]
    return "".join(between).strip()


def number(version: str) -> tuple[int, ...]:
    """1.2.0, or what git calls a commit after it, as numbers; nothing for a pre-release or word."""
    found = re.fullmatch(r"v?(\d+(?:\.\d+)*)(?:-\d+-g[0-9a-f]+)?", version)
    return tuple(map(int, found[1].split("."))) if found else ()


def render(
    options: argparse.Namespace, name: str, version: str, answers: str = "answers", **how: Any
) -> None:
    file = options.folder / name / options.answers_file
    file.parent.mkdir(parents=True)
    file.write_bytes((options.folder / answers).read_bytes())
    copier.run_recopy(
        options.folder / name,
        answers_file=options.answers_file,
        vcs_ref=version,
        exclude=EXCLUDED,
        skip_answered=True,
        overwrite=True,
        quiet=True,
        **how,
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--answers-file")
    parser.add_argument("--to")
    parser.add_argument("--data", action="append", default=[])
    parser.add_argument("--defaults", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main(parse())
    except KeyboardInterrupt:  # copier's is a CopierError, too
        sys.exit(130)
    except (CopierError, ValueError, yaml.YAMLError) as error:
        sys.exit(f"{error}\nNothing has changed.")
    except ProcessExecutionError as error:  # git, called by copier
        sys.exit(f"{error.stderr}\nNothing has changed.")

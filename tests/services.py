"""Rendering a service, and running commands in it as its owner would."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import copier
import httpx
import yaml

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "template"
INSIDE = sorted((ROOT / "tests/rendered/inside").glob("test_*.py"))

OWNER = {f"GIT_{role}_NAME": "An owner" for role in ("AUTHOR", "COMMITTER")}
OWNER |= {f"GIT_{role}_EMAIL": "owner@example.com" for role in ("AUTHOR", "COMMITTER")}

# What tells a service or its tools about us, or what a maintainer's shell has for other work.
# PYTHONDONTWRITEBYTECODE would make every command start several times slower.
OURS = re.compile(
    r"VIRTUAL_ENV|UV|(NOX|PYTEST|LOG|DOCS)_.*|(TEST_)?DATABASE_.*|PG.*|ENV(IRONMENT|_FILE)|TITLE"
    r"|CORS_.*|ROOT_PATH|MAX_BODY_BYTES|FORCE_COLOR"
    r"|PYTHON(DONTWRITEBYTECODE|OPTIMIZE|WARNINGS)"
)

# For `poe check` of what tests/rendered/test_rendered.py has tested whole, here only in another
# place.
SHORT = {
    "PYTEST_ADDOPTS": "--no-cov -W ignore::pytest_cov.CovDisabledWarning"
    " tests/unit tests/integration/test_auth.py"
}

type Answers = dict[str, Any]

http = httpx.Client(trust_env=False)  # a proxy would call its own 127.0.0.1

SETTINGS: dict[str, Any] = yaml.safe_load((ROOT / "copier.yml").read_text())
# What is asked: neither a setting of copier nor a computed value.
QUESTIONS = {name: q for name, q in SETTINGS.items() if name[0] != "_" and q.get("when", True)}
FEATURES = [name for name, question in QUESTIONS.items() if question["type"] == "bool"]

# Answers that a quick template would stumble over.
ODD: Answers = {
    "service_name": "Łódź's “café” – 5 × $HOME #1",  # noqa: RUF001
    "slug": "a1",
    "description": "It's 100 % {curly}, `ticked` & #hashed: $PATH.",
    "author": "O'Neill & Søn, 株式会社",
}


# The combinations of answers that are rendered and checked throughout. Everything, nothing, and
# everything but one: every pair of yes and no is among them, whatever is asked in future.
_EVERYTHING = dict.fromkeys(FEATURES, True)
PROFILES: dict[str, Answers] = {
    "default": {},
    "everything": _EVERYTHING,
    "minimal": dict.fromkeys(FEATURES, False) | ODD,
    "odd": _EVERYTHING | ODD,
}
for _name in FEATURES:
    _without = _EVERYTHING | {_name: False}
    if _without != {name: QUESTIONS[name]["default"] for name in FEATURES}:  # that is "default"
        PROFILES[f"no-{_name}"] = _without

# Those whose own checks run: what most people take, and what differs most from it.
# `tests/static/test_pairs.py` proves that they hold all the code that answers can render; linters
# read what differs in the others.
FULLY_CHECKED = ["default", "minimal"]


def features_of(profile: str) -> dict[str, bool]:
    """Each feature, and whether the profile has it."""
    return {name: PROFILES[profile].get(name, QUESTIONS[name]["default"]) for name in FEATURES}


def without(feature: str) -> str:
    """The name of the profile that lacks this one feature."""
    return f"no-{feature}" if f"no-{feature}" in PROFILES else "default"


def render(folder: Path, **answers: Any) -> Path:
    """Render the working tree, uncommitted changes included. Nothing is trusted."""

    def make(new: Path) -> None:
        copier.run_copy(str(ROOT), new, data=answers, defaults=True, vcs_ref="HEAD", quiet=True)

    return shutil.copytree(once(f"render {json.dumps(answers)}", make), folder, symlinks=True)


def once(what: str, make: Callable[[Path], object]) -> Path:
    """A folder that is made once for all processes of a run, and only read from then on.

    What is pure is cached: a render follows from its answers and the tree.
    """
    folder = Path(os.environ["RENDERS"]) / hashlib.sha256(what.encode()).hexdigest()[:16]
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            new = folder.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            make(new)
            new.rename(folder)
    return folder


def environment(**variables: str) -> dict[str, str]:
    """The environment of a fresh terminal: nothing of the one that runs these tests.

    A variable that is given as the empty string is not set.
    """
    inherited = {name: value for name, value in os.environ.items() if not OURS.fullmatch(name)}
    return {name: value for name, value in (inherited | variables).items() if value}


def run(folder: Path, *command: str, **variables: str) -> str:
    """Return what a command prints. Fails with all of it when the command fails."""
    code, output = outcome(folder, *command, **variables)
    assert code == 0, f"{' '.join(command)}\n{output}"
    return output


def outcome(folder: Path, *command: str, **variables: str) -> tuple[int, str]:
    """Return a command's exit code and what it prints."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def git_commit(folder: Path, message: str = "Render") -> None:
    """Commit all there is; the first time, make a repository of the folder."""
    run(folder, "git", "init", "--quiet")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--allow-empty", "--message", message)


def installed(folder: Path) -> Path:
    """The default service, rendered into the folder, committed, and installed from its lock."""
    render(folder)
    git_commit(folder)
    run(folder, "uv", "sync", "--locked", "--quiet")
    return folder


def add_inside(service: Path) -> None:
    """Add the tests that only the template runs: `test_inside.py` says why there are such."""
    for module in INSIDE:
        new = service / "tests/contract" / module.name
        assert not new.exists(), f"{module.name}: the service has a module of this name"
        shutil.copy(module, new)
    shutil.copy(ROOT / "docs/sqlstates.md", service / "tests/contract")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new))


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def free_port() -> int:
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return int(candidate.getsockname()[1])


@contextmanager
def running(folder: Path, *command: str, **variables: str) -> Iterator[str]:
    """Run a server that takes its port as the last argument; give its URL once it answers."""
    port = free_port()
    process = subprocess.Popen(
        [*command, str(port)],
        cwd=folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}/health/live"))
        yield url
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)


def answers(url: str) -> bool:
    try:
        return http.get(url).is_success
    except httpx.TransportError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)

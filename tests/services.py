"""Rendering a service, and running commands in it as its owner would."""

import os
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

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "template"

# The combinations of answers that are rendered and checked throughout.
PROFILES: dict[str, dict[str, Any]] = {
    "default": {},
    "minimal": {"posts": False, "docker": False, "github": False},
    "no-posts": {"posts": False},
    "no-docker": {"docker": False},
    "no-github": {"github": False},
}


def render(folder: Path, **answers: Any) -> Path:
    """Render the working tree, uncommitted changes included. Nothing is trusted."""
    copier.run_copy(str(ROOT), folder, data=answers, defaults=True, vcs_ref="HEAD", quiet=True)
    return folder


def environment(**variables: str) -> dict[str, str]:
    """The environment of a fresh terminal: nothing of the one that runs these tests."""
    ours = {"VIRTUAL_ENV", "PYTEST_CURRENT_TEST", "NOX_CURRENT_SESSION", "UV"}
    ours |= {"PYTHONDONTWRITEBYTECODE"}  # it would make every command start several times slower
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    return inherited | variables


def run(folder: Path, *command: str, **variables: str) -> str:
    """Return what a command prints. Fails with all of it when the command fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
    return done.stdout


def git_commit(folder: Path) -> None:
    run(folder, "git", "init", "--quiet")
    run(folder, "git", "add", "--all")
    who = ("-c", "user.name=An owner", "-c", "user.email=owner@example.com")
    run(folder, "git", *who, "commit", "--quiet", "--message", "Render")


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
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)

"""What commands cost, in CPU time, and resources as an owner might have added them."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import copier

from tests.services import OWNER, ROOT, environment, git_commit, run

# Run a command, wait for all that is left of it, and print the seconds as the last line. 36 is
# PR_SET_CHILD_SUBREAPER: a process whose parent has gone becomes our child.
COUNT = """
import ctypes, os, resource, subprocess, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
status = subprocess.call(sys.argv[1:])
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"\\n{used.ru_utime + used.ru_stime}", file=sys.stderr)
sys.exit(status)
"""

# Six, of six types.
FIELDS = "title:str(200) body:text number:int price:decimal(12,2) due_on:date done:bool"


def cost_of(folder: Path, *command: str, **variables: str) -> tuple[float, str]:
    """User and system time of a command that succeeds, and of all that it started; what it prints.

    A PostgreSQL that outlives it for a moment counts too: a process in between adopts it.
    """
    counting = [sys.executable, "-c", COUNT, *command]
    done = subprocess.run(
        counting, cwd=folder, env=environment(**variables), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return float(done.stderr.splitlines()[-1]), done.stdout


def cost_of_a_start(folder: Path, **variables: str) -> float:
    """The median of five starts of a service: what other commands are compared with."""
    command = ("uv", "run", "--no-sync", "python", "-c", "import app.main")
    return sorted(cost_of(folder, *command, **variables)[0] for _ in range(5))[2]


def add_resource(service: Path, name: str) -> None:
    """Five operations on six fields, with a test of each kind."""
    run(service, "uv", "run", "poe", "resource", f"{name}s", FIELDS)
    git_commit(service, f"Add {name}s")


def bench() -> None:
    """Print a table: CPU seconds of each command, and how often one could start the service."""
    os.environ |= OWNER
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    folder.chmod(0o755)  # so that PostgreSQL, which is never root, may enter
    service = folder / "service"
    copier.run_copy(str(ROOT), service, defaults=True, vcs_ref="HEAD", quiet=True)
    git_commit(service)
    run(service, "uv", "sync", "--locked", "--quiet")
    names = ["parcel", "gadget", "invoice", "ticket"]
    rows = {0: seconds_of_commands(service)}
    for name in names:
        add_resource(service, name)
    rows[len(names)] = seconds_of_commands(service)
    start = rows[0].pop("a start"), rows[len(names)].pop("a start")
    write(f"CPU seconds; a start of the service takes {start[0]:.2f}, then {start[1]:.2f}")
    for command, fresh in rows[0].items():
        each = (rows[len(names)][command] - fresh) / len(names)
        write(
            f"{command:34} {fresh:6.1f} = {fresh / start[0]:4.0f} starts;"
            f" each resource {each:5.1f} = {each / start[0]:4.1f}"
        )
    shutil.rmtree(folder)


def seconds_of_commands(service: Path) -> dict[str, float]:
    """After a first run of everything, which compiles and fills mypy's cache."""
    run(service, "uv", "run", "poe", "check")
    commands = ("pytest", "pytest --cov", "poe check")
    costs = {each: cost_of(service, "uv", "run", *each.split())[0] for each in commands}
    return {"a start": cost_of_a_start(service), **costs}


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    bench()

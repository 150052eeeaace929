"""`poe dev`: database, migrations, server with reload. `poe db`: the database alone."""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL

import database
from app.config import Settings

LEASH = str(Path(__file__).with_name("leash.py"))
UVICORN = ["uvicorn", "app.main:app", "--reload", "--reload-dir", "app"]
UVICORN += ["--timeout-graceful-shutdown", "1", "--port"]  # a stream in a browser would delay it
PARENT = os.getppid()


def main(port: int, only_database: bool) -> int:
    settings = Settings()
    if settings.environment != "local":
        sys.exit("ENVIRONMENT is not local; `poe dev` and `poe db` are for development only.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        lock = database.start()
        if only_database and lock is None:
            sys.exit(f"Nothing to start: {address()} runs already, or elsewhere.")
        if only_database:
            return serve_database()
        return subprocess.call(["alembic", "upgrade", "head"]) or serve(port)
    return 0


def serve_database() -> int:
    print(f"PostgreSQL runs until Ctrl-C at {address()}", flush=True)
    while has_parent():
        time.sleep(0.2)
    return 0


def address() -> URL:
    return Settings().database_url.set(drivername="postgresql", query={})


def serve(port: int) -> int:
    """Run uvicorn until it ends, or Ctrl-C, or the end of this process or its parent."""
    folder = tempfile.mkdtemp(prefix="uvicorn-")
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_SH)
    leash = [sys.executable, LEASH, "--remove", folder, f"{folder}/lock"]
    process = subprocess.Popen([*leash, *UVICORN, str(port)])
    with suppress(KeyboardInterrupt):
        while process.poll() is None and has_parent():
            time.sleep(0.2)
    os.close(lock)
    return process.wait()


def has_parent() -> bool:
    """No longer, once the `uv run` around this was killed; it had no chance to end this."""
    return os.getppid() == PARENT or "UV" not in os.environ


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--only-database", action="store_true")
    arguments = parser.parse_args()
    status = main(arguments.port, arguments.only_database)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # `uv run` passes Ctrl-C on a second time
    sys.exit(status)

"""Call every operation in ways that its document allows, and in many that it forbids: `poe fuzz`.

schemathesis makes the requests and judges the answers; `scripts/fuzzing/` says who calls. The
service is real, its database new and empty: in a PostgreSQL that ends with this process, or in that
of `TEST_DATABASE_URL`.
"""

import argparse
import asyncio
import fcntl
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from scripts import server
from scripts.check_migrations import create
from scripts.database import free_port
from scripts.dev import LEASH

CALLERS = ("user", "admin")  # the admin then meets what somebody else wrote
SCHEMATHESIS = ["schemathesis", "--config-file", "scripts/fuzzing/schemathesis.toml", "run"]
UVICORN = ["uvicorn", "scripts.fuzzing.service:app", "--log-level", "error", "--port"]


def main(seed: int, max_examples: int) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    choose_settings()
    options = ["--seed", str(seed), "--max-examples", str(max_examples)]
    subprocess.run(["alembic", "upgrade", "head"], check=True)
    status = 0
    with suppress(KeyboardInterrupt), served() as document:
        for caller in CALLERS:
            print(f"\nAs {caller}. To repeat it: poe fuzz {' '.join(options)}", flush=True)
            run = [*SCHEMATHESIS, document, "--auth-wfc-user", caller, *options]
            status = subprocess.call(run) or status
        return status
    return 130


def choose_settings() -> None:
    url = server.url_for_tests()
    url = url.set(database=f"{url.database}_fuzz")
    asyncio.run(create(url))
    os.environ["ENV_FILE"] = ""  # the developer's own settings are not ours
    os.environ["ENVIRONMENT"] = "local"
    os.environ["DATABASE_URL"] = url.render_as_string(hide_password=False)
    os.environ["DOCS_ENABLED"] = os.environ["MAX_BODY_BYTES"] = ""  # as it is locally
    os.environ["LOG_LEVEL"] = "ERROR"  # crashes
    os.environ["LOG_FORMAT"] = "console"
    os.environ |= {"NO_PROXY": "*", "no_proxy": "*"}  # what it calls is on this machine


@contextmanager
def served() -> Iterator[str]:
    """Yield the address of the document. The leash ends the service even if this is killed."""
    port = str(free_port())
    folder = tempfile.mkdtemp(prefix="fuzz-")
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_SH)
    leash = [sys.executable, LEASH, "--remove", folder, f"{folder}/lock"]
    service = subprocess.Popen([*leash, *UVICORN, port])
    try:
        yield f"http://127.0.0.1:{port}/openapi.json"
    finally:
        os.close(lock)
        service.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="poe fuzz")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))  # noqa: S311
    parser.add_argument("--max-examples", type=int, default=50, help="per operation")
    arguments = parser.parse_args()
    sys.exit(main(arguments.seed, arguments.max_examples))

"""Chosen here, before `app` reads its settings: the tests' database, and a pool of one.

Any request must do with one connection: to ask for a second one is a timeout, and a 503.
Without TEST_DATABASE_URL the tests start a PostgreSQL of their own, which ends with them.
"""

import atexit
import logging
import os
import subprocess
import sys
from pathlib import Path

from app.db.url import parse_database_url

for chatty in ("alembic", "httpx"):
    logging.getLogger(chatty).setLevel("WARNING")


def start_postgres() -> str:
    """Return its URL. It ends with the tests: then the kernel closes its standard input."""
    command = [sys.executable, str(Path(__file__).parents[1] / "devtools"), "postgres"]
    server = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the tests, which need it to clear up
    )
    atexit.register(server.communicate)
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]  # meant for another server
    os.environ |= {"PGPASSFILE": "/no/passwords", "PGSSLMODE": "disable"}
    assert server.stdout
    if url := server.stdout.readline().strip():
        return url
    sys.exit("The tests have no PostgreSQL.")


try:
    url = parse_database_url(os.environ.get("TEST_DATABASE_URL") or start_postgres())
except ValueError as error:
    sys.exit(f"TEST_{error}")
os.environ["TEST_DATABASE_URL"] = url.render_as_string(False)  # xdist's workers inherit it
worker = os.environ.get("PYTEST_XDIST_WORKER", "main")

# The developer's own settings are not the tests'. An empty one has its default.
for name in (
    "CORS_HEADERS",
    "CORS_ORIGINS",
    "DATABASE_PGBOUNCER",
    "DOCS_ENABLED",
    "LOG_CLIENT_ADDRESS",
    "LOG_LEVEL",
    "MAX_BODY_BYTES",
    "REFRESH_TOKEN_COOKIE",
    "REFRESH_TOKEN_REUSE_SECONDS",
    "REQUEST_TIMEOUT",
    "ROOT_PATH",
    "SHUTDOWN_DELAY",
):
    os.environ[name] = ""
os.environ["ENV_FILE"] = ""
os.environ["ENVIRONMENT"] = "local"
os.environ["SECRET_KEY"] = "only-these-tests-sign-with-this!"
os.environ["DATABASE_URL"] = url.set(database=f"{url.database}_{worker}").render_as_string(False)
os.environ["LOG_FORMAT"] = "console"  # a crash is read by the person who ran the tests
os.environ["DATABASE_POOL_SIZE"] = "1"
os.environ["DATABASE_POOL_TIMEOUT"] = "1"
os.environ |= {"NO_PROXY": "*", "no_proxy": "*"}  # what tests call is on this machine

"""Chosen here, before `app` reads its settings: the tests' database, and a pool of one.

One connection must be enough for any request; a test that needs two waits and fails. Without
TEST_DATABASE_URL the tests start a PostgreSQL of their own, which ends with them.
"""

import logging
import os

from scripts import server

for chatty in ("alembic", "httpx"):
    logging.getLogger(chatty).setLevel("WARNING")

url = server.url_for_tests()
os.environ["TEST_DATABASE_URL"] = url.render_as_string(False)  # xdist's workers inherit it
worker = os.environ.get("PYTEST_XDIST_WORKER", "main")

# The developer's own settings are not the tests'. An empty one has its default.
for name in ("CORS_ORIGINS", "DATABASE_PGBOUNCER", "DOCS_ENABLED", "LOG_LEVEL", "MAX_BODY_BYTES"):
    os.environ[name] = ""
os.environ["ENV_FILE"] = ""
os.environ["ENVIRONMENT"] = "local"
os.environ["SECRET_KEY"] = "nobody-else-signs-with-this-one!"
os.environ["DATABASE_URL"] = url.set(database=f"{url.database}_{worker}").render_as_string(False)
os.environ["LOG_FORMAT"] = "console"  # a crash is read by whoever ran the tests
os.environ["DATABASE_POOL_SIZE"] = "1"
os.environ["DATABASE_POOL_TIMEOUT"] = "1"
os.environ |= {"NO_PROXY": "*", "no_proxy": "*"}  # what tests call is on this machine

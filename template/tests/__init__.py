"""Chosen here, before `app` reads its settings: the tests' database, and a pool of one.

One connection must be enough for any request; a test that needs two waits and fails. Without
TEST_DATABASE_URL the tests start a PostgreSQL of their own, which ends with them.
"""

import logging
import os

from sqlalchemy import make_url

for chatty in ("alembic", "httpx"):
    logging.getLogger(chatty).setLevel("WARNING")

if "TEST_DATABASE_URL" not in os.environ:
    from scripts.postgres import serve_throw_away

    os.environ["TEST_DATABASE_URL"] = serve_throw_away()  # xdist's workers inherit it

url = make_url(os.environ["TEST_DATABASE_URL"])
worker = os.environ.get("PYTEST_XDIST_WORKER", "main")

os.environ["ENV_FILE"] = ""  # the developer's own settings are not the tests'
os.environ["ENVIRONMENT"] = "local"
os.environ["SECRET_KEY"] = "nobody-else-signs-with-this-one!"
os.environ["DATABASE_URL"] = url.set(database=f"{url.database}_{worker}").render_as_string(False)
os.environ["LOG_FORMAT"] = "console"  # a crash is read by whoever ran the tests
os.environ["DATABASE_POOL_SIZE"] = "1"
os.environ["DATABASE_POOL_TIMEOUT"] = "1"

"""On an empty database: the migrations apply, and the models ask for no further one."""

import asyncio
import os
import subprocess
import sys

import asyncpg
from sqlalchemy import URL

from app.db.url import parse_database_url
from scripts.postgres import serve_throw_away


def main() -> int:
    url = parse_database_url(os.environ.get("TEST_DATABASE_URL") or serve_throw_away())
    empty = url.set(database=f"{url.database}_migrations")
    asyncio.run(create(empty))
    os.environ["DATABASE_URL"] = empty.render_as_string(hide_password=False)
    return subprocess.call(["alembic", "upgrade", "head"]) or subprocess.call(["alembic", "check"])


async def create(url: URL) -> None:
    server = url.set(drivername="postgresql", database="postgres")
    connection = await asyncpg.connect(server.render_as_string(hide_password=False))
    await connection.execute(f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')
    await connection.execute(f'CREATE DATABASE "{url.database}"')
    await connection.close()


if __name__ == "__main__":
    sys.exit(main())

"""On an empty database: the migrations apply, and the models ask for no further one."""

import asyncio
import os
import subprocess
import sys

from sqlalchemy import URL

from app.db.url import parse_database_url
from scripts import server
from scripts.postgres import serve_throw_away


def main() -> int:
    url = parse_database_url(os.environ.get("TEST_DATABASE_URL") or serve_throw_away())
    empty = url.set(database=f"{url.database}_migrations")
    asyncio.run(create(empty))
    os.environ["DATABASE_URL"] = empty.render_as_string(hide_password=False)
    return subprocess.call(["alembic", "upgrade", "head"]) or subprocess.call(["alembic", "check"])


async def create(url: URL) -> None:
    async with server.connected(url) as connection:
        await server.drop(connection, str(url.database))
        await server.create(connection, str(url.database))


if __name__ == "__main__":
    sys.exit(main())

"""On an empty database: the migrations apply, and the models ask for no further one."""

import asyncio
import os
import subprocess
import sys

from sqlalchemy import URL

from scripts import server


def main() -> int:
    url = server.url_for_tests()
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

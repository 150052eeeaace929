"""The database of DATABASE_URL. The embedded one is started; another one must run already."""

import asyncio
import os
import random
import secrets
import socket
import sys
from pathlib import Path

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import postgres
from app.config import Settings

ROOT = Path(__file__).parents[1]
ENV = """\
# Written once by `poe dev` or `poe db`, never committed. `.env.example` lists every setting.
ENVIRONMENT=local
LOG_FORMAT=console
SECRET_KEY={secret_key}
# `poe` runs this database itself: local, user postgres, no password. Any other must run already.
DATABASE_URL=postgresql://postgres@127.0.0.1:{port}/{database}?sslmode=disable
"""


def start() -> int | None:
    """Return once the database can be used; with the descriptor of its lock if it is embedded.

    Without a DATABASE_URL this writes `.env`, if there is none. The embedded database runs until
    this process ends.
    """
    if not os.environ.get("DATABASE_URL") and Settings().environment == "local":
        write_env()
    settings = Settings()
    if settings.environment != "local" or not is_embedded(settings.database_url):
        return None
    lock = postgres.serve(ROOT / ".postgres", settings.database_url.port or 5432)
    if lock is None:
        print("Another server answers at DATABASE_URL: it is used.", file=sys.stderr)
    else:
        asyncio.run(create_database(settings.database_url))
    return lock


def write_env() -> None:
    values = {"secret_key": secrets.token_urlsafe(32), "port": free_port()}
    text = ENV.format(**values, database=Settings().database_url.database)
    try:
        descriptor = os.open(ROOT / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with open(descriptor, "w") as file:
        file.write(text)


def free_port() -> int:
    """A port that is not in use, below those that the kernel gives to outgoing connections."""
    while True:
        port = random.randint(15_000, 30_000)  # noqa: S311 - no secret
        with socket.socket() as candidate:
            if candidate.connect_ex(("127.0.0.1", port)):
                return port


def is_embedded(url: URL) -> bool:
    """Ours is local and has no password. A real database has one."""
    return (url.host, url.username, url.password) == ("127.0.0.1", "postgres", None)


async def create_database(url: URL) -> None:
    server = url.set(database="postgres", query={})
    engine = create_async_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text("SELECT pg_advisory_lock(hashtext('create'))"))
        found = text("SELECT 1 FROM pg_database WHERE datname = :name")
        if not await connection.scalar(found, {"name": url.database}):
            await connection.execute(text(f'CREATE DATABASE "{url.database}" TEMPLATE template0'))

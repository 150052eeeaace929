"""The PostgreSQL server around a database: what creates and drops databases."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.db.url import parse_database_url
from scripts.postgres import serve_throw_away


def url_for_tests() -> URL:
    """That of TEST_DATABASE_URL, or of a new server that ends with this process."""
    try:
        return parse_database_url(os.environ.get("TEST_DATABASE_URL") or serve_throw_away())
    except ValueError as error:
        sys.exit(f"TEST_{error}")


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[AsyncConnection]:
    """A connection to the server of `url`, without transactions: databases are made outside one."""
    server = url.set(database="postgres")
    engine = create_async_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        yield connection


async def exists(connection: AsyncConnection, name: str) -> bool:
    found = text("SELECT 1 FROM pg_database WHERE datname = :name")
    return bool(await connection.scalar(found, {"name": name}))


async def create(connection: AsyncConnection, name: str, *, template: str = "template0") -> None:
    # Copying files is several times as fast as writing them to the log, PostgreSQL's default.
    statement = f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'
    await connection.execute(text(statement))


async def drop(connection: AsyncConnection, name: str) -> None:
    await connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

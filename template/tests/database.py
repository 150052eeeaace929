"""A migrated template database, and the clone of it that `app.db.session.engine` connects to."""

import io
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from app.config import settings
from tests import url

TEMPLATE = f"{url.database}_template"
CLONE = settings.database_url.database

logging.getLogger("alembic").setLevel("WARNING")


def alembic_config(connection: Connection) -> Config:
    root = Path(__file__).parents[1]
    config = Config(toml_file=root / "pyproject.toml", stdout=io.StringIO())
    config.attributes["connection"] = connection
    return config


async def create_template(run: str) -> None:
    """Migrate a template once per test run: xdist's workers take turns, and the first one does."""
    async with server() as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtext('template'))")
        made_for = await connection.fetchval(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1",
            TEMPLATE,
        )
        if made_for != run:
            await replace(connection, TEMPLATE, template="template0")
            await migrate(TEMPLATE)
            await connection.execute(f"COMMENT ON DATABASE \"{TEMPLATE}\" IS '{run}'")


async def clone() -> None:
    """Give this worker a fresh copy of the template."""
    async with server() as connection:
        await replace(connection, f"{CLONE}", template=TEMPLATE)


async def migrate(database: str) -> None:
    engine = create_async_engine(settings.database_url.set(database=database))
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "head"))
    await engine.dispose()  # a template that somebody is connected to cannot be cloned


async def replace(connection: "asyncpg.Connection", name: str, *, template: str) -> None:
    await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    # Copying files is several times as fast as writing them to the log, PostgreSQL's default.
    await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')


@asynccontextmanager
async def server() -> AsyncIterator["asyncpg.Connection"]:
    postgres = settings.database_url.set(drivername="postgresql", database="postgres")
    connection = await asyncpg.connect(postgres.render_as_string(hide_password=False))
    try:
        yield connection
    finally:
        await connection.close()

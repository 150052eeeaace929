"""A migrated template database, and the clone of it that `app.db.session.engine` connects to."""

import io
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Text, cast, func, literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.config import settings
from app.db.base import Base
from scripts import server
from tests import url

TEMPLATE = f"{url.database}_template"
CLONE = str(settings.database_url.database)


def alembic_config(connection: Connection) -> Config:
    root = Path(__file__).parents[1]
    config = Config(toml_file=root / "pyproject.toml", stdout=io.StringIO())
    config.attributes["connection"] = connection
    return config


async def create_template(run: str) -> None:
    """Migrate a template once per test run: xdist's workers take turns, and the first one does."""
    async with server.connected(settings.database_url) as connection:
        await connection.execute(text("SELECT pg_advisory_lock(hashtext('template'))"))
        comment = (
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :name"
        )
        if await connection.scalar(text(comment), {"name": TEMPLATE}) != run:
            await server.drop(connection, TEMPLATE)
            await server.create(connection, TEMPLATE)
            await migrate(TEMPLATE)
            await connection.execute(text(f"COMMENT ON DATABASE \"{TEMPLATE}\" IS '{run}'"))


async def clone() -> None:
    """Give this worker a fresh copy of the template."""
    async with server.connected(settings.database_url) as connection:
        await server.drop(connection, CLONE)
        await server.create(connection, CLONE, template=TEMPLATE)


async def migrate(database: str) -> None:
    # No pool: a template that somebody is connected to cannot be cloned.
    engine = create_async_engine(settings.database_url.set(database=database), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "head"))


type Contents = list[tuple[str, str]]  # a table's name and one of its rows

# Tables in which a refusal may leave a row, and why.
RECORDS = {"login_attempts": "an attempt to sign in counts, whatever comes of it"}


async def contents(connection: AsyncConnection) -> Contents:
    """Every row of every table, in one statement."""
    rows = await connection.execute(
        union_all(
            *(
                select(literal(table.name), cast(func.row_to_json(table.table_valued()), Text))
                for table in Base.metadata.tables.values()
            )
        )
    )
    return sorted((table, row) for table, row in rows)


def lasting(rows: Contents) -> Contents:
    """Without what a refusal may leave."""
    return [(table, row) for table, row in rows if table not in RECORDS]

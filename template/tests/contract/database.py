"""A migrated template database, and the clone of it that `app.db.session.engine` connects to."""

import io
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import (
    CompoundSelect,
    Connection,
    Select,
    Table,
    Text,
    func,
    literal,
    select,
    text,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.config import settings
from app.db.base import Base
from app.db.connection import connect
from app.db.session import SessionLocal
from tests import url

TEMPLATE = f"{url.database}_template"
CLONE = str(settings.database_url.database)
CONNECT = {"async_creator_fn": connect}  # with every parameter that the URL may have


def alembic_config(connection: Connection) -> Config:
    root = Path(__file__).parents[2]
    config = Config(toml_file=root / "pyproject.toml", stdout=io.StringIO())
    config.attributes["connection"] = connection
    return config


@asynccontextmanager
async def connected() -> AsyncIterator[AsyncConnection]:
    """A connection to the server, without transactions: databases are made outside one."""
    server = settings.database_url.set(database="postgres")
    engine = create_async_engine(
        server, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=CONNECT
    )
    async with engine.connect() as connection:
        yield connection


async def create(connection: AsyncConnection, name: str, *, template: str = "template0") -> None:
    """Make a database; one that has the name is dropped first."""
    await drop(connection, name)
    # Copying files is several times as fast as writing them to the log, PostgreSQL's default.
    statement = f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'
    await connection.execute(text(statement))


async def drop(connection: AsyncConnection, name: str) -> None:
    await connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


async def create_template(run: str) -> None:
    """Migrate a template once per test run: xdist's workers take turns, and the first one does."""
    async with connected() as connection:
        await connection.execute(text("SELECT pg_advisory_lock(hashtext('template'))"))
        comment = (
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :name"
        )
        if await connection.scalar(text(comment), {"name": TEMPLATE}) != run:
            await create(connection, TEMPLATE)
            await migrate(TEMPLATE)
            await connection.execute(text(f"COMMENT ON DATABASE \"{TEMPLATE}\" IS '{run}'"))


async def clone() -> None:
    """Give this worker a fresh copy of the template."""
    async with connected() as connection:
        await create(connection, CLONE, template=TEMPLATE)


async def migrate(database: str) -> None:
    # No pool: a template with an open connection cannot be cloned.
    url = settings.database_url.set(database=database)
    engine = create_async_engine(url, poolclass=NullPool, connect_args=CONNECT)
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "head"))


type Contents = list[tuple[str, str]]  # a table's name and one of its rows


@cache
def every_row() -> CompoundSelect[str, str]:
    return union_all(*(rows_of(table) for table in Base.metadata.tables.values()))


def rows_of(table: Table) -> Select[str, str]:
    """By `table.*`: a column may have the bare name of the table."""
    quoted = SessionLocal.kw["bind"].dialect.identifier_preparer.format_table
    row = func.row_to_json(text(f"{quoted(table)}.*")).cast(Text)
    return select(literal(table.name), row).select_from(table)


async def contents(connection: AsyncConnection) -> Contents:
    """Every row of every table, in one statement."""
    rows = await connection.execute(every_row())
    return sorted((table, row) for table, row in rows)


def without(rows: Iterable[tuple[str, str]], tables: Collection[str]) -> Contents:
    return [(table, row) for table, row in rows if table not in tables]


async def run(*statements: str) -> None:
    """On the clone, in one transaction that is committed."""
    async with SessionLocal() as db, db.begin():
        for statement in statements:
            await db.execute(text(statement))


def for_every_table(statement: str) -> str:
    """Run it for each table, `%s`; the name is quoted if it is a word of SQL, such as `order`."""
    quoted = SessionLocal.kw["bind"].dialect.identifier_preparer.format_table
    names = ", ".join(f"'{quoted(table)}'" for table in Base.metadata.sorted_tables)
    return f"""DO $do$ DECLARE name text; BEGIN FOREACH name IN ARRAY ARRAY[{names}] LOOP
        EXECUTE format($sql${statement}$sql$, name); END LOOP; END $do$"""


@asynccontextmanager
async def failing_commits() -> AsyncIterator[None]:
    """Inside, a commit that changes a row fails: "the disk is full", says a deferred trigger."""
    await run(
        """CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'the disk is full'; END $$""",
        for_every_table(
            """CREATE CONSTRAINT TRIGGER fail AFTER INSERT OR UPDATE OR DELETE ON %s
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()"""
        ),
    )
    yield
    await run("DROP FUNCTION fail CASCADE")

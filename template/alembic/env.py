"""How Alembic reaches the database, one run at a time, and what it compares."""

import asyncio
from fnmatch import fnmatch
from typing import Any

from alembic import context
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.runtime.migration import MigrationInfo
from alembic.util import CommandError
from sqlalchemy import Column, Connection, DefaultClause, MetaData, Table, inspect, pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

import app.models  # noqa: F401 - registers every table
from app.config import settings
from app.db.base import Base
from app.db.connection import connect, unprepared

# The tables of others in this database, such as a queue's: autogenerate leaves them alone.
TABLES_OF_OTHERS: list[str] = []  # patterns, such as "pgqueuer*"


def is_ours(name: str | None, kind: str, _: Any) -> bool:
    return kind != "table" or not any(fnmatch(str(name), other) for other in TABLES_OF_OTHERS)


class Postgresql(PostgresqlImpl):
    """Compares defaults as PostgreSQL prints them: evaluated, two random ones are never equal."""

    __dialect__ = "postgresql"

    def compare_server_default(
        self, column: Column[Any], modelled: Column[Any], wanted: str | None, default: str | None
    ) -> bool:
        clause = modelled.server_default
        if default is None or not isinstance(clause, DefaultClause) or self.connection is None:
            return bool(super().compare_server_default(column, modelled, wanted, default))
        value = Column("value", column.type, server_default=clause.arg)
        table = Table("alembic_default", MetaData(), value, prefixes=["TEMPORARY"])
        try:
            with self.connection.begin_nested() as savepoint:
                table.create(self.connection)
                (printed,) = inspect(self.connection).get_columns(table.name)
                savepoint.rollback()
        except DBAPIError:
            return True  # the column has a type that the default does not fit
        return bool(printed["default"] != default)


options: dict[str, Any] = {
    "target_metadata": Base.metadata,
    "include_name": is_ours,
    "compare_server_default": True,
}


def announce(*, step: MigrationInfo, **_: object) -> None:
    verb = "Applied" if step.is_upgrade else "Undid"
    for migration in step.up_revisions:
        context.config.print_stdout("%s %s: %s", verb, migration.revision, migration.doc)


def migrate_offline() -> None:
    """`alembic upgrade head --sql`: print the SQL, connect to nothing."""
    context.configure(
        dialect_name="postgresql",
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        **options,
    )
    with context.begin_transaction():
        context.run_migrations()


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, on_version_apply=announce, **options)
    with context.begin_transaction():
        # Replicas that start together wait for each other, without a limit. Waiting for a table has
        # one: while a migration waits for a long query, all later queries wait for the migration.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('alembic'))"))
        connection.execute(text("SET LOCAL lock_timeout = '3s'"))
        context.run_migrations()


async def connect_and_migrate() -> None:
    engine = create_async_engine(
        settings.database_url,
        poolclass=pool.NullPool,
        # Unprepared, because PgBouncer may be between.
        connect_args=unprepared() | {"async_creator_fn": connect, "timeout": 5},
    )
    try:
        connection = await engine.connect()
    except (OSError, DBAPIError) as error:
        reason = error.driver_exception if isinstance(error, DBAPIError) else error
        url = settings.database_url.set(drivername="postgresql")
        raise CommandError(
            f"No database at {url}: {reason}. Start one with `poe db`, or set DATABASE_URL."
        ) from None
    try:
        await connection.run_sync(migrate)
    finally:
        await connection.close()


if context.is_offline_mode():
    migrate_offline()
elif connection := context.config.attributes.get("connection"):
    migrate(connection)  # the tests bring their own
else:
    asyncio.run(connect_and_migrate())

"""What Alembic compares, and how it runs; `app/commands/migrations.py` has the waiting."""

import asyncio
from fnmatch import fnmatch
from re import Match, fullmatch, sub
from typing import Any, Literal

import sqlalchemy
from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.runtime.migration import MigrationInfo
from alembic.util import CommandError
from sqlalchemy import Column, Connection, DefaultClause, MetaData, Table, event, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator

import app.models  # noqa: F401 - registers every table
from app.commands import migrations
from app.db.base import Base

# The tables of others in this database, such as a queue's: autogenerate leaves them alone.
TABLES_OF_OTHERS: list[str] = []  # patterns, such as "pgqueuer*"


def is_ours(name: str | None, kind: str, _: Any) -> bool:
    return kind != "table" or not any(fnmatch(str(name), other) for other in TABLES_OF_OTHERS)


class Postgresql(PostgresqlImpl):
    """Prints limits. Compares defaults as PostgreSQL prints them: two random values never agree."""

    __dialect__ = "postgresql"

    def emit_begin(self) -> None:
        """Of `--sql`; a connection does the same when it begins."""
        super().emit_begin()
        for limit in migrations.LIMITS:
            self.static_output(f"{limit};")

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


def import_own_types(kind: str, item: object, generated: AutogenContext) -> str | Literal[False]:
    """A type of the service is written by its full name: the migration imports its module."""
    module = type(item).__module__
    if kind != "type" or not module.startswith("app."):
        return False
    generated.imports.add(f"import {module}")
    if not isinstance(item, TypeDecorator):
        return False
    generated.imports.add("from sqlalchemy.dialects import postgresql")

    def full_name(inner: Match[str]) -> str:  # of a type, as in `Tags(String())`
        if hasattr(sqlalchemy, inner[0]):
            return f"sa.{inner[0]}"
        return f"postgresql.{inner[0]}" if hasattr(postgresql, inner[0]) else inner[0]

    return f"{module}.{sub(r'(?<=[(= ])[A-Z]\w*(?=\()', full_name, repr(item))}"


options: dict[str, Any] = {
    "target_metadata": Base.metadata,
    "include_name": is_ours,
    "compare_server_default": True,
    "render_item": import_own_types,
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
    event.listen(connection, "begin", migrations.set_limits)
    context.configure(connection=connection, on_version_apply=announce, **options)
    with context.begin_transaction():
        context.run_migrations()


def seconds_to_wait() -> int:
    """`alembic -x wait=60 upgrade head`: for another run, and in an `autocommit_block`."""
    wait = context.get_x_argument(as_dictionary=True).get("wait", "600")
    if not fullmatch("[1-9][0-9]{0,5}", wait):
        raise CommandError("-x wait=SECONDS takes a whole number, 1 or more.")
    return int(wait)


if context.is_offline_mode():
    migrate_offline()
elif connection := context.config.attributes.get("connection"):
    migrate(connection)  # the tests bring their own
else:
    asyncio.run(migrations.run(migrate, seconds_to_wait()))

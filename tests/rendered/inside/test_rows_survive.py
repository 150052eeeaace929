"""Rows of every revision survive the migrations after it, up and down."""

from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Column, Connection, MetaData, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.contract import database
from tests.contract.test_migrations import REVISIONS, blank  # noqa: F401

# What the downgrade of a revision drops, because its upgrade has made it.
DROPPED = {"0001": {"users", "login_sessions", "login_attempts"}, "0002": {"posts"}}
VALUES: dict[type, Any] = {bool: False, datetime: datetime(2026, 1, 1, tzinfo=UTC), int: 1}


def value(column: Column[Any]) -> Any:
    """An id is 1, the first of its table, and so is what refers to it."""
    return VALUES.get(column.type.python_type, "x")


def insert_rows(connection: Connection) -> dict[Table, list[Any]]:
    metadata = MetaData()
    metadata.reflect(connection)
    tables = [table for table in metadata.sorted_tables if table.name != "alembic_version"]
    for table in tables:
        needed = [c for c in table.c if not (c.nullable or c.server_default or c.identity)]
        connection.execute(insert(table).values({c.name: value(c) for c in needed}))
    rows = {table: rows_of(connection, table) for table in tables}
    connection.commit()
    return rows


def rows_of(connection: Connection, table: Table) -> list[Any]:
    return [*connection.execute(select(table))]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_rows_survive_every_migration(blank: AsyncEngine, revision: str) -> None:  # noqa: F811
    def travel(connection: Connection) -> None:
        config = database.alembic_config(connection)
        command.upgrade(config, revision)
        left = insert_rows(connection)
        assert left

        command.upgrade(config, "head")
        assert {table: rows_of(connection, table) for table in left} == left
        connection.rollback()

        for undone in reversed(REVISIONS):
            command.downgrade(config, "-1")
            left = {
                table: rows for table, rows in left.items() if table.name not in DROPPED[undone]
            }
            assert {table: rows_of(connection, table) for table in left} == left
            connection.rollback()

    async with blank.connect() as connection:
        await connection.run_sync(travel)

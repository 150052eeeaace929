"""Writes the migration of one table, against an empty server that has every migration so far."""

import asyncio
import io
import shutil
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.db.connection import connect
from app.db.url import parse_database_url
from names import Refused
from postgres import serve_throw_away

ROOT = Path(__file__).parents[1]


def write(tree: Path, table: str) -> None:
    """Into `alembic/versions/` of the tree, unless the table is at head already."""
    shutil.copytree(ROOT / "alembic", tree / "alembic")
    try:
        asyncio.run(connected(tree, table))
    except (CommandError, SQLAlchemyError) as error:
        raise Refused(f"The migrations fail on an empty database: {error}") from None


async def connected(tree: Path, table: str) -> None:
    url = parse_database_url(serve_throw_away()).set(database="postgres")
    arguments = {"async_creator_fn": connect}
    engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    async with engine.connect() as connection:
        await connection.run_sync(revise, tree, table)


def revise(connection: Connection, tree: Path, table: str) -> None:
    config = Config(toml_file=tree / "pyproject.toml", stdout=io.StringIO())
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

    def only(_context: object, _revision: object, scripts: list[Any]) -> None:
        operations = scripts[0].upgrade_ops.ops
        if others := sorted({each.table_name for each in operations} - {table}):
            raise Refused(
                f"Models and migrations differ already, in {', '.join(others)}. "
                'First write that migration: uv run poe revision "…".'
            )
        if not operations:
            scripts.clear()

    message = f"add {table.replace('_', ' ')}"
    with redirect_stdout(io.StringIO()):  # it tells of the temporary tree
        command.revision(config, message, autogenerate=True, process_revision_directives=only)

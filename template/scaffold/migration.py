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
    config = Config(toml_file=tree / "pyproject.toml", stdout=io.StringIO())
    try:
        asyncio.run(connected(config, table))
    except (CommandError, SQLAlchemyError) as error:
        raise Refused(f"The migrations fail on an empty database: {error}") from None


async def connected(config: Config, table: str) -> None:
    url = parse_database_url(serve_throw_away()).set(database="postgres")
    arguments = {"async_creator_fn": connect}
    engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    async with engine.connect() as connection:
        await connection.run_sync(revise, config, table)


def revise(connection: Connection, config: Config, table: str) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    with redirect_stdout(io.StringIO()):  # it tells of the temporary tree
        command.revision(
            config,
            f"add {table.replace('_', ' ')}",
            autogenerate=True,
            process_revision_directives=lambda *given: only(table, given[2]),
        )


def only(table: str, scripts: list[Any]) -> None:
    operations = scripts[0].upgrade_ops.ops
    others = sorted({operation.table_name for operation in operations} - {table})
    if others:
        raise Refused(
            f"Models and migrations differ already, in {', '.join(others)}. "
            'First write that migration: uv run poe revision "…".'
        )
    if not operations:
        scripts.clear()

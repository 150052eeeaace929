"""Writes the migration of one table, against an empty server that has every migration so far."""

import asyncio
import datetime
import io
import shutil
import sys
from contextlib import redirect_stdout
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from alembic import command
from alembic.config import Config
from alembic.operations.ops import ExecuteSQLOp
from alembic.util import CommandError
from sqlalchemy import Connection, Enum, Integer, insert, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.db.base import Record
from app.db.connection import connect
from app.db.url import parse_database_url
from kinds import Field
from names import Refused
from postgres import serve_throw_away

COMPUTED = {**vars(datetime), "Decimal": Decimal, "uuid4": uuid4}  # with these
ROOT = Path(__file__).parents[1]


def write(tree: Path, model: type[Record], fields: list[Field]) -> None:
    """Into `alembic/versions/` of the tree, unless the table is at head already."""
    shutil.copytree(ROOT / "alembic", tree / "alembic")
    try:
        asyncio.run(connected(tree, model, fields))
    except (CommandError, SQLAlchemyError) as error:
        raise Refused(f"The migrations fail on an empty database: {first_line(error)}.") from None


async def connected(tree: Path, model: type[Record], fields: list[Field]) -> None:
    url = parse_database_url(serve_throw_away()).set(database="postgres")
    arguments = {"async_creator_fn": connect}
    engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    async with engine.connect() as connection:
        await connection.run_sync(revise, tree, model)
        await connection.run_sync(try_examples, model, fields)


def revise(connection: Connection, tree: Path, model: type[Record]) -> None:
    table, columns = model.__tablename__, model.__table__.c
    secondary = {str(each.secondary) for each in inspect(model).relationships}
    types = [each.type for each in columns if isinstance(each.type, Enum) and each.type.native_enum]
    config = Config(toml_file=tree / "pyproject.toml", stdout=io.StringIO())
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

    def only(_context: object, _revision: object, scripts: list[Any]) -> None:
        operations = scripts[0].upgrade_ops.ops
        if others := sorted({each.table_name for each in operations} - {table} - secondary):
            raise Refused(
                f"Models and migrations differ already, in {', '.join(others)}. "
                'First write that migration: uv run poe revision "…".'
            )
        if not operations:
            return scripts.clear()
        for each in types:  # Alembic leaves it there
            scripts[0].downgrade_ops.ops.append(ExecuteSQLOp(f"DROP TYPE {each.name}"))

    message = f"add {table.replace('_', ' ')}"
    with redirect_stdout(io.StringIO()):  # it tells of the temporary tree
        command.revision(config, message, autogenerate=True, process_revision_directives=only)
    command.upgrade(config, "head")


def try_examples(connection: Connection, model: type[Record], fields: list[Field]) -> None:
    """Insert a row as the tests will: a CHECK may refuse it. No row that it refers to exists."""
    counter = inspect(model).version_id_col
    columns = [each for each in model.__table__.c if isinstance(each.type, Integer)]
    others = [each.name for each in columns if each.foreign_keys or each is counter]
    row = dict.fromkeys(others, 1)
    row |= {f.name: f.value for f in fields if f.writable and f.type != "Reference"}
    connection.exec_driver_sql("SET session_replication_role = replica")

    try:
        connection.execute(insert(model).values(row))
    except SQLAlchemyError as error:
        remedy = "Write others into the model: info={'example': …}"
        raise Refused(f"{first_line(error)}, by the examples {row}. {remedy}.") from None

    rows = [row | made(fields, n) for n in range(2)]
    try:
        connection.execute(insert(model), rows)
    except SQLAlchemyError as error:
        path = f"tests/factories/{model.__module__.rpartition('.')[2]}.py"
        remedy = f"Let {path} make rows that stand beside each other"
        print(f"{first_line(error)}. {remedy}.", file=sys.stderr)


def made(fields: list[Field], n: int) -> dict[str, Any]:
    """What differs from the example in a row of the factory; a reference is to a row of its own."""
    varied = {f.name: eval(f.varied, COMPUTED | {"n": n}) for f in fields if f.varied}  # noqa: S307
    return varied | {f.name: None if f.null else n + 2 for f in fields if f.target}


def first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).partition("\n")[0]

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
    asyncio.run(connected(tree, model, fields))


async def connected(tree: Path, model: type[Record], fields: list[Field]) -> None:
    url = parse_database_url(serve_throw_away()).set(database="postgres")
    arguments = {"async_creator_fn": connect}
    engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    async with engine.connect() as connection:
        try:
            await connection.run_sync(revise, tree, model)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a file of the owner's
            says = f"{type(error).__name__}: {first_line(error)}"
            text = f"With the new one, the migrations fail on an empty database. {says}."
            raise Refused(text) from None
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
    table = model.metadata.tables[model.__tablename__]
    counter = inspect(model).version_id_col
    integers = [each for each in table.c if isinstance(each.type, Integer) and not each.nullable]
    others = [each.key for each in integers if each.foreign_keys or each is counter]
    kept = {key: number for number, key in enumerate(others, 1)}
    values = {f.column: f.value for f in fields if f.writable and f.type != "Reference"}
    connection.exec_driver_sql("SET session_replication_role = replica")

    try:
        connection.execute(insert(table).values(kept | values))
    except SQLAlchemyError as error:
        remedy = "Write others into the model: info={'example': …}; or the resource by hand"
        raise Refused(f"{first_line(error)}, by the examples {values}. {remedy}.") from None

    try:
        for n in range(30):  # five of one owner or parent, as the tests make them
            some = {key: number + 1000 * (n // 5) for key, number in kept.items()}
            connection.execute(insert(table).values(some | made(fields, n)))
    except SQLAlchemyError as error:
        path = f"tests/factories/{model.__module__.rpartition('.')[2]}.py"
        print(f"{first_line(error)}. Let {path} make rows that fit.", file=sys.stderr)


def made(fields: list[Field], n: int) -> dict[str, Any]:
    """A row of the factory; each reference is to a row of its own."""
    plain = {f.column: f.value for f in fields if f.in_factory and not f.target}
    varied = {f.column: eval(f.varied, COMPUTED | {"n": n}) for f in fields if f.varied}  # noqa: S307
    links = [f.column for f in fields if f.in_factory and f.target]
    references = {key: 100 * number + n for number, key in enumerate(links, 1)}
    return plain | {key: varied[key] for key in plain if key in varied} | references


def first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).partition("\n")[0]

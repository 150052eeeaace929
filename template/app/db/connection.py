"""How asyncpg connects to the database: with timeouts, and through PgBouncer if there is one."""

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import asyncpg
from asyncpg.exceptions import InvalidCachedStatementError, ReadOnlySQLTransactionError
from sqlalchemy import Connection, Engine, ExceptionContext, ExecutionContext, event
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi as dbapi
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.ext.asyncio import AsyncEngine

from app.config import Settings, settings
from app.db.pool import FairPool
from app.db.url import FILES

PING = "SELECT 1"
PING_TIMEOUT = 1.0  # seconds
CLOSE_TIMEOUT = 0.5
# Of a route that has a time limit of its own: as long as a statement of it may take.
statement_timeout: ContextVar[str | None] = ContextVar("statement_timeout", default=None)


class DriverConnection(asyncpg.Connection):
    """Finds out in a second that a server is silent: what answers no ping is broken."""

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        """SQLAlchemy's ping is `;`. PING, without parameters, is never prepared."""
        if query != ";":
            return await super().fetchrow(query, *args, **options)
        try:
            return await self.execute(PING, timeout=PING_TIMEOUT)
        except TimeoutError:
            self.terminate()
            raise asyncpg.ConnectionDoesNotExistError("The database does not answer.") from None

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's
        with suppress(TimeoutError):  # then asyncpg has cut the connection
            await super().close(timeout=min(timeout or CLOSE_TIMEOUT, CLOSE_TIMEOUT))


async def connect(**given: Any) -> Any:
    """Connect as asyncpg does, but with a timeout for each host: one may be silent."""
    only_in_dsn = (FILES | {"application_name", "options"}) & given.keys()
    dsn = urlencode({name: given.pop(name) for name in only_in_dsn})
    hosts: list[dict[str, Any]] = [{}]
    if isinstance(given.get("host"), list):
        hosts = [{"host": h, "port": p} for h, p in zip(given["host"], given["port"], strict=True)]
    timeout = float(given.pop("connect_timeout", given.get("timeout", 3) / len(hosts)))
    given |= {
        "dsn": f"postgresql:///?{dsn}",
        "timeout": timeout,
        "connection_class": DriverConnection,
    }
    for host in hosts[:-1]:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InternalClientError):
            return await asyncpg.connect(**given | host)
    try:
        return await asyncpg.connect(**given | hosts[-1])
    except asyncpg.ProtocolViolationError as error:
        if "startup parameter" not in str(error):
            raise
        remedy = "Is it PgBouncer? Set DATABASE_PGBOUNCER=true."
        raise asyncpg.ProtocolViolationError(f"{error}. {remedy}") from error


@event.listens_for(Engine, "do_execute")
def prepare_again(
    cursor: DBAPICursor, statement: str, parameters: Any, context: ExecutionContext
) -> bool:
    """Repeat a statement whose columns a migration has changed, where nothing came before it."""
    connection: Any = context.root_connection.connection
    if connection.driver_connection.is_in_transaction():
        return False
    try:
        cursor.execute(statement, parameters)
    except dbapi.InvalidCachedStatementError as error:
        connection.rollback()
        context.handle_dbapi_exception(error)
        context.pre_exec()
        cursor.execute(statement, parameters)
    return True


@event.listens_for(Engine, "handle_error")
def discard(context: ExceptionContext) -> None:
    """Replace the connections of before a failover or a change of a table's columns."""
    stale = InvalidCachedStatementError | ReadOnlySQLTransactionError
    context.is_disconnect |= isinstance(context.original_exception.__cause__, stale)


@event.listens_for(Engine, "set_connection_execution_options")
def keep_server(connection: Connection, options: dict[str, Any]) -> None:
    """Read in a transaction, in requests only: migrations and scripts need a real AUTOCOMMIT.

    Without one, PgBouncer may execute a statement where it was not prepared, and a time limit of
    the route would stay with the connection.
    """
    needed = is_behind_pgbouncer(connection) or statement_timeout.get()
    if needed and options.get("isolation_level") == "AUTOCOMMIT":
        options["isolation_level"] = "READ COMMITTED"


@event.listens_for(Engine, "begin")
def let_statements_take_longer(connection: Connection) -> None:
    if timeout := statement_timeout.get():
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{timeout}'")


@event.listens_for(Engine, "engine_connect")
def keep_server_from_the_start(connection: Connection) -> None:
    """Also where no session sets the level, but the engine does: AUTOCOMMIT."""
    if is_behind_pgbouncer(connection):
        connection.execution_options(isolation_level="READ COMMITTED")


def is_behind_pgbouncer(connection: Connection) -> bool:
    return settings.database_pgbouncer and isinstance(connection.engine.pool, FairPool)


def unprepared() -> dict[str, Any]:
    """Reuse no prepared statement: the next transaction may get another server connection."""
    return {
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__",
    }


def connect_args(settings: Settings) -> dict[str, Any]:
    """Give every wait a timeout: connecting, a statement, a lock, an idle transaction."""
    timeouts = {"async_creator_fn": connect, "timeout": 3, "command_timeout": 60}
    if settings.database_pgbouncer:
        # PgBouncer refuses server settings, too: set these timeouts on the role.
        return timeouts | unprepared()
    server_settings = {
        "application_name": settings.jwt_issuer,
        "statement_timeout": "4000",
        "lock_timeout": "3000",
        "idle_in_transaction_session_timeout": "15000",
    }
    given = str(settings.database_url.query)  # what the URL sets goes before
    ours = {name: value for name, value in server_settings.items() if name not in given}
    return timeouts | {"server_settings": ours}


async def close(engine: AsyncEngine) -> None:
    """Close the connections in the pool. At the end of the process, a silent server delays none."""
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await engine.dispose()

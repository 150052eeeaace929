"""How asyncpg connects to the database: with timeouts, and through PgBouncer if there is one."""

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import asyncpg
from asyncpg.exceptions import InvalidCachedStatementError, ReadOnlySQLTransactionError
from sqlalchemy import Engine, ExceptionContext, event

from app.config import Settings
from app.db.url import FILES


async def connect(**given: Any) -> Any:
    """Connect as asyncpg does, but with a timeout for each host: one may be silent."""
    only_in_dsn = (FILES | {"application_name", "options"}) & given.keys()
    dsn = urlencode({name: given.pop(name) for name in only_in_dsn})
    hosts: list[dict[str, Any]] = [{}]
    if isinstance(given.get("host"), list):
        hosts = [{"host": h, "port": p} for h, p in zip(given["host"], given["port"], strict=True)]
    timeout = float(given.pop("connect_timeout", given.get("timeout", 5) / len(hosts)))
    given |= {"dsn": f"postgresql:///?{dsn}", "timeout": timeout}
    for host in hosts[:-1]:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InternalClientError):
            return await asyncpg.connect(**given | host)
    return await asyncpg.connect(**given | hosts[-1])


@event.listens_for(Engine, "handle_error")
def discard(context: ExceptionContext) -> None:
    """Replace the connections of before a failover or a change of a table's columns."""
    stale = InvalidCachedStatementError | ReadOnlySQLTransactionError
    context.is_disconnect |= isinstance(context.original_exception.__cause__, stale)


def unprepared() -> dict[str, Any]:
    """Reuse no prepared statement: the next transaction may get another server connection."""
    return {
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__",
    }


def connect_args(settings: Settings) -> dict[str, Any]:
    """Give every wait a timeout: connecting, a statement, a lock, an idle transaction."""
    timeouts = {"async_creator_fn": connect, "timeout": 5, "command_timeout": 10}
    if settings.database_pgbouncer:
        # PgBouncer refuses server settings, too: set these timeouts on the role.
        return timeouts | unprepared()
    server_settings = {
        "application_name": settings.jwt_issuer,
        "statement_timeout": "5000",
        "lock_timeout": "3000",
        "idle_in_transaction_session_timeout": "15000",
    }
    given = str(settings.database_url.query)  # what the URL sets goes before
    ours = {name: value for name, value in server_settings.items() if name not in given}
    return timeouts | {"server_settings": ours}

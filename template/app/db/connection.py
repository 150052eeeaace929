"""How asyncpg connects to the database: with timeouts, and through PgBouncer if there is one."""

from typing import Any
from uuid import uuid4

from asyncpg.exceptions import InvalidCachedStatementError, ReadOnlySQLTransactionError
from sqlalchemy import Engine, ExceptionContext, event

from app.config import Settings


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
    timeouts = {"timeout": 5, "command_timeout": 10}
    if settings.database_pgbouncer:
        # PgBouncer refuses server settings, too: set these timeouts on the role.
        return timeouts | unprepared()
    return timeouts | {
        "server_settings": {
            "application_name": settings.jwt_issuer,
            "statement_timeout": "5000",
            "lock_timeout": "3000",
            "idle_in_transaction_session_timeout": "15000",
        }
    }

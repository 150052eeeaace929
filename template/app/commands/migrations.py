"""Migrating a database in use: one run at a time, and each wait has a limit and a line about it."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import aclosing, suppress

from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.config import settings
from app.db.connection import connect, unprepared

# Of every transaction: while a migration waits for a table, all later queries wait behind it.
LIMITS = ["SET LOCAL statement_timeout = 0", "SET LOCAL lock_timeout = '3s'"]
# Whatever role and database say: the transaction with the lock is idle while migrations run.
ENDLESS = text("""SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN
    ('idle_in_transaction_session_timeout', 'transaction_timeout')""")
TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('alembic'))")
# Who blocks a process, or has the lock if that is 0. Never the query: it may hold personal data.
WHO = text("""
    SELECT pid, format('pid %s (%s, %s, last query at %s)', pid,
        coalesce(nullif(application_name, ''), backend_type, 'a prepared transaction'),
        coalesce(state, 'state unknown'), coalesce(date_trunc('second', query_start)::text, '?'))
    FROM (SELECT unnest(pg_blocking_pids(CAST(:pid AS integer))) AS pid
        UNION SELECT pid FROM pg_locks WHERE CAST(:pid AS integer) = 0 AND granted
        AND locktype = 'advisory' AND (objid, objsubid) = (hashtext('alembic')::oid, 1)
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS blocking LEFT JOIN pg_stat_activity USING (pid)""")


def set_limits(connection: Connection) -> None:
    """When a transaction begins, also after an `autocommit_block`, which ended the one before."""
    info = connection.info
    info["committed"] = "pid" in info  # the transaction before, or this one would not begin
    info["limit"] = info.get("wait")
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        info["limit"] = 3
        for statement in LIMITS:
            connection.exec_driver_sql(statement)
    info["pid"] = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()


async def run(migrate: Callable[[Connection], None], wait: int) -> None:
    """Migrate when no other run does. Raise `CommandError` if one still does after `wait` s."""
    # Unprepared, because PgBouncer may be between. It refuses server settings, too.
    arguments = unprepared() | {"async_creator_fn": connect}
    if not settings.database_pgbouncer:
        # For an `autocommit_block`: CREATE INDEX CONCURRENTLY takes long, waits for every older
        # transaction, and no query waits behind it.
        limits = {"statement_timeout": "0", "lock_timeout": f"{wait}s"}
        arguments["server_settings"] = {"application_name": "alembic"} | limits
    url = settings.database_url
    engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    async with aclosing(await connected(engine)) as lock:
        await take_turn(lock, wait)
        async with aclosing(await connected(engine)) as connection:
            connection.info["wait"] = wait
            await migrate_watched(connection, migrate)


async def connected(engine: AsyncEngine) -> AsyncConnection:
    try:
        return await engine.connect()
    except (OSError, DBAPIError) as error:
        reason = error.driver_exception if isinstance(error, DBAPIError) else error
        url = settings.database_url.set(drivername="postgresql")
        raise CommandError(
            f"No database at {url}: {str(reason) or 'it does not answer'}. "
            "Start one with `poe db`, or set DATABASE_URL."
        ) from None


async def take_turn(lock: AsyncConnection, wait: int) -> None:
    """Begin the transaction that has the lock: on a connection of its own, where nothing ends it.

    Each attempt is a new one, because CREATE INDEX CONCURRENTLY waits for those with a snapshot.
    """
    who = ""
    try:
        async with asyncio.timeout(wait):
            while not await try_lock(lock):
                if not who and (who := ", ".join((await describe(lock, 0)).values())):
                    tell(f"Waiting up to {wait} s for another run of migrations: {who}")
                await lock.rollback()
                await asyncio.sleep(0.5)
            # A SELECT has its snapshot until the next statement. This one has none.
            await lock.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    except TimeoutError:
        raise CommandError(
            f"Waited {wait} s for another run of migrations: {who}. Nothing was changed. "
            "Try again, or wait longer: `alembic -x wait=SECONDS upgrade head`."
        ) from None


async def try_lock(lock: AsyncConnection) -> bool:
    await lock.execute(ENDLESS)
    return bool(await lock.scalar(TRY_LOCK))


async def migrate_watched(
    connection: AsyncConnection, migrate: Callable[[Connection], None]
) -> None:
    watcher = asyncio.create_task(watch(connection))
    try:
        await connection.run_sync(migrate)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in {"40P01", "55P03"}:
            raise
        info = connection.info
        kept = "What was committed before stays" if info["committed"] else "Nothing was changed"
        raise CommandError(
            f"{error.driver_exception}: waited {info.get('blockers', 'for another transaction')}. "
            f"{kept}. Try again at a quieter time, or end what blocks it first."
        ) from None
    finally:
        watcher.cancel()
        await asyncio.wait([watcher])


async def watch(migrating: AsyncConnection) -> None:
    """Tell who blocks it, over another connection than the lock's: a query there would block it."""
    told: set[int] = set()
    with suppress(OSError, DBAPIError):
        await asyncio.sleep(0.5)  # most migrations have ended then
        async with migrating.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            while True:
                if who := await describe(connection, migrating.info.get("pid", -1)):
                    blockers = f"up to {migrating.info['limit']} s for {', '.join(who.values())}"
                    migrating.info["blockers"] = blockers
                    if who.keys() - told:
                        tell(f"Waiting {blockers}")
                    told |= who.keys()
                await asyncio.sleep(0.5)


async def describe(connection: AsyncConnection, pid: int) -> dict[int, str]:
    return {row.pid: row.format for row in await connection.execute(WHO, {"pid": pid})}


def tell(line: str) -> None:
    print(line, file=sys.stderr)

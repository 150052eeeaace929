"""Everything the service sends to PostgreSQL, transaction control and pings included."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

from app.config import settings
from app.db.connection import PING, connect_args
from app.db.session import SessionLocal, engine


class Statements:
    """The first word of each statement since the last `take`, and how often the pool was asked."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.connections = 0

    async def take(self) -> list[str]:
        await asyncio.sleep(0)  # asyncpg calls its loggers one turn of the loop later
        words, self.words, self.connections = self.words, [], 0
        return words

    # asyncpg logs BEGIN, COMMIT and the ping, but no prepared statement; SQLAlchemy only those.
    def on_control(self, record: Any) -> None:
        self.words.append("ping" if record.query == PING else record.query.split()[0].rstrip(";"))

    def on_statement(self, conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        self.words.append(statement.split()[0])

    def on_checkout(self, dbapi_connection: Any, *_: Any) -> None:
        self.connections += 1
        dbapi_connection.driver_connection.add_query_logger(self.on_control)


@pytest.fixture
async def wide_pool(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Connections enough for requests to meet; the pool of one would let them pass in turn."""
    wide = create_async_engine(
        settings.database_url,
        isolation_level="AUTOCOMMIT",
        pool_size=5,
        connect_args=connect_args(settings),
    )
    connections = [await wide.connect() for _ in range(5)]  # now, or connecting would order them
    for connection in connections:
        await connection.close()
    monkeypatch.setitem(SessionLocal.kw, "bind", wide)
    yield
    await wide.dispose()


@pytest.fixture
async def statements(committing_client: AsyncClient) -> AsyncIterator[Statements]:
    recorder = Statements()
    event.listen(engine.sync_engine, "checkout", recorder.on_checkout)
    event.listen(engine.sync_engine, "after_cursor_execute", recorder.on_statement)
    async with SessionLocal() as db:  # a new connection asks for the server's version first
        await db.connection()
    await recorder.take()
    yield recorder
    event.remove(engine.sync_engine, "checkout", recorder.on_checkout)
    event.remove(engine.sync_engine, "after_cursor_execute", recorder.on_statement)

"""A pool whose queue is fair: who waits longest gets the next connection."""

import asyncio
import logging
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.util import await_

logging.getLogger(__name__).setLevel(logging.WARNING)  # as SQLAlchemy does for its own pools


class FairPool(AsyncAdaptedQueuePool):
    """In SQLAlchemy's own queue a newcomer takes what was given back, and others time out."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.turns = asyncio.Semaphore(self.size() + options.get("max_overflow", 10))
        event.listen(self, "checkin", end_turn)
        event.listen(self, "detach", end_turn)

    def connect(self) -> PoolProxiedConnection:
        """Wait for a turn, then take a connection, which is free. Raises SQLAlchemy's error."""
        await_(self.wait())
        try:
            connection = super().connect()
        except BaseException:
            self.turns.release()
            raise
        connection.record_info["turn"] = self.turns  # type: ignore[index]  # None outside a pool
        return connection

    async def wait(self) -> None:
        try:
            async with asyncio.timeout(self.timeout()):
                await self.turns.acquire()
        except TimeoutError:
            raise PoolTimeout("No connection was given back in time (pool exhausted).") from None


def end_turn(_: Any, record: ConnectionPoolEntry) -> None:
    if turns := record.record_info.pop("turn", None):  # type: ignore[union-attr]
        turns.release()

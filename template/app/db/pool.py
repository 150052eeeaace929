"""A pool whose queue is fair: who waits longest gets the next connection."""

import asyncio
import logging
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, Pool, PoolProxiedConnection
from sqlalchemy.util import await_

# A pool logs below its own module, and SQLAlchemy silences what is below "sqlalchemy" alone.
logging.getLogger(__name__).setLevel(logging.WARNING)


class FairPool(AsyncAdaptedQueuePool):
    """In SQLAlchemy's own queue a newcomer takes what was given back, and others time out."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.turns = asyncio.Semaphore(self.size())  # max_overflow is 0

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


# On the base class: SQLAlchemy has no events for a class of asyncio's pools.
@event.listens_for(Pool, "checkin")
@event.listens_for(Pool, "detach")
def end_turn(_: Any, record: ConnectionPoolEntry) -> None:
    if turns := record.record_info.pop("turn", None):  # type: ignore[union-attr]
        turns.release()

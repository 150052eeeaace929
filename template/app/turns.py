"""Waiting for a turn: first come, first served, not for long, and not for clients who left."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar

from app.errors import Busy

PATIENCE = 3.0  # seconds


async def nobody_left() -> bool:
    return False


# Whether the client of this request has closed its connection; the middleware sets it.
client_left: ContextVar[Callable[[], Awaitable[bool]]] = ContextVar("left", default=nobody_left)


@asynccontextmanager
async def turn(semaphore: asyncio.Semaphore) -> AsyncIterator[None]:
    """Wait for the semaphore. Raises `Busy` if that takes long, or nobody waits for the answer."""
    try:
        async with asyncio.timeout(PATIENCE):
            await semaphore.acquire()
    except TimeoutError:
        raise Busy from None
    try:
        if await client_left.get()():
            raise Busy
        yield
    finally:
        semaphore.release()

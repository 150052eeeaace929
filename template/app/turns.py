"""A queue for scarce work: first in, first out, not for long, and not for clients who hung up."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from app.errors import Busy

PATIENCE = 3.0  # seconds


async def nobody_left() -> bool:
    return False


# Whether the client has hung up before its answer; the middleware sets it. Read the body first:
# asking takes what is left of it.
client_left: ContextVar[Callable[[], Awaitable[bool]]] = ContextVar("left", default=nobody_left)


async def in_turn[**P, T](
    semaphore: asyncio.Semaphore, function: Callable[P, T], *args: P.args, **options: P.kwargs
) -> T:
    """Run it in a thread when it is its turn, which ends with the thread, not with the request.

    Raises `Busy` if the turn does not come soon, or the client has hung up.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            await semaphore.acquire()
    except TimeoutError:
        raise Busy from None
    try:
        if await client_left.get()():
            raise Busy
        work = asyncio.create_task(asyncio.to_thread(function, *args, **options))
    except BaseException:
        semaphore.release()
        raise
    work.add_done_callback(lambda _: semaphore.release())
    return await asyncio.shield(work)

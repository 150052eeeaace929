"""One limit of time for all that a request waits for: REQUEST_TIMEOUT."""

import asyncio

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog import get_logger

from app.api.problems import RETRY, problem
from app.db.connection import statement_timeout

logger = get_logger(__name__)


class TimeLimit:
    """A limit for one route, and for its statements: `dependencies=[Depends(TimeLimit(30))]`.

    None is no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds

    async def __call__(self, request: Request) -> None:
        end = None if self.seconds is None else asyncio.get_running_loop().time() + self.seconds
        request.scope["timeout"].reschedule(end)
        statement_timeout.set(f"{self.seconds or 0}s")


class TimeLimitMiddleware:
    """Answers 503 for a request that takes longer, whose transaction is rolled back.

    Neither waiting for the body nor sending the response counts: uploads and streams take as long
    as they take.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        timeout = scope["timeout"] = asyncio.timeout(self.seconds)
        statement_timeout.set(None)
        loop = asyncio.get_running_loop()

        async def receive_without_limit() -> Message:
            end, asked = timeout.when(), loop.time()
            if end is None or timeout.expired():
                return await receive()
            timeout.reschedule(None)
            try:
                return await receive()
            finally:
                if scope["status"] is None:  # a stream listens for a disconnect until its end
                    timeout.reschedule(end + loop.time() - asked)

        async def send_without_limit(message: Message) -> None:
            if not timeout.expired():  # else an error handler answers what the limit has broken
                timeout.reschedule(None)
            await send(message)

        try:
            async with timeout:
                await self.app(scope, receive_without_limit, send_without_limit)
        except TimeoutError:
            if not timeout.expired() or scope["status"] is not None:
                raise
            logger.warning("request_timed_out")
            slow = problem(503, "This takes too long. Wait, and try again.", headers=RETRY)
            await slow(scope, receive, send)

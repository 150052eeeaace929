"""An event stream has no end, and httpx waits for one: the client of a test hangs up early."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_WAIT = 0.5  # seconds, for the first event


def hanging_up(app: ASGIApp) -> ASGIApp:
    """The app, whose client is gone after the first part of a `text/event-stream`."""

    async def hang_up_early(scope: Scope, receive: Receive, send: Send) -> None:
        gone, sent, is_endless = asyncio.Event(), False, False

        async def receive_or_hang_up() -> Message:
            nonlocal sent
            if sent:
                await gone.wait()
                return {"type": "http.disconnect"}
            message = await receive()
            sent = not message.get("more_body")
            return message

        async def send_until_gone(message: Message) -> None:
            nonlocal is_endless
            if gone.is_set():
                return
            await send(message)
            if message["type"] == "http.response.start":
                kind = Headers(raw=message["headers"]).get("content-type", "")
                if is_endless := kind.startswith("text/event-stream"):
                    asyncio.get_running_loop().call_later(LONGEST_WAIT, gone.set)
            elif not message.get("more_body") or (is_endless and message.get("body")):
                gone.set()
                is_endless = bool(message.get("more_body"))

        await app(scope, receive_or_hang_up, send_until_gone)
        if is_endless:
            await send({"type": "http.response.body", "more_body": False})

    return hang_up_early

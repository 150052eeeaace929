"""Middleware around every request. Pure ASGI: `BaseHTTPMiddleware` is slow."""

import logging
import re
from http import HTTPStatus
from time import perf_counter
from uuid import uuid4

from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog import get_logger
from structlog.contextvars import bind_contextvars, clear_contextvars

from app.api import PREFIX
from app.api.problems import problem
from app.api.streams import explain
from app.turns import client_left

logger = get_logger(__name__)

REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
VARY = {"Vary": "Origin"}
# Pages whose scripts the policy would stop: by path, and FastAPI's own, wherever, by function.
DOCS = {"/docs", "/redoc", "/docs/oauth2-redirect"}
DOCS |= {"swagger_ui_html", "redoc_html", "swagger_ui_redirect"}


class RequestBoundary:
    """The outermost layer: gives a request its id and log line, and every response its headers."""

    def __init__(self, app: ASGIApp, log_client_address: bool) -> None:
        self.app = app
        self.log_client_address = log_client_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        clear_contextvars()
        client = scope.get("client") if self.log_client_address else None
        known = {"client_address": client[0]} if client else {}
        bind_contextvars(request_id=request_id(scope), **known)
        request = Request(scope, receive)

        async def left() -> bool:  # after the response, a server says so of every client
            return not scope["answered"] and await request.is_disconnected()

        client_left.set(left)
        started = perf_counter()
        scope["status"], scope["answered"] = None, False

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["status"] = message["status"]
                add_headers(message, scope)
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            scope["answered"] = ended

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            log(scope, perf_counter() - started)


class CrashBoundary:
    """Answers a crash with a 500. Inside CORS, or no page of another site could read the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            explain(error)
            # By `logging`, where error trackers listen; they do not see a line of structlog.
            logging.getLogger(__name__).exception("request crashed")
            if scope["status"] is None:
                await problem(500)(scope, receive, send)
            elif not scope["answered"]:
                raise  # part of the response is sent: only closing the connection tells the client


def request_id(scope: Scope) -> str:
    """Set the id: the caller's X-Request-ID, or a new one if theirs could be log injection."""
    given = Headers(scope=scope).get("x-request-id", "")
    scope["request_id"] = given if REQUEST_ID.fullmatch(given) else uuid4().hex
    return str(scope["request_id"])


def add_headers(message: Message, scope: Scope) -> None:
    """They prevent clickjacking, MIME sniffing, and copies of secrets in caches and referrers."""
    headers = MutableHeaders(scope=message)
    headers["X-Request-ID"] = scope["request_id"]
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    function = getattr(scope.get("endpoint"), "__name__", None)
    if DOCS & {path, function} and headers.get("Content-Type", "").startswith("text/html"):
        del headers["Content-Security-Policy"]


def log(scope: Scope, seconds: float) -> None:
    """One line per request. It names the route, not the path, which may hold personal data."""
    route, status = scope.get("route"), scope["status"]
    probe = isinstance(route, APIRoute) and "health" in route.tags and status == HTTPStatus.OK
    logger.log(
        logging.DEBUG if probe else logging.INFO,
        "request",
        method=scope["method"],
        route=f"{PREFIX}{route.path_format}" if isinstance(route, APIRoute) else None,
        status=status,
        duration_ms=round(seconds * 1000, 1),
    )


class Cors(CORSMiddleware):
    """Answers a refused preflight with a problem, like every other error."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code == HTTPStatus.OK:
            return response
        return problem(response.status_code, f"{bytes(response.body).decode()}.", headers=VARY)


class BodyLimit:
    """Refuses a body of more than `max_bytes`, which would exhaust the memory (DoS)."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        too_large = f"The body is larger than {self.max_bytes} bytes."
        if int(Headers(scope=scope).get("content-length", 0)) > self.max_bytes:
            return await problem(413, too_large)(scope, receive, send)
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise HTTPException(status_code=413, detail=too_large)
            return message

        await self.app(scope, receive_counted, send)

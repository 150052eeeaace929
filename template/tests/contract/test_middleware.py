"""What happens to every request, whatever its route."""

import pytest
from fastapi import FastAPI, WebSocket
from httpx import ASGITransport, AsyncClient
from structlog.contextvars import bind_contextvars, merge_contextvars
from structlog.testing import capture_logs

from app.api.deps import SettingsDep
from app.config import Settings
from app.main import create_app


async def test_a_request_leaves_one_line(client: AsyncClient) -> None:
    with capture_logs([merge_contextvars]) as logs:
        await client.get("/users/1", headers={"X-Request-ID": "a-1"})

    (line,) = logs
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "request_id": "a-1",
        "method": "GET",
        "route": "/users/{user_id}",
        "status": 401,
    }


async def test_a_request_inherits_nothing_from_the_one_before(client: AsyncClient) -> None:
    bind_contextvars(user_id=1, request_id="a-1")

    with capture_logs([merge_contextvars]) as logs:
        await client.get("/health/live", headers={"X-Request-ID": "a-2"})

    assert [(line.get("user_id"), line["request_id"]) for line in logs] == [(None, "a-2")]


async def test_a_request_id_is_handed_back(client: AsyncClient) -> None:
    response = await client.get("/health/live", headers={"X-Request-ID": "a-1"})

    assert response.headers["x-request-id"] == "a-1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", "a;b"])
async def test_a_request_id_unfit_for_a_log_is_replaced(client: AsyncClient, given: str) -> None:
    response = await client.get("/health/live", headers={b"X-Request-ID": given.encode()})

    assert len(response.headers["x-request-id"]) == 32


def client_of(app: FastAPI) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app=app), base_url="http://test")


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
async def test_the_documentation_can_be_off(path: str) -> None:
    async with client_of(create_app(Settings(docs_enabled=False))) as client:
        assert (await client.get(path)).status_code == 404


async def test_a_route_may_ask_for_the_settings(app: FastAPI, client: AsyncClient) -> None:
    @app.get("/title", response_model=str)
    async def title(settings: SettingsDep) -> str:
        return settings.title

    assert (await client.get("/title")).json() == Settings().title


async def test_what_is_not_http_passes_through(app: FastAPI) -> None:
    """A websocket has no status and no body limit."""

    @app.websocket("/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    sent = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message["type"])

    scope = {
        "type": "websocket",
        "path": "/echo",
        "raw_path": b"/echo",
        "query_string": b"",
        "headers": [],
        "subprotocols": [],
    }
    await app(scope, receive, send)  # type: ignore[arg-type]

    assert sent == ["websocket.accept", "websocket.close"]

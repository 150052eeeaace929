"""What happens to every request, whatever its route."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from structlog.contextvars import bind_contextvars, merge_contextvars
from structlog.testing import capture_logs

from app.api.deps import SettingsDep
from app.config import Settings


async def test_request_is_logged_in_one_line(client: AsyncClient) -> None:
    """The line names the route, not the path, and takes nothing from the request before."""
    bind_contextvars(user_id=1, request_id="a-1")

    with capture_logs([merge_contextvars]) as logs:
        response = await client.get("/users/1", headers={"X-Request-ID": "a-2"})

    (line,) = logs
    assert response.headers["x-request-id"] == "a-2"
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "request_id": "a-2",
        "method": "GET",
        "route": "/users/{user_id}",
        "status": 401,
    }


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é"])
async def test_unsafe_request_id_is_replaced(client: AsyncClient, given: str) -> None:
    """Log injection, header injection."""
    response = await client.get("/health/live", headers={b"X-Request-ID": given.encode("latin-1")})

    assert len(response.headers["x-request-id"]) == 32


async def test_route_may_ask_for_the_settings(app: FastAPI, client: AsyncClient) -> None:
    @app.get("/title", response_model=str)
    async def title(settings: SettingsDep) -> str:
        return settings.title

    assert (await client.get("/title")).json() == Settings().title

"""What a page of another site may send and read, if its origin is in CORS_ORIGINS."""

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from app.config import Settings, read_settings
from app.main import create_app

PAGE = "https://app.example.com"


async def answers_to(app: FastAPI, wanted: str) -> tuple[Response, Response]:
    """The answer to a crash, and the one to a preflight that wants to send these headers."""

    @app.get("/crash", response_model=None)
    async def crash() -> None:
        raise LookupError

    page = {"Origin": PAGE}
    asks = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": wanted}
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        response = await client.get("/crash", headers=page)
        return response, await client.options("/crash", headers=page | asks)


def exposed(response: Response) -> list[str]:
    return response.headers["access-control-expose-headers"].split(", ")


async def test_crash_can_be_read_by_the_page() -> None:
    """Without CORS headers a browser says "network error", whatever the answer."""
    response, _ = await answers_to(create_app(Settings(cors_origins=[PAGE])), "authorization")

    assert response.status_code == 500
    assert response.json()["status"] == 500
    assert response.headers["access-control-allow-origin"] == PAGE
    assert {"Content-Disposition", "Retry-After", "X-Request-ID"} <= {*exposed(response)}
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("wanted", "status"), [("idempotency-key, if-match", 200), ("x-tenant", 400)]
)
async def test_page_may_send_the_usual_headers(wanted: str, status: int) -> None:
    _, preflight = await answers_to(create_app(Settings(cors_origins=[PAGE])), wanted)

    assert preflight.status_code == status


async def test_headers_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", PAGE)
    monkeypatch.setenv("CORS_HEADERS", "X-Tenant, Authorization")

    response, preflight = await answers_to(create_app(read_settings()), "x-tenant")

    assert preflight.status_code == 200
    assert sorted(exposed(response)) == ["Authorization", "X-Tenant"]


@pytest.mark.parametrize("value", ["*", "X-Tenant: 1", "X-A, X B", "X-Ä", "X_A\n"])
def test_wrong_headers_are_refused_with_the_remedy(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORS_HEADERS", value)

    with pytest.raises(SystemExit, match="CORS_HEADERS takes names of headers such as"):
        read_settings()

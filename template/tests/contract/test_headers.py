"""The headers of every kind of answer, all of them: one that is new or gone turns this red."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings, settings
from app.main import create_app
from app.models.users import User
from tests.accounts import Headers, log_in, refresh
from tests.contract.accounts import ANSWERS

PAGE = "https://app.example.com"
FIXED = {name: value for name, value in ANSWERS.headers.items() if value is not None}
CONTENT = {"content-length", "content-type"}


def assert_headers(response: Response, status: int, *more: str) -> None:
    assert response.status_code == status
    assert FIXED.items() <= dict(response.headers).items()
    assert response.headers.keys() == ANSWERS.headers.keys() | set(more)


@pytest.mark.parametrize(
    ("status", "method", "path", "more"),
    [
        (200, "GET", "/health/live", CONTENT),
        (204, "POST", "/auth/logout", {"content-type"}),
        (401, "GET", "/users/me", CONTENT | {"www-authenticate"}),
        (403, "GET", "/users", CONTENT),
        (404, "GET", "/no", CONTENT),
        (405, "DELETE", "/health/live", CONTENT | {"allow"}),
        (422, "GET", "/users/0", CONTENT),
        (500, "GET", "/crash", CONTENT),
    ],
)
async def test_the_headers_of_an_answer(
    app: FastAPI,
    client: AsyncClient,
    headers: Headers,
    status: int,
    method: str,
    path: str,
    more: set[str],
) -> None:
    @app.get("/crash", status_code=204, response_model=None)
    async def crash() -> None:
        raise LookupError

    response = await client.request(method, path, headers=headers if status != 401 else {})

    assert_headers(response, status, *more)


async def test_the_headers_of_a_refused_body(client: AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * (settings.max_body_bytes // 2)

    too_large = b"x" * (settings.max_body_bytes + 1)
    announced = await client.post("/auth/refresh", content=too_large)
    streamed = await client.post(
        "/auth/refresh", content=chunks(), headers={"Content-Type": "application/json"}
    )

    assert_headers(announced, 413, *CONTENT)
    assert_headers(streamed, 413, *CONTENT)


async def test_no_cache_keeps_a_token(client: AsyncClient, db: AsyncSession, user: User) -> None:
    signed_in = await log_in(client, user.email)
    refreshed = await refresh(client, signed_in.json()["refresh_token"])

    assert_headers(signed_in, 200, *CONTENT)
    assert_headers(refreshed, 200, *CONTENT)


@pytest.fixture
async def called_by_pages() -> AsyncIterator[AsyncClient]:
    """A service that one page, `PAGE`, may call."""
    app = create_app(Settings(cors_origins=[PAGE]))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        yield client


def granted(response: Response) -> dict[str, str]:
    """What the answer lets a page do."""
    return {
        name: value
        for name, value in response.headers.items()
        if name.startswith("access-control-")
    }


async def test_a_listed_page_reads_the_answer(called_by_pages: AsyncClient) -> None:
    response = await called_by_pages.get("/health/live", headers={"Origin": PAGE})

    assert_headers(response, 200, *CONTENT, *granted(response), "vary")
    assert response.headers["vary"] == "Origin"
    assert granted(response) == {
        "access-control-allow-origin": PAGE,
        "access-control-expose-headers": "X-Request-ID",
    }


async def test_a_listed_page_may_send_a_token(called_by_pages: AsyncClient) -> None:
    preflight = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, content-type",
    }

    response = await called_by_pages.options("/users/me", headers=preflight)

    assert_headers(response, 200, *CONTENT, *granted(response), "vary")
    assert granted(response).keys() == {
        "access-control-allow-origin",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-max-age",
    }
    assert response.headers["access-control-allow-origin"] == PAGE
    assert "PATCH" in response.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "http://app.example.com",
        "https://app.example.com.evil.com",
        "https://app.example.com:8443",
        "https://APP.example.com",
        "null",
        "*",
    ],
)
async def test_no_other_page_may_do_anything(called_by_pages: AsyncClient, origin: str) -> None:
    preflight = {"Origin": origin, "Access-Control-Request-Method": "PATCH"}

    response = await called_by_pages.get("/health/live", headers={"Origin": origin})
    refused = await called_by_pages.options("/users/me", headers=preflight)

    assert "access-control-allow-origin" not in granted(response) | granted(refused)
    assert "access-control-allow-credentials" not in granted(response) | granted(refused)
    assert_headers(response, 200, *CONTENT, *granted(response), "vary")
    assert_headers(refused, 400, *CONTENT, *granted(refused), "vary")


async def test_without_listed_pages_there_is_no_preflight(client: AsyncClient) -> None:
    preflight = {"Origin": PAGE, "Access-Control-Request-Method": "PATCH"}

    response = await client.options("/users/me", headers=preflight)

    assert_headers(response, 405, *CONTENT, "allow")

"""The headers of a response, all of them: one that is new or gone fails a test here.

That no response of any test lacks one is seen by `conformance.py`.
"""

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from app.config import Settings
from app.main import create_app
from tests.contract.accounts import ANSWERS
from tests.contract.answers import ask

UNCHECKED = {"content-length", "content-type"}
PAGE = "https://app.example.com"
PREFLIGHT = {"Access-Control-Request-Method": "PATCH"}
FIXED = {name: value for name, value in ANSWERS.headers.items() if value is not None}


async def crash() -> None:
    raise LookupError


@pytest.mark.parametrize(
    ("status", "method", "path", "more"),
    [
        (200, "GET", "/health/live", []),
        (401, "GET", "/users/me", ["www-authenticate"]),
        (405, "OPTIONS", "/users/me", ["allow"]),
        (500, "GET", "/crash", []),
    ],
)
async def test_response_has_the_security_headers(
    app: FastAPI, client: AsyncClient, status: int, method: str, path: str, more: list[str]
) -> None:
    """XSS, clickjacking, MIME sniffing, downgrade to HTTP; and CORS, which is off by default."""
    app.get("/crash", response_model=None)(crash)

    response = await client.request(method, path, headers={"Origin": PAGE, **PREFLIGHT})

    assert response.status_code == status
    found = {name: value for name, value in response.headers.items() if name not in UNCHECKED}
    assert found.keys() == {*ANSWERS.headers, *more}, ask("headers", "x-name", "its value")
    changed = FIXED.items() - found.items()
    assert not changed, ask("headers", *changed.pop())


async def test_documentation_page_may_run_its_scripts() -> None:
    app = create_app(Settings(docs_enabled=True))

    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        response = await client.get("/docs")

    assert response.status_code == 200
    assert "content-security-policy" not in response.headers


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (PAGE, 200),
        ("https://evil.example.com", 400),
        ("https://app.example.com.evil.com", 400),
        ("null", 400),
    ],
)
async def test_only_listed_origins_have_access(origin: str, status: int) -> None:
    """CSRF and data theft: a foreign page calls the service from the browser of a user."""
    app = create_app(Settings(cors_origins=[PAGE]))
    app.get("/crash", response_model=None)(crash)
    page = {"Origin": origin}
    sent = {"Access-Control-Request-Headers": "authorization, content-type"}

    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        response = await client.get("/crash", headers=page)
        preflight = await client.options("/users/me", headers=page | PREFLIGHT | sent)

    assert preflight.status_code == status
    assert response.status_code == 500
    for each in (response, preflight):
        assert each.headers.get("access-control-allow-origin") == (PAGE if origin == PAGE else None)
        assert "access-control-allow-credentials" not in each.headers
        assert "Origin" in each.headers["vary"]

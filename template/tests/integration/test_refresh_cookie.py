"""REFRESH_TOKEN_COOKIE: half of the refresh token is in a cookie."""

import pytest
from httpx import AsyncClient, Response

from app.api import refresh_cookie
from app.config import settings
from app.models.users import User
from tests.accounts import log_in, refresh


@pytest.fixture
def browser(committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> AsyncClient:
    """A client that keeps cookies, over HTTPS."""
    cookie_mode = settings.model_copy(update={"refresh_token_cookie": True})
    monkeypatch.setattr(refresh_cookie, "settings", cookie_mode)
    committing_client.base_url = "https://test"
    return committing_client


def token_in(response: Response) -> str:
    return str(response.json()["refresh_token"])


async def test_cookie_is_out_of_reach_of_scripts_and_other_sites(
    browser: AsyncClient, user: User
) -> None:
    """XSS reads no HttpOnly cookie, and CSRF sends no SameSite one."""
    response = await log_in(browser, user.email)

    assert "." not in token_in(response)
    parts = response.headers["set-cookie"].split("; ")
    assert parts[0].startswith("refresh_token=")
    assert set(parts[1:]) == {
        "HttpOnly",
        "Max-Age=2592000",
        "Path=/auth",
        "SameSite=strict",
        "Secure",
    }


async def test_refresh_rotates_the_cookie(browser: AsyncClient, user: User) -> None:
    token = token_in(await log_in(browser, user.email))
    first = browser.cookies["refresh_token"]

    refreshed = await refresh(browser, token)

    assert refreshed.status_code == 200
    assert token_in(refreshed) == token
    assert browser.cookies["refresh_token"] != first
    assert (await refresh(browser, token)).status_code == 200


async def test_neither_half_works_alone(browser: AsyncClient, user: User) -> None:
    """CSRF has the cookie and not the body; XSS has the body and not the cookie.

    Neither is reuse: the session goes on.
    """
    token = token_in(await log_in(browser, user.email))
    secret = browser.cookies.pop("refresh_token")

    assert (await refresh(browser, token)).status_code == 401
    assert (await refresh(browser, f"{token}.{secret}")).status_code == 401
    browser.cookies["refresh_token"] = secret
    assert (await refresh(browser, "x")).status_code == 401
    assert (await refresh(browser, token)).status_code == 200


async def test_cookie_is_off_by_default(client: AsyncClient, user: User) -> None:
    response = await log_in(client, user.email)

    assert "set-cookie" not in response.headers
    assert "." in token_in(response)

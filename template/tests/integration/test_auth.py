"""What `/auth` promises: register, log in, refresh, log out."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import utc_now
from app.models.login_sessions import LoginSession
from app.models.users import User
from app.services import login_sessions as login_session_service
from tests.accounts import (
    NEW_PASSWORD,
    assert_revoked,
    bearer,
    log_in,
    login_status,
    read_me,
    refresh,
    refresh_token_of,
    register,
)

CHANGE = {"current_password": "x", "new_password": NEW_PASSWORD}
RESET = {"reset_token": "x", "new_password": NEW_PASSWORD}
INVALID_TOKEN = 'Bearer error="invalid_token"'


async def test_registered_user_logs_in(client: AsyncClient) -> None:
    registered = await register(client, email="New@Example.com")
    tokens = (await log_in(client, "new@EXAMPLE.com")).json()

    assert registered.status_code == 201
    assert registered.json()["email"] == "new@example.com"
    assert "password" not in registered.text
    me = (await read_me(client, tokens["access_token"])).json()
    assert me | {"last_login_at": None} == registered.json()


async def test_duplicate_email_is_409(client: AsyncClient, user: User) -> None:
    response = await register(client, email=user.email.upper())

    assert response.status_code == 409


async def test_concurrent_registrations_of_one_email_succeed_once(
    committing_client: AsyncClient, wide_pool: None
) -> None:
    responses = await asyncio.gather(*(register(committing_client) for _ in range(20)))

    assert Counter(response.status_code for response in responses) == {201: 1, 409: 19}


@pytest.mark.parametrize("field", ["role", "disabled", "id"])
async def test_mass_assignment_at_registration_is_422(client: AsyncClient, field: str) -> None:
    """Mass assignment: a caller sets a field that only the server may set."""
    response = await register(client, **{field: "admin"})

    assert response.status_code == 422


@pytest.mark.parametrize(
    "email",
    [
        "J\u030cane@example.com",
        "\u039f\u03b4\u03bf\u03a3@example.com",
        "u@XN--mnchen-3ya.de",
    ],
)
async def test_email_is_normalised(client: AsyncClient, email: str) -> None:
    """An address in another case or Unicode form belongs to the same account."""
    registered = await register(client, email=email)
    stored = registered.json()["email"]

    assert (await log_in(client, email)).status_code == 200
    assert (await log_in(client, stored)).status_code == 200
    assert (await register(client, email=stored.upper())).status_code == 409


@pytest.mark.parametrize(
    "email",
    [
        "u",
        "u@localhost",
        "u@m\u00fcnchen.de",
        "u@\uff25xample.com",
        "u@example.com.",
        "u@-example.com",
        "u@[127.0.0.1]",
        "u@example.com\n",
        "u u@example.com",
        "u\u200b@example.com",
        '"u"@example.com',
        ".u@example.com",
        "u..u@example.com",
        "u" * 243 + "@example.com",
    ],
)
async def test_invalid_email_is_422(client: AsyncClient, email: str) -> None:
    assert (await register(client, email=email)).status_code == 422


async def test_login_sets_last_login_at(client: AsyncClient, user: User) -> None:
    before = utc_now()
    tokens = (await log_in(client, user.email)).json()
    read = (await read_me(client, tokens["access_token"])).json()["last_login_at"]
    await refresh(client, tokens["refresh_token"])

    assert before <= datetime.fromisoformat(read) <= utc_now()
    assert user.last_login_at == datetime.fromisoformat(read)


async def test_disabled_user_can_neither_log_in_nor_refresh(
    client: AsyncClient, db: AsyncSession, user: User
) -> None:
    refresh_token = await refresh_token_of(user)
    user.disabled = True
    await db.flush()

    assert await login_status(client, user) == 401
    assert (await refresh(client, refresh_token)).status_code == 401


async def test_refresh_rotates_the_refresh_token(client: AsyncClient, user: User) -> None:
    first = (await log_in(client, user.email)).json()

    second = await refresh(client, first["refresh_token"])

    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert (await refresh(client, second.json()["refresh_token"])).status_code == 200


async def test_refresh_token_reuse_revokes_the_session(
    committing_client: AsyncClient, user: User, no_reuse_interval: None
) -> None:
    """Replay of a stolen token: reuse detection logs out the attacker, and the user with them."""
    stolen = (await log_in(committing_client, user.email)).json()
    rotated = (await refresh(committing_client, stolen["refresh_token"])).json()

    reused = await refresh(committing_client, stolen["refresh_token"])

    assert reused.status_code == 401
    await assert_revoked(committing_client, rotated)


async def test_concurrent_refreshes_of_one_token_succeed_once(
    committing_client: AsyncClient, wide_pool: None, user: User, no_reuse_interval: None
) -> None:
    """Race: two clients that use one refresh token must not both get a session."""
    token = await refresh_token_of(user)

    responses = await asyncio.gather(*(refresh(committing_client, token) for _ in range(20)))

    assert Counter(response.status_code for response in responses) == {200: 1, 401: 19}


@pytest.fixture
def move_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def move_clock(seconds: float) -> None:
        now = utc_now() + timedelta(seconds=seconds)
        monkeypatch.setattr(login_session_service, "utc_now", lambda: now)

    return move_clock


async def test_two_browser_tabs_refresh_one_token(
    committing_client: AsyncClient,
    wide_pool: None,
    user: User,
    move_clock: Callable[[float], None],
) -> None:
    """They share a token, use it at the same time, and then each goes on with its own."""
    token = await refresh_token_of(user)
    tabs = await asyncio.gather(*(refresh(committing_client, token) for _ in range(2)))

    for minutes in (20, 40, 60):
        move_clock(minutes * 60)
        mine, other = [tab.json()["refresh_token"] for tab in tabs]
        tabs = [await refresh(committing_client, mine)]
        move_clock((minutes + 5) * 60)
        tabs.append(await refresh(committing_client, other))

    assert [tab.status_code for tab in tabs] == [200, 200]


async def test_reuse_after_the_interval_revokes_every_tab(
    committing_client: AsyncClient, user: User, move_clock: Callable[[float], None]
) -> None:
    """Replay of a stolen token, later. Its second use begins no interval of its own."""
    stolen = await refresh_token_of(user)
    tabs = []
    for seconds in (0, 6):
        move_clock(seconds)
        tabs.append((await refresh(committing_client, stolen)).json())
    move_clock(11)

    assert (await refresh(committing_client, stolen)).status_code == 401
    for tab in tabs:
        await assert_revoked(committing_client, tab)


async def test_session_keeps_few_secrets(client: AsyncClient, db: AsyncSession, user: User) -> None:
    """Denial of service: a client that repeats a refresh must not make the row grow."""
    token = await refresh_token_of(user)
    for _ in range(30):
        assert (await refresh(client, token)).status_code == 200

    sessions = await db.scalars(select(LoginSession).where(LoginSession.user_id == user.id))
    assert max(len(session.other_secrets) for session in sessions) == 10


@pytest.mark.parametrize("token", ["x", "x.y", "." * 200])
async def test_unknown_refresh_token_is_401(client: AsyncClient, token: str) -> None:
    assert (await refresh(client, token)).status_code == 401


async def test_logout_revokes_the_session(client: AsyncClient, user: User) -> None:
    tokens = (await log_in(client, user.email)).json()

    response = await client.post("/auth/logout", headers=bearer(tokens["access_token"]))

    assert response.status_code == 204
    await assert_revoked(client, tokens)


@pytest.mark.parametrize(
    ("method", "path", "request_parts", "challenge"),
    [
        ("GET", "/users/me", {}, "Bearer"),
        ("GET", "/users/me", {"headers": {"Authorization": "Basic dTpw"}}, "Bearer"),
        ("GET", "/users/me", {"headers": bearer("x")}, INVALID_TOKEN),
        ("POST", "/auth/logout", {"headers": bearer("x")}, INVALID_TOKEN),
        ("POST", "/users/me/password", {"headers": bearer("x"), "json": CHANGE}, INVALID_TOKEN),
        ("POST", "/auth/token", {"data": {"username": "u@example.com", "password": "x"}}, "Bearer"),
        ("POST", "/auth/refresh", {"json": {"refresh_token": "x"}}, "Bearer"),
        ("POST", "/auth/password-reset", {"json": RESET}, "Bearer"),
    ],
)
async def test_401_challenge_is_invalid_token_only_for_an_access_token(
    method: str, path: str, request_parts: dict[str, Any], challenge: str, client: AsyncClient
) -> None:
    """RFC 6750, section 3.1: without an access token, the challenge has no error code."""
    response = await client.request(method, path, **request_parts)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == challenge

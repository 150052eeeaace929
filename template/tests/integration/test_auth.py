"""What signing in and out promises."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from httpx import AsyncClient
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import utc_now
from app.db.session import SessionLocal
from app.models.users import User
from tests.accounts import Headers, SignIn, log_in, read_me, refresh, refresh_token_of
from tests.contract.statements import Statements
from tests.factories.users import PASSWORD, UserFactory

NEW = "another horse battery staple"
PASSWORDS = {"current_password": PASSWORD, "new_password": NEW}
RESET = {"reset_token": "x", "new_password": NEW}
BAD_TOKEN = {"Authorization": "Bearer x"}
INVALID_TOKEN = 'Bearer error="invalid_token"'
NEWCOMER = {"email": "New@Example.com", "name": "New", "password": PASSWORD}


async def test_who_registers_can_sign_in(client: AsyncClient) -> None:
    registered = await client.post("/auth/register", json=NEWCOMER)
    tokens = (await log_in(client, "new@EXAMPLE.com")).json()

    assert registered.status_code == 201
    assert registered.json()["email"] == "new@example.com"
    assert "password" not in registered.text
    me = (await read_me(client, tokens["access_token"])).json()
    assert me | {"last_login_at": None} == registered.json()


async def test_a_login_is_remembered(client: AsyncClient, db: AsyncSession, user: User) -> None:
    before = utc_now()
    tokens = (await log_in(client, user.email)).json()
    signed_in = (await read_me(client, tokens["access_token"])).json()["last_login_at"]
    await refresh(client, tokens["refresh_token"])

    assert before <= datetime.fromisoformat(signed_in) <= utc_now()
    assert user.last_login_at == datetime.fromisoformat(signed_in)


@pytest.mark.parametrize(
    "email",
    [
        "J\u030cane@example.com",
        "\u039f\u03b4\u03bf\u03a3@example.com",
        "u@XN--mnchen-3ya.de",
    ],
)
async def test_an_address_is_one_however_it_is_written(client: AsyncClient, email: str) -> None:
    registered = await client.post("/auth/register", json=NEWCOMER | {"email": email})
    stored = registered.json()["email"]

    assert (await log_in(client, email)).status_code == 200
    assert (await log_in(client, stored)).status_code == 200
    again = await client.post("/auth/register", json=NEWCOMER | {"email": stored.upper()})
    assert again.status_code == 409


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
async def test_no_other_spelling_is_an_address(client: AsyncClient, email: str) -> None:
    response = await client.post("/auth/register", json=NEWCOMER | {"email": email})

    assert response.status_code == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/auth/register",
            '{"email": "a@b.de", "name": "A", "password": "\\ud800aaaaaaaaaaaaaaa"}',
        ),
        ("/auth/refresh", '{"refresh_token": "\\ud800"}'),
    ],
)
async def test_broken_unicode_is_no_secret(client: AsyncClient, path: str, body: str) -> None:
    headers = {"Content-Type": "application/json"}

    assert (await client.post(path, content=body, headers=headers)).status_code == 422


async def test_an_email_has_one_account(client: AsyncClient, db: AsyncSession, user: User) -> None:
    response = await client.post("/auth/register", json=NEWCOMER | {"email": user.email.upper()})

    assert response.status_code == 409


@pytest.mark.parametrize("field", ["role", "disabled", "id"])
async def test_nobody_registers_with_a_field_of_the_server(client: AsyncClient, field: str) -> None:
    response = await client.post("/auth/register", json=NEWCOMER | {field: "admin"})

    assert response.status_code == 422


async def test_a_disabled_account_cannot_sign_in(
    client: AsyncClient, db: AsyncSession, user: User
) -> None:
    token = await refresh_token_of(user)
    user.disabled = True
    await db.flush()

    assert (await log_in(client, user.email)).status_code == 401
    assert (await refresh(client, token)).status_code == 401


async def test_a_refresh_token_works_once(
    client: AsyncClient, db: AsyncSession, user: User
) -> None:
    first = (await log_in(client, user.email)).json()
    second = await refresh(client, first["refresh_token"])

    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert (await refresh(client, second.json()["refresh_token"])).status_code == 200


@pytest.mark.parametrize("token", ["x", "x.y", "." * 200])
async def test_an_unknown_refresh_token_is_refused(client: AsyncClient, token: str) -> None:
    assert (await refresh(client, token)).status_code == 401


async def test_a_refresh_token_used_twice_ends_the_session(
    committing_client: AsyncClient, committed: AsyncSession, user_factory: type[UserFactory]
) -> None:
    user = await user_factory.acreate()
    await committed.commit()
    stolen = (await log_in(committing_client, user.email)).json()
    successor = (await refresh(committing_client, stolen["refresh_token"])).json()

    reused = await refresh(committing_client, stolen["refresh_token"])

    assert reused.status_code == 401
    assert (await refresh(committing_client, successor["refresh_token"])).status_code == 401
    assert (await read_me(committing_client, successor["access_token"])).status_code == 401


async def test_logout_ends_access(client: AsyncClient, db: AsyncSession, user: User) -> None:
    tokens = (await log_in(client, user.email)).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}

    assert (await client.post("/auth/logout", headers=headers)).status_code == 204

    assert (await read_me(client, tokens["access_token"])).status_code == 401
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401


async def test_a_new_password_ends_every_session(
    client: AsyncClient, db: AsyncSession, user: User
) -> None:
    here, there = [(await log_in(client, user.email)).json() for _ in range(2)]
    changed = await client.post(
        "/users/me/password",
        json={"current_password": PASSWORD, "new_password": NEW},
        headers={"Authorization": f"Bearer {here['access_token']}"},
    )

    assert changed.status_code == 204
    for tokens in (here, there):
        assert (await read_me(client, tokens["access_token"])).status_code == 401
        assert (await refresh(client, tokens["refresh_token"])).status_code == 401
    assert (await log_in(client, user.email)).status_code == 401
    assert (await log_in(client, user.email, NEW)).status_code == 200


async def test_of_two_new_passwords_one_wins(
    committing_client: AsyncClient,
    wide_pool: None,
    committed: AsyncSession,
    user_factory: type[UserFactory],
    sign_in: SignIn,
) -> None:
    """The other was checked against a password that is no longer the current one."""
    user = await user_factory.acreate()
    headers = await sign_in(user)
    await committed.commit()

    async def change(new: str) -> int:
        passwords = {"current_password": PASSWORD, "new_password": new}
        url = "/users/me/password"
        return (await committing_client.post(url, json=passwords, headers=headers)).status_code

    assert sorted(await asyncio.gather(change(f"one {NEW}"), change(f"two {NEW}"))) == [204, 401]


async def sign_out(client: AsyncClient, headers: Headers) -> None:
    await client.post("/auth/logout", headers=headers)


async def replace_hash(client: AsyncClient, headers: Headers) -> None:
    """As a support tool may do, without ending the session."""
    async with SessionLocal() as db, db.begin():
        await db.execute(update(User).values(password_hash="-"))


@pytest.mark.parametrize("meanwhile", [sign_out, replace_hash])
async def test_what_changes_while_a_password_is_hashed_is_not_overwritten(
    meanwhile: Callable[[AsyncClient, Headers], Awaitable[None]],
    committing_client: AsyncClient,
    committed: AsyncSession,
    user_factory: type[UserFactory],
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Time of check to time of use: a revoked token, or an old password, changes nothing."""
    headers = await sign_in(await user_factory.acreate())
    await committed.commit()
    hashing, changed, verify = threading.Event(), threading.Event(), Argon2Hasher.verify

    def waiting(self: Argon2Hasher, password: str, password_hash: str) -> bool:
        hashing.set()
        changed.wait(timeout=10)
        return verify(self, password, password_hash)

    monkeypatch.setattr(Argon2Hasher, "verify", waiting)
    url = "/users/me/password"
    change = asyncio.create_task(committing_client.post(url, json=PASSWORDS, headers=headers))
    assert await asyncio.to_thread(hashing.wait, timeout=10)
    await meanwhile(committing_client, headers)
    changed.set()

    assert (await change).status_code == 401


async def test_a_new_password_needs_the_current_one(client: AsyncClient, headers: Headers) -> None:
    passwords = {"current_password": "a guess of a password", "new_password": "x" * 15}

    response = await client.post("/users/me/password", json=passwords, headers=headers)

    assert response.status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "request_parts", "challenge"),
    [
        ("GET", "/users/me", {}, "Bearer"),
        ("GET", "/users/me", {"headers": {"Authorization": "Basic dTpw"}}, "Bearer"),
        ("GET", "/users/me", {"headers": BAD_TOKEN}, INVALID_TOKEN),
        ("POST", "/auth/logout", {"headers": BAD_TOKEN}, INVALID_TOKEN),
        ("POST", "/users/me/password", {"headers": BAD_TOKEN, "json": PASSWORDS}, INVALID_TOKEN),
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


async def test_what_signing_in_sends_to_the_database(
    committing_client: AsyncClient,
    committed: AsyncSession,
    user_factory: type[UserFactory],
    sign_in: SignIn,
    statements: Statements,
) -> None:
    user = await user_factory.acreate()
    headers = await sign_in(user)
    await committed.commit()

    await statements.take()
    await committing_client.get("/users/me", headers=headers)
    assert await statements.take() == ["ping", "SELECT"]

    # The first connection goes back to the pool before the password is checked.
    tokens = (await log_in(committing_client, user.email)).json()
    assert statements.connections == 2
    count_and_read = ["ping", "INSERT", "SELECT"]
    forget_and_write = ["ping", "BEGIN", "SELECT", "DELETE", "UPDATE", "DELETE", "INSERT", "COMMIT"]
    assert await statements.take() == [*count_and_read, *forget_and_write]

    await refresh(committing_client, tokens["refresh_token"])
    assert await statements.take() == ["ping", "BEGIN", "SELECT", "UPDATE", "COMMIT"]


async def test_a_read_does_not_wait_for_a_password(
    committing_client: AsyncClient,
    committed: AsyncSession,
    user_factory: type[UserFactory],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a pool of one, a login that held its connection would make every read time out."""
    user = await user_factory.acreate()
    await committed.commit()
    started, ended, verify = threading.Event(), threading.Event(), Argon2Hasher.verify

    def endless(self: Argon2Hasher, password: str, password_hash: str) -> bool:
        started.set()
        ended.wait(timeout=10)
        return verify(self, password, password_hash)

    monkeypatch.setattr(Argon2Hasher, "verify", endless)
    login = asyncio.create_task(log_in(committing_client, user.email))
    assert await asyncio.to_thread(started.wait, timeout=10)

    meanwhile = await committing_client.get("/health/ready")

    ended.set()
    assert meanwhile.status_code == 200
    assert (await login).status_code == 200


async def test_parallel_registrations_of_one_email_create_one_account(
    committing_client: AsyncClient, wide_pool: None
) -> None:
    answers = await asyncio.gather(
        *(committing_client.post("/auth/register", json=NEWCOMER) for _ in range(20))
    )

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}


async def test_parallel_refreshes_of_one_token_succeed_once(
    committing_client: AsyncClient,
    wide_pool: None,
    committed: AsyncSession,
    user_factory: type[UserFactory],
) -> None:
    token = {"refresh_token": await refresh_token_of(await user_factory.acreate())}
    await committed.commit()

    answers = await asyncio.gather(
        *(committing_client.post("/auth/refresh", json=token) for _ in range(20))
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 19}

"""What a request sends to PostgreSQL, and what may happen while a password is hashed."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from httpx import AsyncClient
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select, update
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.db import connection
from app.db.session import SessionLocal, engine
from app.models.login_sessions import LoginSession
from app.models.users import User
from app.tokens import create_reset_token
from tests.accounts import NEW_PASSWORD, Headers, SignIn, change_password, log_in, refresh, register
from tests.contract.statements import Statements
from tests.factories.users import UserFactory


async def test_statements_of_a_request(
    committing_client: AsyncClient, headers: Headers, statements: Statements
) -> None:
    """A read has no transaction, and each query is one round trip. A write is one transaction."""

    async def sent(method: str, path: str, body: dict[str, str] | None = None) -> list[str]:
        await statements.take()
        await committing_client.request(method, path, json=body, headers=headers)
        assert statements.connections == 1
        return await statements.take()

    name = {"name": "New"}
    assert await sent("GET", "/users/me") == ["ping", "SELECT"]
    assert await sent("GET", "/users/9999") == ["ping", "SELECT", "SELECT"]
    changed = ["ping", "BEGIN", "SELECT", "UPDATE", "COMMIT"]
    assert await sent("PATCH", "/users/me", name) == changed
    assert await sent("PATCH", "/users/9999", name) == ["ping", "BEGIN", "SELECT", "ROLLBACK"]
    assert await sent("DELETE", "/users/me") == ["ping", "BEGIN", "SELECT", "DELETE", "COMMIT"]


async def test_read_behind_pgbouncer_has_a_transaction(
    committing_client: AsyncClient,
    headers: Headers,
    statements: Statements,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or it may be prepared on one connection to the server, and executed on another."""
    monkeypatch.setattr(connection, "settings", Settings(database_pgbouncer=True))

    await committing_client.get("/users/me", headers=headers)
    read = await statements.take()
    await log_in(committing_client, "nobody@example.com", "any")

    assert read == ["ping", "BEGIN", "SELECT", "ROLLBACK"]
    assert await statements.take() == ["ping", "BEGIN", "INSERT", "SELECT", "COMMIT"]


async def test_list_has_no_n_plus_1(
    committing_client: AsyncClient,
    admin: User,
    user_factory: type[UserFactory],
    sign_in: SignIn,
    statements: Statements,
) -> None:
    await user_factory.acreate_batch(3)
    headers = await sign_in(admin)
    await statements.take()

    users = await committing_client.get("/users", headers=headers)

    assert len(users.json()["items"]) == 4
    assert await statements.take() == ["ping", "SELECT", "SELECT"]


async def test_statements_of_login_and_refresh(
    committing_client: AsyncClient, user: User, statements: Statements
) -> None:
    await statements.take()
    tokens = (await log_in(committing_client, user.email)).json()

    # The first connection goes back to the pool before the password is checked.
    assert statements.connections == 2
    count_and_read = ["ping", "INSERT", "SELECT"]
    reset_and_write = ["ping", "BEGIN", "SELECT", "DELETE", "UPDATE", "DELETE", "INSERT", "COMMIT"]
    assert await statements.take() == [*count_and_read, *reset_and_write]

    await refresh(committing_client, tokens["refresh_token"])

    assert await statements.take() == ["ping", "BEGIN", "SELECT", "UPDATE", "COMMIT"]


@pytest.fixture
def hashings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, bool]]:
    """For each run of Argon2, whether a connection is held, and whether the event loop waits."""
    runs: list[tuple[bool, bool]] = []

    def watch(name: str) -> None:
        original = getattr(Argon2Hasher, name)

        def watched(*args: Any, **options: Any) -> Any:
            held = "Current Checked out connections: 0" not in engine.pool.status()
            runs.append((held, threading.current_thread() is threading.main_thread()))
            return original(*args, **options)

        monkeypatch.setattr(Argon2Hasher, name, watched)

    watch("hash")
    watch("verify")
    return runs


async def test_hashing_holds_no_connection(
    committing_client: AsyncClient,
    user: User,
    headers: Headers,
    user_factory: type[UserFactory],
    hashings: list[tuple[bool, bool]],
) -> None:
    """Denial of service: a few logins, of 100 ms each, would leave the pool exhausted."""
    other = await user_factory.acreate()
    token = create_reset_token(other.id, other.password_hash)
    reset = {"reset_token": token, "new_password": NEW_PASSWORD}

    responses = [
        await register(committing_client),
        await log_in(committing_client, user.email),
        await change_password(committing_client, headers),
        await committing_client.post("/auth/password-reset", json=reset),
    ]

    assert [response.status_code for response in responses] == [201, 200, 204, 204]
    assert hashings == [(False, False)] * 5


async def log_out(client: AsyncClient, headers: Headers) -> None:
    await client.post("/auth/logout", headers=headers)


async def replace_hash(client: AsyncClient, headers: Headers) -> None:
    """As a support tool may do, without revoking the session."""
    async with SessionLocal() as db, db.begin():
        await db.execute(update(User).values(password_hash="-"))


@pytest.mark.parametrize("meanwhile", [log_out, replace_hash])
async def test_password_change_sees_what_changed_during_the_hashing(
    meanwhile: Callable[[AsyncClient, Headers], Awaitable[None]],
    committing_client: AsyncClient,
    headers: Headers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Time of check to time of use: a revoked token, or an old password, changes nothing."""
    hashing, changed, verify = threading.Event(), threading.Event(), Argon2Hasher.verify

    def waiting(self: Argon2Hasher, password: str, password_hash: str) -> bool:
        hashing.set()
        changed.wait(timeout=10)
        return verify(self, password, password_hash)

    monkeypatch.setattr(Argon2Hasher, "verify", waiting)
    change = asyncio.create_task(change_password(committing_client, headers))
    assert await asyncio.to_thread(hashing.wait, timeout=10)
    await meanwhile(committing_client, headers)
    changed.set()

    assert (await change).status_code == 401


async def test_relationship_is_not_lazily_loaded(
    db: AsyncSession, login_session: LoginSession
) -> None:
    db.expunge(login_session)
    result = await db.execute(select(LoginSession))

    with pytest.raises(InvalidRequestError, match="raise"):
        _ = result.scalar_one().user

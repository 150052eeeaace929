"""Who sends a request, and the requests of an account that many tests send.

`headers` are those of the signed-in `user`, and `await sign_in(admin)` those of another user;
neither sends a request. `log_in` does: it is POST `/auth/token`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from httpx import AsyncClient, Response

from app import passwords
from app.models.users import Role, User
from app.services import login_sessions as login_session_service
from app.tokens import create_access_token, fingerprint, new_secret
from tests.factories.login_sessions import LoginSessionFactory
from tests.factories.users import PASSWORD, QUICK_HASHER, UserFactory

NEW_PASSWORD = "another horse battery staple"
NEWCOMER = {"email": "new@example.com", "name": "New", "password": PASSWORD}
REAL_HASHER = passwords._hasher

type Headers = dict[str, str]
type SignIn = Callable[[User], Awaitable[Headers]]


def bearer(access_token: str) -> Headers:
    return {"Authorization": f"Bearer {access_token}"}


@pytest.fixture
def sign_in() -> SignIn:
    async def sign_in(user: User) -> Headers:
        session = await LoginSessionFactory.acreate(user=user)
        return bearer(create_access_token(user.id, session.id))

    return sign_in


@pytest.fixture
async def headers(user: User, sign_in: SignIn) -> Headers:
    return await sign_in(user)


@pytest.fixture
async def admin(user_factory: type[UserFactory]) -> User:
    return await user_factory.acreate(role=Role.ADMIN)


async def refresh_token_of(user: User) -> str:
    """Start a session, and return its refresh token."""
    family, secret = new_secret(), new_secret()
    await LoginSessionFactory.acreate(
        user=user, family_hash=fingerprint(family), secret_hash=fingerprint(secret)
    )
    return f"{family}.{secret}"


@pytest.fixture
def no_reuse_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh token works once, as with REFRESH_TOKEN_REUSE_SECONDS=0."""
    monkeypatch.setattr(login_session_service, "REUSE_INTERVAL", 0)


async def register(client: AsyncClient, **fields: object) -> Response:
    return await client.post("/auth/register", json=NEWCOMER | fields)


async def log_in(client: AsyncClient, email: str, password: str = PASSWORD) -> Response:
    return await client.post("/auth/token", data={"username": email, "password": password})


async def login_status(client: AsyncClient, user: User, password: str = PASSWORD) -> int:
    return (await log_in(client, user.email, password)).status_code


async def refresh(client: AsyncClient, token: str) -> Response:
    return await client.post("/auth/refresh", json={"refresh_token": token})


async def read_me(client: AsyncClient, access_token: str) -> Response:
    return await client.get("/users/me", headers=bearer(access_token))


async def change_password(
    client: AsyncClient, headers: Headers, current: str = PASSWORD, new: str = NEW_PASSWORD
) -> Response:
    body = {"current_password": current, "new_password": new}
    return await client.post("/users/me/password", json=body, headers=headers)


async def assert_revoked(client: AsyncClient, tokens: dict[str, Any]) -> None:
    """Neither token of a session works any more."""
    assert (await read_me(client, tokens["access_token"])).status_code == 401
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401


@pytest.fixture(autouse=True)
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """How strong a hash is matters to few tests; they ask for `real_hashing`."""
    monkeypatch.setattr(passwords, "_hasher", QUICK_HASHER)


@pytest.fixture
def real_hashing(quick_hashing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash as the service does, at its own cost."""
    monkeypatch.setattr(passwords, "_hasher", REAL_HASHER)

"""Who sends a request: `await client.post(…, headers=await sign_in(user))`."""

from collections.abc import Awaitable, Callable

import pytest
from httpx import AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app import passwords
from app.models.users import Role, User
from app.tokens import create_access_token, fingerprint, new_secret
from tests.factories.login_sessions import LoginSessionFactory
from tests.factories.users import PASSWORD, QUICK_HASHER, UserFactory

REAL_HASHER = passwords._hasher

type Headers = dict[str, str]
type SignIn = Callable[[User], Awaitable[Headers]]


async def headers_of(user: User) -> Headers:
    """Start a session, as signing in does, without the password's 100 ms."""
    session = await LoginSessionFactory.acreate(user=user)
    return {"Authorization": f"Bearer {create_access_token(user.id, session.id)}"}


async def refresh_token_of(user: User) -> str:
    """Start a session, and give its refresh token."""
    family, secret = new_secret(), new_secret()
    await LoginSessionFactory.acreate(
        user=user, family_hash=fingerprint(family), secret_hash=fingerprint(secret)
    )
    return f"{family}.{secret}"


async def log_in(client: AsyncClient, email: str, password: str = PASSWORD) -> Response:
    return await client.post("/auth/token", data={"username": email, "password": password})


async def login_status(client: AsyncClient, user: User, password: str = PASSWORD) -> int:
    return (await log_in(client, user.email, password)).status_code


async def refresh(client: AsyncClient, token: str) -> Response:
    return await client.post("/auth/refresh", json={"refresh_token": token})


async def read_me(client: AsyncClient, access_token: str) -> Response:
    return await client.get("/users/me", headers={"Authorization": f"Bearer {access_token}"})


@pytest.fixture(autouse=True)
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """How strong a hash is matters to few tests; they ask for `real_hashing`."""
    monkeypatch.setattr(passwords, "_hasher", QUICK_HASHER)


@pytest.fixture
def real_hashing(quick_hashing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash as the service does, at its own cost."""
    monkeypatch.setattr(passwords, "_hasher", REAL_HASHER)


@pytest.fixture
def sign_in() -> SignIn:
    return headers_of


@pytest.fixture
async def headers(db: AsyncSession, user: User) -> Headers:
    """The headers of `user`, signed in."""
    return await headers_of(user)


@pytest.fixture
async def admin(db: AsyncSession) -> User:
    return await UserFactory.acreate(role=Role.ADMIN)

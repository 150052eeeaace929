"""Which passwords are accepted, and what a refused login does not tell."""

from collections.abc import Callable
from functools import partialmethod
from typing import Any

import pytest
from httpx import AsyncClient
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.users import User
from tests.accounts import log_in
from tests.factories.users import PASSWORD, UserFactory

EMAIL = "new@example.com"


async def register(client: AsyncClient, password: str, email: str = EMAIL) -> int:
    newcomer = {"email": email, "name": "New", "password": password}
    return (await client.post("/auth/register", json=newcomer)).status_code


@pytest.mark.parametrize(("length", "status"), [(14, 422), (15, 201), (128, 201), (129, 422)])
async def test_password_has_15_to_128_characters(
    client: AsyncClient, length: int, status: int
) -> None:
    """Characters, not bytes: the first has four."""
    password = (f"🙂 {PASSWORD} " * 5)[:length]

    assert await register(client, password) == status


async def test_password_is_any_text(client: AsyncClient) -> None:
    password = "   пароль  из 🙂 a\u0308\u200d\u202e größer \ufeff "

    assert await register(client, password) == 201
    right = await log_in(client, EMAIL, password)
    stripped = await log_in(client, EMAIL, password.strip())

    assert (right.status_code, stripped.status_code) == (200, 401)


@pytest.mark.parametrize("password", ["passwordpassword", "new@example.com 1"])
async def test_guessable_password_is_refused(client: AsyncClient, password: str) -> None:
    """Dictionary attack, also with words about the user."""
    assert await register(client, password) == 422


@pytest.fixture
def hashings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every run of Argon2, by name. It takes nearly all the time of a login."""
    runs: list[str] = []

    def counted(hasher: Argon2Hasher, run: Callable[..., Any], *args: Any, **options: Any) -> Any:
        runs.append(run.__name__)
        return run(hasher, *args, **options)

    for run in (Argon2Hasher.hash, Argon2Hasher.verify):
        monkeypatch.setattr(Argon2Hasher, run.__name__, partialmethod(counted, run))
    return runs


async def test_refused_login_does_not_tell_why(
    client: AsyncClient,
    db: AsyncSession,
    user: User,
    user_factory: type[UserFactory],
    hashings: list[str],
) -> None:
    """Enumeration by the response, and a timing attack by the number of hashings."""
    disabled = await user_factory.acreate(disabled=True)
    wrong = "not the password at all"
    seen = set()

    for email, password in [
        ("unknown@example.com", wrong),
        ("no e-mail", wrong),
        (user.email, wrong),
        (disabled.email, wrong),
        (disabled.email, PASSWORD),
    ]:
        hashings.clear()
        response = await log_in(client, email, password)
        del response.headers["x-request-id"]
        headers = frozenset(response.headers.multi_items())
        seen.add((response.status_code, response.text, headers, len(hashings)))

    ((status, _, _, runs_of_argon2),) = seen
    assert (status, runs_of_argon2) == (401, 1)


async def test_registration_hashes_for_a_taken_email(
    client: AsyncClient, db: AsyncSession, user: User, hashings: list[str]
) -> None:
    """Timing attack: enumeration of accounts by how long a registration takes."""
    assert await register(client, PASSWORD, user.email) == 409
    assert await register(client, PASSWORD) == 201

    assert hashings == ["hash", "hash"]

"""The rate limit of logins: it stops brute force, and an attacker cannot lock a user out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import utc_now
from app.db.session import SessionLocal
from app.models.login_attempts import LoginAttempts
from app.models.users import User
from app.repos.login_attempts import SWEPT
from app.services.login_attempts import ALLOWED, WINDOW, network_of
from tests.accounts import Headers, change_password, log_in, login_status


@pytest.fixture
async def attacker(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client in another network."""
    transport = ASGITransport(app=app, client=("203.0.113.9", 1))
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def guess(client: AsyncClient, user: User, times: int) -> list[int]:
    return [await login_status(client, user, f"guess number {n}") for n in range(times)]


async def test_brute_force_is_429(committing_client: AsyncClient, user: User) -> None:
    """Brute force: after so many attempts even the right password is refused."""
    assert await guess(committing_client, user, ALLOWED) == [401] * ALLOWED

    response = await log_in(committing_client, user.email.upper())

    assert response.status_code == 429
    assert response.headers["content-type"] == "application/problem+json"
    assert 0 < int(response.headers["retry-after"]) <= WINDOW.total_seconds()


async def test_concurrent_brute_force_is_429(
    committing_client: AsyncClient, wide_pool: None, user: User
) -> None:
    """Race: attempts are counted before the password is checked, so parallel ones do not pass."""
    guesses = (login_status(committing_client, user, f"guess {n}") for n in range(2 * ALLOWED))

    assert sorted(await asyncio.gather(*guesses)) == [401] * ALLOWED + [429] * ALLOWED


async def test_stolen_access_token_does_not_help_brute_force(
    committing_client: AsyncClient, user: User, headers: Headers
) -> None:
    """Brute force of the current password: it has the same rate limit, of its own."""

    async def status(current: str) -> int:
        return (await change_password(committing_client, headers, current)).status_code

    guesses = [await status(f"guess number {n}") for n in range(ALLOWED)]

    assert guesses == [403] * ALLOWED
    assert (await change_password(committing_client, headers)).status_code == 429
    assert await login_status(committing_client, user) == 200


async def test_attacker_in_another_network_cannot_lock_the_user_out(
    committing_client: AsyncClient, attacker: AsyncClient, user: User
) -> None:
    """Lockout: an attacker makes so many attempts that the user cannot log in."""
    await guess(attacker, user, ALLOWED + 1)

    assert await login_status(attacker, user) == 429
    assert await login_status(committing_client, user) == 200


async def test_successful_login_resets_the_rate_limit(
    committing_client: AsyncClient, user: User
) -> None:
    for _ in range(2):
        await guess(committing_client, user, ALLOWED - 1)
        assert await login_status(committing_client, user) == 200


async def test_rate_limit_ends_with_its_window(committing_client: AsyncClient, user: User) -> None:
    await guess(committing_client, user, ALLOWED + 1)
    async with SessionLocal() as db, db.begin():
        await db.execute(update(LoginAttempts).values(ends_at=utc_now()))

    assert await guess(committing_client, user, ALLOWED) == [401] * ALLOWED
    assert await login_status(committing_client, user) == 429


async def test_login_deletes_expired_attempts(
    committing_client: AsyncClient, wide_pool: None, committed: AsyncSession, user: User
) -> None:
    """Some of them, without waiting for the row that another login deletes at the same time."""
    ends_at = utc_now() - timedelta(hours=1)
    committed.add_all(LoginAttempts(key=f"{n}", count=1, ends_at=ends_at) for n in range(SWEPT))
    await committed.commit()
    (locked,) = await committed.scalars(select(LoginAttempts).limit(1).with_for_update())

    assert await login_status(committing_client, user) == 200

    assert list(await committed.scalars(select(LoginAttempts))) == [locked]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_rate_limit_counts_an_ipv6_network_as_one_caller(address: str, network: str) -> None:
    """Brute force from many addresses: one IPv6 connection has 2 to the 64 of them."""
    assert network_of(address) == network

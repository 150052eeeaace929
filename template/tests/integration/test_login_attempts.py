"""Guessing a password ends soon, and shuts nobody else out. Everything here really commits."""

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
from tests.accounts import SignIn, log_in, login_status
from tests.factories.users import PASSWORD, UserFactory


@pytest.fixture
async def victim(committed: AsyncSession, user_factory: type[UserFactory]) -> User:
    user = await user_factory.acreate()
    await committed.commit()
    return user


@pytest.fixture
async def elsewhere(app: FastAPI) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(app=app, client=("203.0.113.9", 1))
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def guess(client: AsyncClient, user: User, times: int) -> list[int]:
    return [await login_status(client, user, f"guess number {n}") for n in range(times)]


async def test_after_some_attempts_even_the_right_password_waits(
    committing_client: AsyncClient, victim: User
) -> None:
    assert await guess(committing_client, victim, ALLOWED) == [401] * ALLOWED

    response = await log_in(committing_client, victim.email.upper())

    assert response.status_code == 429
    assert response.headers["content-type"] == "application/problem+json"
    assert 0 < int(response.headers["retry-after"]) <= WINDOW.total_seconds()


async def test_the_owner_signs_in_while_somebody_guesses_elsewhere(
    committing_client: AsyncClient, elsewhere: AsyncClient, victim: User
) -> None:
    await guess(elsewhere, victim, ALLOWED + 1)

    assert await login_status(elsewhere, victim) == 429
    assert await login_status(committing_client, victim) == 200


async def test_of_many_attempts_at_once_not_all_are_checked(
    committing_client: AsyncClient, wide_pool: None, victim: User
) -> None:
    guesses = (login_status(committing_client, victim, f"guess {n}") for n in range(2 * ALLOWED))

    assert sorted(await asyncio.gather(*guesses)) == [401] * ALLOWED + [429] * ALLOWED


async def test_the_right_password_ends_the_count(
    committing_client: AsyncClient, victim: User
) -> None:
    for _ in range(2):
        await guess(committing_client, victim, ALLOWED - 1)
        assert await login_status(committing_client, victim) == 200


async def test_the_wait_has_an_end(committing_client: AsyncClient, victim: User) -> None:
    await guess(committing_client, victim, ALLOWED + 1)
    async with SessionLocal() as db, db.begin():
        await db.execute(update(LoginAttempts).values(ends_at=utc_now()))

    assert await guess(committing_client, victim, ALLOWED) == [401] * ALLOWED
    assert await login_status(committing_client, victim) == 429


async def test_a_login_sweeps_what_is_over(
    committing_client: AsyncClient, wide_pool: None, committed: AsyncSession, victim: User
) -> None:
    """Some of it, without waiting for what another login sweeps."""
    ends_at = utc_now() - timedelta(hours=1)
    committed.add_all(LoginAttempts(key=f"{n}", count=1, ends_at=ends_at) for n in range(SWEPT))
    await committed.commit()
    (locked,) = await committed.scalars(select(LoginAttempts).limit(1).with_for_update())

    assert await login_status(committing_client, victim) == 200

    assert list(await committed.scalars(select(LoginAttempts))) == [locked]


async def test_a_stolen_token_does_not_help_to_guess_the_password(
    committing_client: AsyncClient, committed: AsyncSession, victim: User, sign_in: SignIn
) -> None:
    stolen = await sign_in(victim)
    await committed.commit()

    async def change(current: str) -> int:
        body = {"current_password": current, "new_password": "another horse battery staple"}
        url = "/users/me/password"
        return (await committing_client.post(url, json=body, headers=stolen)).status_code

    guesses = [await change(f"guess number {n}") for n in range(ALLOWED)]

    assert guesses == [403] * ALLOWED
    assert await change(PASSWORD) == 429
    assert await login_status(committing_client, victim) == 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_address_counts_for_all_that_one_caller_has(address: str, network: str) -> None:
    assert network_of(address) == network

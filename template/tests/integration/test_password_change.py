"""What `/users/me/password` promises: a user changes their password."""

import asyncio

from httpx import AsyncClient

from app.models.users import User
from tests.accounts import (
    NEW_PASSWORD,
    Headers,
    assert_revoked,
    bearer,
    change_password,
    log_in,
    login_status,
)


async def test_password_change_revokes_every_session(client: AsyncClient, user: User) -> None:
    here, elsewhere = [(await log_in(client, user.email)).json() for _ in range(2)]

    changed = await change_password(client, bearer(here["access_token"]))

    assert changed.status_code == 204
    await assert_revoked(client, here)
    await assert_revoked(client, elsewhere)
    assert await login_status(client, user) == 401
    assert await login_status(client, user, NEW_PASSWORD) == 200


async def test_password_change_needs_the_current_password(
    client: AsyncClient, headers: Headers
) -> None:
    """Account takeover: an attacker who has an access token cannot keep the account."""
    response = await change_password(client, headers, current="not the current password")

    assert response.status_code == 403


async def test_concurrent_password_changes_succeed_once(
    committing_client: AsyncClient, wide_pool: None, headers: Headers
) -> None:
    """Race: the second one was checked against a password that is no longer the current one."""
    changes = [
        change_password(committing_client, headers, new=f"{word} {NEW_PASSWORD}")
        for word in ("one", "two")
    ]

    responses = await asyncio.gather(*changes)

    assert sorted(response.status_code for response in responses) == [204, 401]

"""A user who forgot their password gets a token from an admin, and sets a new one with it."""

import asyncio

import pytest
from httpx import AsyncClient

from app.models.users import User
from app.tokens import create_access_token, create_reset_token
from tests.accounts import NEW_PASSWORD, Headers, SignIn, login_status, read_me, refresh
from tests.factories.users import UserFactory


@pytest.fixture
def reset_token(user: User) -> str:
    return create_reset_token(user.id, user.password_hash)


async def reset(client: AsyncClient, token: str, new: str = NEW_PASSWORD) -> int:
    body = {"reset_token": token, "new_password": new}
    return (await client.post("/auth/password-reset", json=body)).status_code


async def test_reset_sets_the_password_and_revokes_every_session(
    client: AsyncClient, user: User, headers: Headers, admin: User, sign_in: SignIn
) -> None:
    url = f"/users/{user.id}/password-reset"
    allowed = await client.post(url, headers=await sign_in(admin))

    assert allowed.status_code == 201
    assert await reset(client, allowed.json()["reset_token"]) == 204

    assert await login_status(client, user) == 401
    assert await login_status(client, user, NEW_PASSWORD) == 200
    assert (await client.get("/users/me", headers=headers)).status_code == 401


async def test_reset_token_works_once(client: AsyncClient, reset_token: str) -> None:
    """Replay: an attacker who finds the token later cannot use it."""
    assert await reset(client, reset_token) == 204
    assert await reset(client, reset_token, f"one more {NEW_PASSWORD}") == 401


async def test_concurrent_resets_with_one_token_succeed_once(
    committing_client: AsyncClient, wide_pool: None, reset_token: str
) -> None:
    """Race: a replay while the first reset still runs."""
    resets = [
        reset(committing_client, reset_token, f"{word} {NEW_PASSWORD}") for word in ("one", "two")
    ]

    assert sorted(await asyncio.gather(*resets)) == [204, 401]


async def test_weak_password_keeps_the_reset_token_valid(
    client: AsyncClient, reset_token: str
) -> None:
    assert await reset(client, reset_token, "passwordpassword") == 422
    assert await reset(client, reset_token) == 204


async def test_disabled_user_cannot_reset_the_password(
    client: AsyncClient, user_factory: type[UserFactory]
) -> None:
    user = await user_factory.acreate(disabled=True)

    assert await reset(client, create_reset_token(user.id, user.password_hash)) == 401


async def test_reset_for_a_missing_user_is_404(
    client: AsyncClient, admin: User, sign_in: SignIn
) -> None:
    url = f"/users/{admin.id + 1_000}/password-reset"
    response = await client.post(url, headers=await sign_in(admin))

    assert response.status_code == 404


async def test_other_tokens_are_no_reset_token(client: AsyncClient, user: User) -> None:
    """Token substitution: a token of one kind is used as another."""
    for token in ("x", create_access_token(user.id, 1), create_reset_token(0, "")):
        assert await reset(client, token) == 401


async def test_reset_token_is_no_other_token(client: AsyncClient, reset_token: str) -> None:
    """Token substitution, the other way round."""
    assert (await read_me(client, reset_token)).status_code == 401
    assert (await refresh(client, reset_token)).status_code == 401

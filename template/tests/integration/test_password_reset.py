"""Whoever forgot their password gets a token from an admin, and sets a new one with it."""

import asyncio

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.users import User
from app.tokens import create_access_token, create_reset_token
from tests.accounts import Headers, SignIn, login_status
from tests.factories.users import PASSWORD, UserFactory

NEW = "another horse battery staple"


async def allow(client: AsyncClient, user: User, headers: Headers) -> str:
    response = await client.post(f"/users/{user.id}/password-reset", headers=headers)
    assert response.status_code == 201
    return str(response.json()["reset_token"])


async def reset(client: AsyncClient, token: str, new: str = NEW) -> int:
    body = {"reset_token": token, "new_password": new}
    return (await client.post("/auth/password-reset", json=body)).status_code


async def test_the_token_sets_a_new_password_and_ends_every_session(
    client: AsyncClient, user: User, headers: Headers, admin: User, sign_in: SignIn
) -> None:
    token = await allow(client, user, await sign_in(admin))

    assert await reset(client, token) == 204

    assert await login_status(client, user, PASSWORD) == 401
    assert await login_status(client, user, NEW) == 200
    assert (await client.get("/users/me", headers=headers)).status_code == 401


async def test_a_token_works_once(
    client: AsyncClient, user: User, admin: User, sign_in: SignIn
) -> None:
    token = await allow(client, user, await sign_in(admin))

    assert await reset(client, token) == 204
    assert await reset(client, token, f"one more {NEW}") == 401


async def test_of_two_at_once_one_works(
    committing_client: AsyncClient,
    wide_pool: None,
    committed: AsyncSession,
    user_factory: type[UserFactory],
) -> None:
    user = await user_factory.acreate()
    await committed.commit()
    token = create_reset_token(user.id, user.password_hash)

    new = [reset(committing_client, token, f"{number} {NEW}") for number in ("one", "two")]

    assert sorted(await asyncio.gather(*new)) == [204, 401]


async def test_a_weak_password_does_not_spend_the_token(
    client: AsyncClient, user: User, admin: User, sign_in: SignIn
) -> None:
    token = await allow(client, user, await sign_in(admin))

    assert await reset(client, token, "passwordpassword") == 422
    assert await reset(client, token) == 204


async def test_a_disabled_account_sets_no_password(
    client: AsyncClient, db: AsyncSession, user_factory: type[UserFactory]
) -> None:
    user = await user_factory.acreate(disabled=True)

    assert await reset(client, create_reset_token(user.id, user.password_hash)) == 401


async def test_a_token_of_another_kind_sets_no_password(
    client: AsyncClient, db: AsyncSession, user: User
) -> None:
    for token in ("x", create_access_token(user.id, 1), create_reset_token(0, "")):
        assert await reset(client, token) == 401


async def test_only_an_admin_allows_a_reset(client: AsyncClient, headers: Headers) -> None:
    response = await client.post("/users/1/password-reset", headers=headers)

    assert response.status_code == 403


async def test_nobody_resets_an_account_that_is_not_there(
    client: AsyncClient, admin: User, sign_in: SignIn
) -> None:
    url = f"/users/{admin.id + 1_000}/password-reset"
    response = await client.post(url, headers=await sign_in(admin))

    assert response.status_code == 404


@pytest.mark.parametrize("kind", ["access", "refresh"])
async def test_a_reset_token_is_no_other_token(
    kind: str, client: AsyncClient, db: AsyncSession, user: User
) -> None:
    token = create_reset_token(user.id, user.password_hash)

    if kind == "access":
        response = await client.get("/users/me", headers={"Authorization": f"Bearer {token}"})
    else:
        response = await client.post("/auth/refresh", json={"refresh_token": token})

    assert response.status_code == 401

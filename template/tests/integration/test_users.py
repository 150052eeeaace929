"""What `/users` promises to its callers."""

import asyncio

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.users import User
from tests.accounts import Headers, SignIn, log_in, refresh, refresh_token_of
from tests.factories.users import UserFactory


async def test_a_user_changes_their_name(client: AsyncClient, headers: Headers) -> None:
    changed = await client.patch("/users/me", json={"name": "New"}, headers=headers)

    assert changed.status_code == 200
    assert changed.json()["name"] == "New"


@pytest.mark.parametrize("change", [{"name": None}, {"name": ""}, {"role": "admin"}, {"id": 1}])
async def test_a_user_changes_nothing_else(
    change: dict[str, object], client: AsyncClient, headers: Headers
) -> None:
    response = await client.patch("/users/me", json=change, headers=headers)

    assert response.status_code == 422


async def test_a_deleted_account_is_gone(client: AsyncClient, user: User, headers: Headers) -> None:
    refresh_token = await refresh_token_of(user)

    deleted = await client.delete("/users/me", headers=headers)

    assert deleted.status_code == 204
    assert (await client.get("/users/me", headers=headers)).status_code == 401
    assert (await refresh(client, refresh_token)).status_code == 401
    assert (await log_in(client, user.email)).status_code == 401


async def test_an_admin_cannot_leave(client: AsyncClient, admin: User, sign_in: SignIn) -> None:
    response = await client.delete("/users/me", headers=await sign_in(admin))

    assert response.status_code == 409


async def test_an_admin_reads_every_account_page_by_page(
    client: AsyncClient, admin: User, user_factory: type[UserFactory], sign_in: SignIn
) -> None:
    users = [admin, *await user_factory.acreate_batch(2)]
    headers = await sign_in(admin)

    first = (await client.get("/users", params={"limit": 2}, headers=headers)).json()
    after = {"cursor": first["next_cursor"]}
    second = (await client.get("/users", params=after, headers=headers)).json()

    assert [u["id"] for u in first["items"] + second["items"]] == [u.id for u in users[::-1]]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("forged", ["A" * 22, "f" * 22, "g" + "A" * 21, "-" * 22, "_" * 22])
async def test_whatever_looks_like_a_cursor_is_one(
    forged: str, client: AsyncClient, admin: User, sign_in: SignIn
) -> None:
    after = {"cursor": f"{forged}=="}

    response = await client.get("/users", params=after, headers=await sign_in(admin))

    assert response.status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/users"), ("PATCH", "/users/1")])
async def test_only_an_admin_manages_accounts(
    method: str, path: str, client: AsyncClient, headers: Headers
) -> None:
    response = await client.request(method, path, json={}, headers=headers)

    assert response.status_code == 403


async def test_an_account_is_there_for_its_owner_and_for_admins(
    client: AsyncClient,
    user: User,
    headers: Headers,
    admin: User,
    user_factory: type[UserFactory],
    sign_in: SignIn,
) -> None:
    stranger = await user_factory.acreate()

    async def status(of: int, reader: Headers) -> int:
        return (await client.get(f"/users/{of}", headers=reader)).status_code

    assert await status(user.id, headers) == 200
    assert await status(user.id, await sign_in(admin)) == 200
    assert await status(user.id, await sign_in(stranger)) == 404
    assert await status(stranger.id + 1_000, await sign_in(admin)) == 404


async def test_a_role_changes_what_a_user_may_do_at_once(
    client: AsyncClient, user: User, headers: Headers, admin: User, sign_in: SignIn
) -> None:
    promoted = await client.patch(
        f"/users/{user.id}", json={"role": "admin"}, headers=await sign_in(admin)
    )

    assert promoted.json()["role"] == "admin"
    assert (await client.get("/users", headers=headers)).status_code == 200


async def test_a_disabled_account_has_no_access_at_once(
    client: AsyncClient, user: User, headers: Headers, admin: User, sign_in: SignIn
) -> None:
    async def set_disabled(disabled: bool) -> None:
        answer = await client.patch(
            f"/users/{user.id}", json={"disabled": disabled}, headers=await sign_in(admin)
        )
        assert answer.json()["disabled"] is disabled

    refresh_token = await refresh_token_of(user)

    await set_disabled(True)
    assert (await client.get("/users/me", headers=headers)).status_code == 401

    await set_disabled(False)  # what was stolen before does not work again
    assert (await client.get("/users/me", headers=headers)).status_code == 401
    assert (await refresh(client, refresh_token)).status_code == 401


@pytest.mark.parametrize("change", [{"disabled": 1}, {"disabled": "yes"}, {"disabled": None}])
async def test_an_admin_says_true_or_false(
    change: dict[str, object], client: AsyncClient, user: User, admin: User, sign_in: SignIn
) -> None:
    response = await client.patch(f"/users/{user.id}", json=change, headers=await sign_in(admin))

    assert response.status_code == 422


@pytest.mark.parametrize("change", [{"role": "user"}, {"disabled": True}])
async def test_two_admins_cannot_remove_each_other(
    committing_client: AsyncClient,
    wide_pool: None,
    committed: AsyncSession,
    user_factory: type[UserFactory],
    sign_in: SignIn,
    change: dict[str, object],
) -> None:
    one, two = await user_factory.acreate_batch(2, role="admin")
    of_one, of_two = await sign_in(one), await sign_in(two)
    await committed.commit()

    first, second = await asyncio.gather(
        committing_client.patch(f"/users/{two.id}", json=change, headers=of_one),
        committing_client.patch(f"/users/{one.id}", json=change, headers=of_two),
    )

    refused = {first.status_code, second.status_code} - {200}
    assert len(refused) == 1
    assert refused <= {401, 403}


async def test_an_admin_cannot_lock_themselves_out(
    client: AsyncClient, admin: User, sign_in: SignIn
) -> None:
    response = await client.patch(
        f"/users/{admin.id}", json={"role": "user"}, headers=await sign_in(admin)
    )

    assert response.status_code == 409

"""What `/users` promises: a user's own account, and all of them for admins."""

import asyncio

import pytest
from httpx import AsyncClient

from app.models.users import User
from tests.accounts import Headers, SignIn, assert_revoked, bearer, log_in, login_status
from tests.factories.users import UserFactory


async def test_user_changes_their_name(client: AsyncClient, headers: Headers) -> None:
    changed = await client.patch("/users/me", json={"name": "New"}, headers=headers)

    assert changed.status_code == 200
    assert changed.json()["name"] == "New"


@pytest.mark.parametrize("change", [{"role": "admin"}, {"disabled": False}, {"id": 1}])
async def test_mass_assignment_in_an_account_is_422(
    change: dict[str, object], client: AsyncClient, headers: Headers
) -> None:
    """Mass assignment: a user makes themselves an admin."""
    response = await client.patch("/users/me", json=change, headers=headers)

    assert response.status_code == 422


async def test_deleted_user_has_no_access(client: AsyncClient, user: User) -> None:
    tokens = (await log_in(client, user.email)).json()

    deleted = await client.delete("/users/me", headers=bearer(tokens["access_token"]))

    assert deleted.status_code == 204
    await assert_revoked(client, tokens)
    assert await login_status(client, user) == 401


async def test_account_is_read_by_its_user_and_by_admins(
    client: AsyncClient, user: User, headers: Headers, admin: User, sign_in: SignIn
) -> None:
    own = await client.get(f"/users/{user.id}", headers=headers)
    by_admin = await client.get(f"/users/{user.id}", headers=await sign_in(admin))

    assert own.json()["email"] == user.email
    assert by_admin.json() == own.json()


async def test_other_user_is_404(
    client: AsyncClient, user: User, user_factory: type[UserFactory], sign_in: SignIn
) -> None:
    """Enumeration: the response does not tell which ids are taken."""
    other = await sign_in(await user_factory.acreate())

    existing = await client.get(f"/users/{user.id}", headers=other)
    missing = await client.get(f"/users/{user.id + 1_000}", headers=other)

    assert existing.status_code == missing.status_code == 404
    assert existing.json() == missing.json()


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/users"), ("PATCH", "/users/1"), ("POST", "/users/1/password-reset")],
)
async def test_only_admins_manage_users(
    method: str, path: str, client: AsyncClient, headers: Headers
) -> None:
    """Privilege escalation: a user calls what is for admins."""
    response = await client.request(method, path, json={}, headers=headers)

    assert response.status_code == 403


async def test_keyset_pagination_lists_users_with_equal_created_at_once(
    client: AsyncClient, admin: User, user_factory: type[UserFactory], sign_in: SignIn
) -> None:
    users = [admin, *await user_factory.acreate_batch(2, created_at=admin.created_at)]
    headers = await sign_in(admin)

    first = (await client.get("/users", params={"limit": 2}, headers=headers)).json()
    after = {"cursor": first["next_cursor"]}
    second = (await client.get("/users", params=after, headers=headers)).json()

    assert [u["id"] for u in first["items"] + second["items"]] == [u.id for u in users[::-1]]
    assert second["next_cursor"] is None


async def test_new_role_holds_for_the_next_request(
    client: AsyncClient, user: User, headers: Headers, admin: User, sign_in: SignIn
) -> None:
    promoted = await client.patch(
        f"/users/{user.id}", json={"role": "admin"}, headers=await sign_in(admin)
    )

    assert promoted.json()["role"] == "admin"
    assert (await client.get("/users", headers=headers)).status_code == 200


async def test_disabling_a_user_revokes_every_session(
    client: AsyncClient, user: User, admin: User, sign_in: SignIn
) -> None:
    """Replay: tokens that were stolen before do not work again when the account is enabled."""
    tokens = (await log_in(client, user.email)).json()
    url, headers = f"/users/{user.id}", await sign_in(admin)

    disabled = await client.patch(url, json={"disabled": True}, headers=headers)
    await assert_revoked(client, tokens)
    enabled = await client.patch(url, json={"disabled": False}, headers=headers)
    await assert_revoked(client, tokens)

    assert disabled.json()["disabled"] is True
    assert enabled.json()["disabled"] is False


@pytest.mark.parametrize("value", [1, "yes"])
async def test_disabled_is_a_boolean_and_nothing_like_it(
    value: object, client: AsyncClient, user: User, admin: User, sign_in: SignIn
) -> None:
    response = await client.patch(
        f"/users/{user.id}", json={"disabled": value}, headers=await sign_in(admin)
    )

    assert response.status_code == 422


async def test_admin_cannot_demote_themselves(
    client: AsyncClient, admin: User, sign_in: SignIn
) -> None:
    response = await client.patch(
        f"/users/{admin.id}", json={"role": "user"}, headers=await sign_in(admin)
    )

    assert response.status_code == 409


async def test_admin_cannot_delete_themselves(
    client: AsyncClient, admin: User, sign_in: SignIn
) -> None:
    response = await client.delete("/users/me", headers=await sign_in(admin))

    assert response.status_code == 409


@pytest.mark.parametrize("change", [{"role": "user"}, {"disabled": True}])
async def test_two_admins_cannot_remove_each_other(
    committing_client: AsyncClient,
    wide_pool: None,
    user_factory: type[UserFactory],
    sign_in: SignIn,
    change: dict[str, object],
) -> None:
    """Race: each request is allowed alone, and both together would leave no admin."""
    one, two = await user_factory.acreate_batch(2, role="admin")
    of_one, of_two = await sign_in(one), await sign_in(two)

    first, second = await asyncio.gather(
        committing_client.patch(f"/users/{two.id}", json=change, headers=of_one),
        committing_client.patch(f"/users/{one.id}", json=change, headers=of_two),
    )

    refused = {first.status_code, second.status_code} - {200}
    assert len(refused) == 1
    assert refused <= {401, 403}

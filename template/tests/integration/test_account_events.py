"""What happens to an account is in the log: by its number, and with the id of the request."""

from typing import Any

from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from app.models.users import User
from app.tokens import create_reset_token
from tests.accounts import SignIn
from tests.factories.users import PASSWORD, UserFactory

NEW = "another horse battery staple"


async def event_of(client: AsyncClient, method: str, path: str, **request: Any) -> tuple[str, int]:
    """The event that a request leaves, before its own line, and the account that it names."""
    headers = {"X-Request-ID": "a-1", **request.pop("headers", {})}
    with capture_logs([merge_contextvars]) as logs:
        await client.request(method, path, headers=headers, **request)
    event, line = logs
    assert event["request_id"] == line["request_id"] == "a-1"
    return event["event"], event["user_id"]


async def test_signing_in_and_out_is_logged(
    client: AsyncClient, db: AsyncSession, user: User, sign_in: SignIn
) -> None:
    form = {"username": user.email, "password": PASSWORD}
    wrong = form | {"password": "not the password at all"}
    refused = ("sign_in_refused", user.id)

    assert await event_of(client, "POST", "/auth/token", data=form) == ("signed_in", user.id)
    assert await event_of(client, "POST", "/auth/token", data=wrong) == refused
    headers = await sign_in(user)
    out = await event_of(client, "POST", "/auth/logout", headers=headers)
    assert out == ("signed_out", user.id)


async def test_a_refresh_token_used_twice_is_logged(
    client: AsyncClient, db: AsyncSession, user: User
) -> None:
    form = {"username": user.email, "password": PASSWORD}
    tokens = (await client.post("/auth/token", data=form)).json()
    body = {"refresh_token": tokens["refresh_token"]}
    await client.post("/auth/refresh", json=body)

    event = await event_of(client, "POST", "/auth/refresh", json=body)

    assert event == ("refresh_token_reused", user.id)


async def test_a_new_password_is_logged(
    client: AsyncClient, db: AsyncSession, user: User, sign_in: SignIn
) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW}
    headers, url = await sign_in(user), "/users/me/password"

    wrong = body | {"current_password": "not the password at all"}

    refused = await event_of(client, "POST", url, json=wrong, headers=headers)
    changed = await event_of(client, "POST", url, json=body, headers=headers)

    assert refused == ("password_refused", user.id)
    assert changed == ("password_changed", user.id)


async def test_a_reset_is_logged(
    client: AsyncClient, user: User, admin: User, sign_in: SignIn
) -> None:
    headers, url = await sign_in(admin), f"/users/{user.id}/password-reset"
    token = create_reset_token(user.id, user.password_hash)
    body = {"reset_token": token, "new_password": NEW}

    allowed = await event_of(client, "POST", url, headers=headers)
    used = await event_of(client, "POST", "/auth/password-reset", json=body)
    again = await event_of(client, "POST", "/auth/password-reset", json=body)

    assert allowed == ("password_reset_allowed", user.id)
    assert used == ("password_changed", user.id)
    assert again == ("password_reset_refused", user.id)


async def test_the_life_of_an_account_is_logged(
    client: AsyncClient, admin: User, user_factory: type[UserFactory], sign_in: SignIn
) -> None:
    user = await user_factory.acreate()
    mine, admins = await sign_in(user), await sign_in(admin)
    newcomer = {"email": "new@example.com", "name": "New", "password": NEW}
    change = {"role": "admin"}

    name, _ = await event_of(client, "POST", "/auth/register", json=newcomer)
    changed = await event_of(client, "PATCH", f"/users/{user.id}", json=change, headers=admins)
    back = {"role": "user"}
    await client.patch(f"/users/{user.id}", json=back, headers=admins)
    deleted = await event_of(client, "DELETE", "/users/me", headers=mine)

    assert name == "registered"
    assert changed == ("account_changed", user.id)
    assert deleted == ("account_deleted", user.id)

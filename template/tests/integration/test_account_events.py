"""What happens to an account is logged, with the user's id and the id of the request."""

from typing import Any

from httpx import AsyncClient
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from app.models.users import User
from app.tokens import create_reset_token
from tests.accounts import NEW_PASSWORD, NEWCOMER, Headers, SignIn, refresh, refresh_token_of
from tests.factories.users import PASSWORD

WRONG = "not the password at all"


async def event_of(client: AsyncClient, method: str, path: str, **request: Any) -> tuple[str, int]:
    """The event that a request logs before its own line, and the user whom it names."""
    headers = {"X-Request-ID": "a-1", **request.pop("headers", {})}
    with capture_logs([merge_contextvars]) as logs:
        await client.request(method, path, headers=headers, **request)
    event, line = logs
    assert event["request_id"] == line["request_id"] == "a-1"
    return event["event"], event["user_id"]


async def test_login_and_logout_are_logged(
    client: AsyncClient, user: User, headers: Headers
) -> None:
    form = {"username": user.email, "password": PASSWORD}

    login = await event_of(client, "POST", "/auth/token", data=form)
    refused = await event_of(client, "POST", "/auth/token", data=form | {"password": WRONG})
    logout = await event_of(client, "POST", "/auth/logout", headers=headers)

    assert login == ("signed_in", user.id)
    assert refused == ("sign_in_refused", user.id)
    assert logout == ("signed_out", user.id)


async def test_refresh_token_reuse_is_logged(
    client: AsyncClient, user: User, no_reuse_interval: None
) -> None:
    body = {"refresh_token": await refresh_token_of(user)}
    await refresh(client, body["refresh_token"])

    reused = await event_of(client, "POST", "/auth/refresh", json=body)

    assert reused == ("refresh_token_reused", user.id)


async def test_password_change_is_logged(client: AsyncClient, user: User, headers: Headers) -> None:
    url = "/users/me/password"
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    wrong = body | {"current_password": WRONG}

    refused = await event_of(client, "POST", url, json=wrong, headers=headers)
    changed = await event_of(client, "POST", url, json=body, headers=headers)

    assert refused == ("password_refused", user.id)
    assert changed == ("password_changed", user.id)


async def test_password_reset_is_logged(
    client: AsyncClient, user: User, admin: User, sign_in: SignIn
) -> None:
    headers, url = await sign_in(admin), f"/users/{user.id}/password-reset"
    token = create_reset_token(user.id, user.password_hash)
    body = {"reset_token": token, "new_password": NEW_PASSWORD}

    allowed = await event_of(client, "POST", url, headers=headers)
    used = await event_of(client, "POST", "/auth/password-reset", json=body)
    again = await event_of(client, "POST", "/auth/password-reset", json=body)

    assert allowed == ("password_reset_allowed", user.id)
    assert used == ("password_changed", user.id)
    assert again == ("password_reset_refused", user.id)


async def test_registration_is_logged(client: AsyncClient) -> None:
    event, _ = await event_of(client, "POST", "/auth/register", json=NEWCOMER)

    assert event == "registered"


async def test_new_role_is_logged(
    client: AsyncClient, user: User, admin: User, sign_in: SignIn
) -> None:
    headers, change = await sign_in(admin), {"role": "admin"}

    changed = await event_of(client, "PATCH", f"/users/{user.id}", json=change, headers=headers)

    assert changed == ("account_changed", user.id)


async def test_deletion_of_an_account_is_logged(
    client: AsyncClient, user: User, headers: Headers
) -> None:
    deleted = await event_of(client, "DELETE", "/users/me", headers=headers)

    assert deleted == ("account_deleted", user.id)

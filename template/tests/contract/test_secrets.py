"""No secret leaves the service by a log, an error, the OpenAPI document or printed settings.

The canaries go through every flow, also those that fail; then we look where they turned up.
"""

import json
import logging
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import create_async_engine

from app import logging as app_logging
from app.api.deps import DbSession
from app.config import Settings, settings
from app.db.session import SessionLocal
from app.models.users import User
from app.tokens import create_reset_token
from tests.accounts import log_in, read_me, refresh
from tests.contract.operations import document
from tests.factories.users import PASSWORD_HASH

EMAIL = "canary-person@canary.example.com"
OLD, NEW, WRONG = "canary-old-password", "canary-new-password", "canary-wrong-password"
KEY = settings.secret_key.get_secret_value()
DATABASE_PASSWORD = "canary-of-the-database"
NOWHERE = f"postgresql+asyncpg://me:{DATABASE_PASSWORD}@localhost:1/none"
ARGON2 = "$argon2"  # how every hash of a password begins


@pytest.fixture
def original_logging() -> Iterator[None]:
    """Restore it after the test."""
    handlers = logging.root.handlers[:]
    yield
    app_logging.configure(settings)
    logging.root.handlers[:] = handlers


@pytest.fixture
def errors(app: FastAPI, committing_client: AsyncClient) -> list[Response]:
    """Every error response, also of routes that fail and say too much."""

    @app.post("/crash", status_code=204, response_model=None)
    async def crash(body: dict[str, str]) -> None:
        local = OLD
        raise LookupError(f"{body} password={local} token: {KEY} {PASSWORD_HASH} of {EMAIL}")

    @app.post("/refused", status_code=204, response_model=None)
    async def refused(db: DbSession) -> None:
        """PostgreSQL quotes the row it refuses, and SQLAlchemy the values it sent."""
        stored = text("UPDATE users SET name = NULL, password_hash = :secret")
        await db.execute(stored, {"secret": OLD})

    responses = []

    async def keep(response: Response) -> None:
        if response.is_error:
            await response.aread()
            responses.append(response)

    committing_client.event_hooks["response"].append(keep)
    return responses


async def new_reset_token() -> str:
    async with SessionLocal() as db:
        user = (await db.scalars(select(User))).one()
    return create_reset_token(user.id, user.password_hash)


async def test_no_secret_is_shown(
    committing_client: AsyncClient,
    errors: list[Response],
    original_logging: None,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, newcomer = committing_client, {"email": EMAIL, "name": "A", "password": OLD}
    # As in production, with all there is to log.
    app_logging.configure(Settings(log_format="json", log_level="DEBUG"))

    for body in (newcomer, newcomer, newcomer | {"name": 1}):
        await client.post("/auth/register", json=body)
    await client.post("/auth/token", json=newcomer)
    await log_in(client, EMAIL, WRONG)
    first = (await log_in(client, EMAIL, OLD)).json()
    second = (await refresh(client, first["refresh_token"])).json()
    access = second["access_token"]
    signed_in = {"Authorization": f"Bearer {access}"}
    await read_me(client, f"{access}x")
    await client.get(f"/users/{access}?token={access}", headers=signed_in)
    for current, new in [(WRONG, NEW), (OLD, [NEW]), (OLD, NEW)]:
        change = {"current_password": current, "new_password": new}
        await client.post("/crash", json={"sent": f"{change} {access}"}, headers=signed_in)
        await client.post("/refused", headers=signed_in)
        await client.post("/users/me/password", json=change, headers=signed_in)
    third = (await log_in(client, EMAIL, NEW)).json()
    for _ in range(2):
        await refresh(client, third["refresh_token"])
    reset_token = await new_reset_token()
    for sent in [[reset_token], reset_token, reset_token]:
        reset = {"reset_token": sent, "new_password": OLD}
        await client.post("/auth/password-reset", json=reset)
    monkeypatch.setitem(SessionLocal.kw, "bind", create_async_engine(NOWHERE))
    await log_in(client, EMAIL, NEW)
    nested = {"request": {"headers": [{"cookie": KEY}]}}
    logging.getLogger("library").warning("GET /x?api_key=%s %s", KEY, NOWHERE, extra=nested)

    canaries = {EMAIL, OLD, NEW, WRONG, KEY, DATABASE_PASSWORD, ARGON2, reset_token}
    for tokens in (first, second, third):
        canaries |= {tokens["access_token"], *tokens["refresh_token"].split(".")}
    log = capfd.readouterr().out
    events = [json.loads(line)["event"] for line in log.splitlines()]
    shown = [log, repr(Settings(secret_key=KEY, database_url=NOWHERE)), str(document())]
    shown += [f"{error.headers} {error.text}" for error in errors]
    assert {error.status_code for error in errors} == {401, 403, 409, 422, 500, 503}
    assert events.count("request") > len(errors)
    assert events.count("request crashed") == 6
    assert "GET /x?api_key=*** postgresql+asyncpg://***@localhost:1/none" in events
    assert [canary for canary in canaries if canary in "".join(shown)] == []

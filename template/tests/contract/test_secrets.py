"""No secret leaves the service by a log, an error, its documentation, or its settings in print.

The canaries go through every flow, those that fail too; then we look where they turned up.
"""

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
from tests.accounts import log_in, refresh
from tests.contract.operations import document

EMAIL = "canary-person@canary.example.com"
OLD, NEW, WRONG = "canary-old-password", "canary-new-password", "canary-wrong-password"
KEY = settings.secret_key.get_secret_value()
DATABASE_PASSWORD = "canary-of-the-database"
NOWHERE = f"postgresql+asyncpg://me:{DATABASE_PASSWORD}@127.0.0.1:1/none"
ARGON2 = "$argon2"  # how every hash of a password begins


@pytest.fixture
def json_logging() -> Iterator[None]:
    """The log as production writes it, with everything that there is to log."""
    handlers = logging.root.handlers[:]
    app_logging.configure(Settings(log_format="json", log_level="DEBUG"))
    yield
    app_logging.configure(settings)
    logging.root.handlers[:] = handlers


@pytest.fixture
async def errors(app: FastAPI, committing_client: AsyncClient) -> list[Response]:
    """Every error answered, with routes that fail and say too much."""

    @app.post("/crash", status_code=204, response_model=None)
    async def crash(body: dict[str, str]) -> None:
        raise LookupError(f"{body} password={OLD} token: {KEY} api_key='{KEY}' of {EMAIL}")

    @app.post("/refused", status_code=204, response_model=None)
    async def refused(db: DbSession) -> None:
        """PostgreSQL quotes the row it refuses, and SQLAlchemy the values it sent."""
        await db.execute(text("UPDATE users SET role = :secret"), {"secret": OLD})

    answers = []

    async def keep(answer: Response) -> None:
        if answer.is_error:
            await answer.aread()
            answers.append(answer)

    committing_client.event_hooks["response"].append(keep)
    return answers


async def id_and_hash() -> tuple[int, str]:
    async with SessionLocal() as db:
        row = (await db.execute(select(User.id, User.password_hash))).one()
    return row.id, row.password_hash


async def test_no_secret_turns_up(
    committing_client: AsyncClient,
    errors: list[Response],
    json_logging: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, newcomer = committing_client, {"email": EMAIL, "name": "A", "password": OLD}

    await client.post("/auth/register", json=newcomer)
    await client.post("/auth/register", json=newcomer)
    await client.post("/auth/register", json=newcomer | {"name": 1})
    await client.post("/auth/token", json=newcomer)
    await log_in(client, EMAIL, WRONG)
    first = (await log_in(client, EMAIL, OLD)).json()
    second = (await refresh(client, first["refresh_token"])).json()
    access = second["access_token"]
    signed_in = {"Authorization": f"Bearer {access}"}
    await client.get("/users/me", headers={"Authorization": f"Bearer {access}x"})
    await client.get("/users/me", headers=signed_in, params={"token": access})
    await client.get(f"/users/{access}", headers=signed_in)
    for current, new in [(WRONG, NEW), (OLD, [NEW]), (OLD, NEW)]:
        change = {"current_password": current, "new_password": new}
        await client.post("/crash", json={"sent": str(change)}, headers=signed_in)
        await client.post("/refused", headers=signed_in)
        await client.post("/users/me/password", json=change, headers=signed_in)
    await refresh(client, second["refresh_token"])
    again = (await log_in(client, EMAIL, NEW)).json()
    await refresh(client, again["refresh_token"])
    await refresh(client, again["refresh_token"])
    reset_token = create_reset_token(*await id_and_hash())
    for sent in [[reset_token], reset_token, reset_token]:
        reset = {"reset_token": sent, "new_password": NEW}
        await client.post("/auth/password-reset", json=reset)
    monkeypatch.setitem(SessionLocal.kw, "bind", create_async_engine(NOWHERE))
    await client.get("/users/me", headers=signed_in)
    logging.getLogger("library").warning("GET /x?api_key=%s %s", KEY, NOWHERE)

    canaries = {EMAIL, OLD, NEW, WRONG, KEY, DATABASE_PASSWORD, ARGON2, reset_token}
    for tokens in (first, second, again):
        canaries |= {tokens["access_token"], *tokens["refresh_token"].split(".")}
    log = capsys.readouterr().out
    assert {error.status_code for error in errors} == {401, 403, 409, 422, 500, 503}
    assert log.count('"event": "request"') > len(errors)
    assert log.count("request crashed") == 6
    for canary in canaries:
        assert canary not in log
        assert canary not in "".join(f"{error.headers} {error.text}" for error in errors)
        assert canary not in str(document())
        assert canary not in repr(Settings(secret_key=KEY, database_url=NOWHERE))

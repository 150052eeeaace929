"""What the line of a request says, and what is said about an error that is known."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app import logging as app_logging
from app.api.deps import DbSession
from app.config import Settings, settings
from app.db import probe
from app.main import create_app
from app.models.users import User
from tests.accounts import Headers

SECRET = "canary-of-the-database"
NOWHERE = f"postgresql+asyncpg://me:{SECRET}@localhost:1/none"
type Lines = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def json_log() -> Iterator[None]:
    handlers = logging.root.handlers[:]
    app_logging.configure(Settings(log_format="json"))
    yield
    app_logging.configure(settings)
    logging.root.handlers[:] = handlers


def lines(capfd: pytest.CaptureFixture[str]) -> Lines:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


async def test_line_of_a_request_names_the_user(
    client: AsyncClient, user: User, headers: Headers, capfd: pytest.CaptureFixture[str]
) -> None:
    await client.get("/users/me", headers=headers)
    await client.get("/users/me")

    with_user, without = lines(capfd)
    assert with_user["user_id"] == user.id
    assert "user_id" not in without
    assert "client_address" not in {*with_user, *without}


async def test_line_of_a_request_has_the_address_if_a_setting_says_so(
    capfd: pytest.CaptureFixture[str],
) -> None:
    app = create_app(Settings(log_client_address=True))

    for address in (("192.0.2.1", 1), None):
        transport = ASGITransport(app=app, client=address)  # type: ignore[arg-type]
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.get("/users/me")).status_code == 401

    with_address, without = lines(capfd)
    assert with_address["client_address"] == "192.0.2.1"
    assert "client_address" not in without


async def test_probe_is_logged_if_it_fails(
    client: AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    """A probe every second is most of the log, and says nothing."""
    await client.get("/health/live")
    await client.get("/health/ready")
    assert lines(capfd) == []

    app_logging.configure(Settings(log_format="json", log_level="DEBUG"))
    await client.get("/health/live")
    (line,) = [line for line in lines(capfd) if line["event"] == "request"]

    assert (line["route"], line["level"]) == ("/health/live", "debug")


async def test_what_is_unavailable_is_said_in_a_short_line(
    committing_client: AsyncClient,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database that is down is logged with each request: a traceback each time fills disks."""
    monkeypatch.setattr(probe, "engine", create_async_engine(NOWHERE))

    response = await committing_client.get("/health/ready")

    unavailable, request = capfd.readouterr().out.splitlines()
    assert response.status_code == 503
    assert json.loads(request)["status"] == 503
    assert json.loads(unavailable)["error"].startswith("ConnectionRefusedError: ")
    assert len(unavailable) < 400


async def test_reason_of_the_database_is_masked_and_short(
    app: FastAPI, committing_client: AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    """Information disclosure: what is masked must not be cut first, which would hide its form."""
    message = f"{'x' * 160} postgresql://me:{SECRET}@{'h' * 100}/db does not answer"

    @app.post("/refused", status_code=204, response_model=None)
    async def refuse(db: DbSession) -> None:
        statement = f"DO $$ BEGIN RAISE E'{message}\\nmore' USING ERRCODE = '57P03'; END $$"
        await db.execute(text(statement))

    await committing_client.post("/refused")

    unavailable, _ = lines(capfd)
    assert unavailable["error"].startswith("asyncpg.exceptions.CannotConnectNowError: x")
    assert len(unavailable["error"]) == 200
    assert SECRET[:8] not in str(unavailable)
    assert "more" not in unavailable["error"]
    assert "exception" not in unavailable


async def test_crash_is_one_json_line_with_the_id_of_its_request(
    app: FastAPI, client: AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    @app.get("/crash", status_code=204, response_model=None)
    async def crash() -> None:
        raise LookupError("oops")

    await client.get("/crash", headers={"X-Request-ID": "a-1"})

    crashed, request = lines(capfd)
    assert crashed.keys() == {"event", "request_id", "level", "timestamp", "exception"}
    assert (crashed["event"], crashed["level"]) == ("request crashed", "error")
    assert crashed["request_id"] == request["request_id"] == "a-1"
    assert crashed["exception"][0]["exc_type"] == "LookupError"

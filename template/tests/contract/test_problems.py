"""What becomes a problem (RFC 9457), with which status, and what it must not say.

That every error of every test is a problem is seen by `conformance.py`.
"""

from collections.abc import AsyncIterator
from itertools import chain
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from httpx import AsyncClient
from pydantic import BaseModel, ByteSize, Field
from sqlalchemy import text
from sqlalchemy.orm.exc import StaleDataError

from app.api.deps import DbSession
from app.config import settings
from app.schemas.base import Input

CANARY = "ž"  # Pydantic quotes the first letter that no UUID has


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Shelf(Input):
    labels: dict[str, int] | None = None
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    id: UUID | None = None
    region: ZoneInfo | None = None
    bytes: ByteSize | None = None


async def test_problem_repeats_no_input(app: FastAPI, client: AsyncClient) -> None:
    """Information disclosure: what was sent may be a password, and errors are logged."""

    @app.post("/-/shelves", status_code=204, response_model=None)
    async def create_shelf(shelf: Shelf) -> None: ...

    wrong = {"labels": {CANARY: CANARY}, "pet": {"kind": CANARY}, "id": CANARY, CANARY: CANARY}
    wrong |= {"region": f"{CANARY}one", "bytes": f"5 {CANARY}"}

    response = await client.post("/-/shelves", json=wrong)

    errors = response.json()["errors"]
    assert response.status_code == 422
    assert [*chain(*(error["loc"][1:] for error in errors))] == [*Shelf.model_fields]
    assert all(error.keys() == {"loc", "msg", "type"} for error in errors)
    assert CANARY not in response.text


async def test_too_large_body_is_413(client: AsyncClient) -> None:
    """Denial of service: a body announces its size, or turns out to be too large."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * (settings.max_body_bytes // 2)

    for content in (b"x" * (settings.max_body_bytes + 1), chunks()):
        headers = {"Content-Type": "application/json"}
        response = await client.post("/auth/refresh", content=content, headers=headers)

        assert response.status_code == 413


@pytest.mark.parametrize(
    ("sqlstate", "status"),
    [
        ("23505", 409),
        ("23503", 409),
        ("23P01", 409),
        ("22000", 422),
        ("23514", 422),
        ("25006", 503),
        ("40001", 503),
        ("57014", 503),
        ("23502", 500),
        ("42501", 500),
    ],
)
async def test_sqlstate_decides_the_status(
    app: FastAPI, committing_client: AsyncClient, sqlstate: str, status: int
) -> None:
    """A constraint is a conflict, a transient error may be retried, all else is our mistake."""

    @app.post("/refused", status_code=204, response_model=None)
    async def refuse(db: DbSession) -> None:
        statement = f"DO $$ BEGIN RAISE 'a secret' USING ERRCODE = '{sqlstate}'; END $$"
        await db.execute(text(statement))

    response = await committing_client.post("/refused")

    assert response.status_code == status
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (HTTPException(status_code=499, detail="Unusual."), 499),
        (HTTPException(status_code=400, detail={"a": 1}), 400),
        (StaleDataError(), 409),
        (ConnectionResetError(), 503),
        (FileNotFoundError(2, "No such file", "template.txt"), 500),
    ],
)
async def test_exception_decides_the_status(
    app: FastAPI, client: AsyncClient, error: Exception, status: int
) -> None:
    @app.get("/raises", status_code=204, response_model=None)
    async def fail() -> None:
        raise error

    response = await client.get("/raises")

    assert response.status_code == status


async def test_401_of_a_route_has_a_challenge(app: FastAPI, client: AsyncClient) -> None:
    """RFC 9110, section 15.5.2 asks for one, and a route may have forgotten it."""

    @app.get("/closed", status_code=204, response_model=None)
    async def closed() -> None:
        raise HTTPException(status_code=401)

    response = await client.get("/closed")

    assert response.headers["www-authenticate"] == "Bearer"


async def test_crash_in_a_stream_breaks_the_connection(app: FastAPI, client: AsyncClient) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise LookupError("too late for a 500")

    @app.get("/half", response_model=None)
    async def stream() -> StreamingResponse:
        return StreamingResponse(half())

    with pytest.raises(LookupError):
        await client.get("/half")


async def test_crash_after_the_response_keeps_the_connection(
    app: FastAPI, client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Raised further, it would make uvicorn close the connection under the next request."""

    async def fail() -> None:
        raise LookupError("too late for a response")

    @app.post("/after", status_code=202, response_model=str)
    async def respond(background: BackgroundTasks) -> str:
        background.add_task(fail)
        return "soon"

    response = await client.post("/after")

    assert response.status_code == 202
    assert caplog.messages == ["request crashed"]

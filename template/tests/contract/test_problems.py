"""Every error is a problem (RFC 9457), and tells a stranger nothing."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal
from uuid import UUID

import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from httpx import AsyncClient
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.orm.exc import StaleDataError
from structlog.testing import capture_logs

from app.api.deps import DbSession
from app.config import settings


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no", 404),
        ("DELETE", "/health/live", 405),
        ("GET", "/users/me", 401),
        ("POST", "/auth/token", 422),
    ],
)
async def test_every_error_is_a_problem(
    method: str, path: str, status: int, client: AsyncClient
) -> None:
    response = await client.request(method, path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert response.json()["type"] == "about:blank"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_a_problem_does_not_repeat_what_was_sent(client: AsyncClient) -> None:
    body = {"password": "my-secret-password", "my-secret-name": 1}
    response = await client.post("/auth/register", json=body)

    assert response.status_code == 422
    assert "my-secret" not in response.text
    errors = response.json()["errors"]
    assert {"loc": ["body"], "type": "extra_forbidden"}.items() <= errors[-1].items()
    assert all({"loc", "msg", "type"} == error.keys() for error in errors)


async def test_the_key_of_a_dictionary_is_not_repeated(app: FastAPI, client: AsyncClient) -> None:
    class Shelf(BaseModel):
        labels: dict[str, int]

    @app.post("/shelves", status_code=204, response_model=None)
    async def fill(shelf: Shelf) -> None: ...

    response = await client.post("/shelves", json={"labels": {"my-secret": "x"}})

    assert response.json()["errors"][0]["loc"] == ["body", "labels"]


async def test_the_tag_of_a_union_is_not_repeated(app: FastAPI, client: AsyncClient) -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]

    class Dog(BaseModel):
        kind: Literal["dog"]

    Pet = Annotated[Cat | Dog, Field(discriminator="kind")]

    @app.post("/pets", status_code=204, response_model=None)
    async def adopt(pet: Pet) -> None: ...

    response = await client.post("/pets", json={"kind": "my-secret"})

    assert response.status_code == 422
    assert "'cat', 'dog'" in response.json()["errors"][0]["msg"]
    assert "my-secret" not in response.text


async def test_a_letter_that_is_no_uuid_is_not_repeated(app: FastAPI, client: AsyncClient) -> None:
    @app.get("/things/{thing_id}", status_code=204, response_model=None)
    async def read_thing(thing_id: UUID) -> None: ...

    response = await client.get("/things/zzzz")

    assert response.status_code == 422
    assert "z" not in response.json()["errors"][0]["msg"]


@pytest.mark.parametrize("body", ['{"email": NaN}', '{"email": "\\ud800"}', "{", "[]", '"\\u0000"'])
async def test_broken_json_is_the_callers_fault(client: AsyncClient, body: str) -> None:
    response = await client.post(
        "/auth/register", content=body, headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 422


async def test_a_body_that_says_it_is_too_large_is_not_read(client: AsyncClient) -> None:
    response = await client.post("/auth/register", content=b"x" * (settings.max_body_bytes + 1))

    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_body_that_turns_out_too_large_is_refused(client: AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(settings.max_body_bytes // 100_000 + 1):
            yield b"x" * 100_000

    response = await client.post(
        "/auth/register", content=chunks(), headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/health/live", "GET"),
        ("/users/me", "DELETE, GET, PATCH"),
        ("/users/1", "GET, PATCH"),
        ("/docs", "GET, HEAD"),
    ],
)
async def test_a_refused_method_hears_which_are_allowed(
    path: str, methods: str, client: AsyncClient
) -> None:
    response = await client.options(path)

    assert response.status_code == 405
    assert response.headers["allow"] == methods


async def test_a_crash_is_answered_and_logged(app: FastAPI, client: AsyncClient) -> None:
    @app.get("/crash", status_code=204, response_model=None)
    async def crash() -> None:
        raise LookupError("an internal")

    with capture_logs() as logs:
        response = await client.get("/crash")

    assert response.status_code == 500
    assert response.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
    }
    assert response.headers["x-frame-options"] == "DENY"
    assert [line["event"] for line in logs] == ["request crashed", "request"]
    assert logs[-1]["status"] == 500


@pytest.mark.parametrize(
    ("sqlstate", "status"),
    [
        ("23505", 409),
        ("23503", 409),
        ("40001", 503),
        ("57014", 503),
        ("23502", 500),
        ("22012", 500),
    ],
)
async def test_what_the_database_refuses_has_a_status(
    app: FastAPI, committing_client: AsyncClient, sqlstate: str, status: int
) -> None:
    @app.post("/refused", status_code=204, response_model=None)
    async def refused(db: DbSession) -> None:
        statement = f"DO $$ BEGIN RAISE 'an internal' USING ERRCODE = '{sqlstate}'; END $$"
        await db.execute(text(statement))

    response = await committing_client.post("/refused")

    assert response.status_code == status
    assert "internal" not in response.json().get("detail", "")


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
async def test_what_a_route_raises_has_a_status(
    app: FastAPI, client: AsyncClient, error: Exception, status: int
) -> None:
    @app.get("/raises", status_code=204, response_model=None)
    async def raises() -> None:
        raise error

    response = await client.get("/raises")

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


async def test_401_of_a_route_has_a_challenge(app: FastAPI, client: AsyncClient) -> None:
    """RFC 9110, section 15.5.2 asks for one, and a route may have forgotten it."""

    @app.get("/closed", status_code=204, response_model=None)
    async def closed() -> None:
        raise HTTPException(status_code=401)

    response = await client.get("/closed")

    assert response.headers["www-authenticate"] == "Bearer"


async def test_half_an_answer_ends_in_a_broken_connection(
    app: FastAPI, client: AsyncClient
) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise LookupError("too late for a 500")

    @app.get("/half", response_model=None)
    async def stream() -> StreamingResponse:
        return StreamingResponse(half())

    with pytest.raises(LookupError):
        await client.get("/half")


async def test_work_that_fails_after_the_answer_harms_nobody(
    app: FastAPI, client: AsyncClient
) -> None:
    """Raised further, uvicorn would close a connection on which the next request may be waiting."""

    async def fail() -> None:
        raise LookupError("too late for an answer")

    @app.post("/after", status_code=202, response_model=str)
    async def after(background: BackgroundTasks) -> str:
        background.add_task(fail)
        return "soon"

    with capture_logs() as logs:
        response = await client.post("/after")

    assert response.status_code == 202
    assert [line["event"] for line in logs] == ["request crashed", "request"]

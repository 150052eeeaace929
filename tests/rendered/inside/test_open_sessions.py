"""What runs when the session of the request has ended: streams, background tasks, exits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse
from httpx import AsyncClient
from sqlalchemy import select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import DbSession
from app.api.streams import OpenSession
from app.db.session import SessionLocal
from app.models.users import User
from tests.contract.test_atomicity import assert_nothing_leaked
from tests.factories.users import UserFactory

ENDED = "permanently closed"


async def names(db: AsyncSession) -> list[str]:
    return list(await db.scalars(select(User.name).order_by(User.id)))


async def test_background_task_with_the_session_of_the_request_is_refused(
    app: FastAPI, committing_client: AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    async def write(db: AsyncSession) -> None:
        db.add(User(email="a@example.com", name="A", password_hash="-"))

    @app.post("/later", status_code=202, response_model=None)
    async def later(db: DbSession, background: BackgroundTasks) -> None:
        background.add_task(write, db)

    response = await committing_client.post("/later")

    assert response.status_code == 202
    await assert_nothing_leaked()
    assert ENDED in capfd.readouterr().out


async def test_event_stream_with_the_session_is_refused(
    app: FastAPI, committing_client: AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    """FastAPI reads it in a task group, which begins before the session ends."""

    @app.get("/late", response_class=EventSourceResponse)
    async def late(db: DbSession, seconds: float) -> AsyncIterator[list[str]]:
        await asyncio.sleep(seconds)
        yield await names(db)

    for seconds in (0, 0.2):
        with suppress(ExceptionGroup):
            await committing_client.get(f"/late?seconds={seconds}")

        assert "take `open_session: OpenSession`" in capfd.readouterr().out
        await assert_nothing_leaked()


async def test_exit_of_a_dependency_with_the_session_of_the_request_is_refused(
    app: FastAPI, committing_client: AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    async def audited(db: DbSession) -> AsyncIterator[None]:
        yield
        db.add(User(email="a@example.com", name="A", password_hash="-"))

    @app.post("/audited", status_code=204, response_model=None, dependencies=[Depends(audited)])
    async def respond() -> None: ...

    response = await committing_client.post("/audited")

    assert response.status_code == 204
    await assert_nothing_leaked()
    assert ENDED in capfd.readouterr().out


def add_streams(app: FastAPI) -> None:
    """Routes that read in a stream, poll for events, and write in a stream; one is a GET."""

    async def read(open_session: OpenSession) -> AsyncIterator[str]:
        async with open_session() as db:
            found = await names(db)
        for name in found:
            yield name

    async def write(open_session: OpenSession) -> AsyncIterator[str]:
        async with open_session() as db, db.begin():
            db.add(User(email="b@example.com", name="B", password_hash="-"))
        yield "written"

    @app.get("/names", response_model=None)
    async def list_names(db: DbSession, open_session: OpenSession) -> StreamingResponse:
        await names(db)
        return StreamingResponse(read(open_session))

    @app.get("/events", response_class=EventSourceResponse)
    async def events(open_session: OpenSession) -> AsyncIterator[str]:
        while True:
            async for name in read(open_session):
                yield name
            await asyncio.sleep(1)

    @app.post("/write", response_model=None)
    async def stream_a_write(open_session: OpenSession) -> StreamingResponse:
        return StreamingResponse(write(open_session))

    @app.get("/write", response_model=None)
    async def stream_a_forbidden_write(open_session: OpenSession) -> StreamingResponse:
        return StreamingResponse(write(open_session))


async def assert_streams_work(client: AsyncClient) -> None:
    streamed = await client.get("/names")
    event = await client.get("/events")
    written = await client.post("/write")

    assert (streamed.text, written.text) == ("A", "written")
    assert event.text.startswith('data: "A"\n')


async def test_stream_has_sessions_of_its_own(
    app: FastAPI, committing_client: AsyncClient, committed: AsyncSession
) -> None:
    add_streams(app)
    await UserFactory.acreate(name="A")

    await assert_streams_work(committing_client)

    async with SessionLocal() as db:
        assert await names(db) == ["A", "B"]
    await assert_nothing_leaked()


async def test_stream_sees_the_rows_of_a_test(
    app: FastAPI, client: AsyncClient, db: AsyncSession
) -> None:
    add_streams(app)
    await UserFactory.acreate(name="A")

    await assert_streams_work(client)

    assert await names(db) == ["A", "B"]


async def test_stream_of_a_get_cannot_write(app: FastAPI, committing_client: AsyncClient) -> None:
    add_streams(app)

    with pytest.raises(RuntimeError, match="A GET or HEAD request cannot write"):
        await committing_client.get("/write")


async def test_session_of_a_stream_cannot_be_used_again(
    app: FastAPI, committing_client: AsyncClient
) -> None:
    """Pool exhausted: a session that reopened by itself would leak a connection here, too."""

    async def read(open_session: OpenSession) -> AsyncIterator[str]:
        async with open_session() as db:
            yield "begun"
        await names(db)

    @app.get("/late", response_model=None)
    async def stream(open_session: OpenSession) -> StreamingResponse:
        return StreamingResponse(read(open_session))

    with pytest.raises(InvalidRequestError, match="permanently closed"):
        await committing_client.get("/late")
    await assert_nothing_leaked()


async def test_silent_event_stream_ends_the_test_too(app: FastAPI, client: AsyncClient) -> None:
    @app.get("/silence", response_class=EventSourceResponse)
    async def silence() -> AsyncIterator[str]:
        await asyncio.sleep(3600)
        yield "never"

    assert (await client.get("/silence")).text == ""

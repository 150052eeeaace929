"""Nothing waits for long: a limit per request, fair queues, and a database that is silent."""

import asyncio
import threading
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Annotated, Any

import asyncpg
import pytest
from fastapi import Body, Depends, FastAPI, Request
from fastapi.responses import StreamingResponse
from httpx import ASGITransport, AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool
from starlette.background import BackgroundTask
from starlette.types import Message

from app import passwords, turns
from app.api.deps import DbSession
from app.api.time_limit import TimeLimit, TimeLimitMiddleware
from app.config import Settings, settings
from app.db import connection as db_connection
from app.db.connection import connect, connect_args
from app.db.pool import FairPool
from app.main import create_app
from app.models.users import User
from app.passwords import hash_password
from tests.accounts import log_in

LIMIT = 0.2  # seconds


@pytest.fixture
async def hasty(committing_client: AsyncClient) -> AsyncIterator[tuple[FastAPI, AsyncClient]]:
    """A service with a limit of 0.2 seconds, and its client."""
    app = create_app(Settings(request_timeout=LIMIT))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield app, client


async def test_request_over_its_limit_is_503_and_rolled_back(
    hasty: tuple[FastAPI, AsyncClient], committed: AsyncSession, user: User
) -> None:
    """Its statements are short, so no limit of the database ends it."""
    app, client = hasty

    @app.post("/slow")
    async def slow(db: DbSession) -> None:
        await db.execute(text("UPDATE users SET name = 'changed'"))
        for _ in range(100):
            await db.execute(text("SELECT pg_sleep(0.05)"))

    response = await client.post("/slow")

    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.headers["content-type"] == "application/problem+json"
    await committed.refresh(user)
    assert user.name != "changed"


async def test_limit_of_a_route_goes_before(hasty: tuple[FastAPI, AsyncClient]) -> None:
    app, client = hasty

    @app.get("/report", dependencies=[Depends(TimeLimit(5))])
    @app.get("/endless", dependencies=[Depends(TimeLimit(None))])
    async def report(request: Request) -> None:
        await request.body()
        await asyncio.sleep(2 * LIMIT)

    assert (await client.get("/report")).status_code == 200
    assert (await client.get("/endless")).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_statements_may_take_as_long_as_their_route(
    method: str, app: FastAPI, committing_client: AsyncClient
) -> None:
    """And with the transaction that ends: the next request has the connection."""

    async def limit(db: DbSession) -> str:
        return str(await db.scalar(text("SHOW statement_timeout")))

    app.add_api_route("/-/limit", limit, methods=[method])
    own = [Depends(TimeLimit(30))]
    app.add_api_route("/report", limit, methods=[method], dependencies=own)

    found = [
        await committing_client.request(method, path) for path in ("/report", "/-/limit", "/report")
    ]

    assert [response.json() for response in found] == ["30s", "4s", "30s"]


async def test_upload_and_stream_take_as_long_as_they_take(
    hasty: tuple[FastAPI, AsyncClient],
) -> None:
    app, client = hasty

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"12"
            await asyncio.sleep(LIMIT / 2)

    @app.post("/copy")
    async def copy(sent: Annotated[int, Body()]) -> StreamingResponse:
        return StreamingResponse(parts())

    response = await client.post(
        "/copy", content=parts(), headers={"Content-Type": "application/json"}
    )

    assert response.text == "121212"


async def test_work_after_a_response_has_no_limit(
    hasty: tuple[FastAPI, AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream listens for a disconnect, until it ends; the hash would be of nobody who waits."""
    app, client = hasty
    hashes = []

    async def work() -> None:
        await asyncio.sleep(2 * LIMIT)
        hashes.append(await hash_password("x" * 15))

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter([b"1"]), background=BackgroundTask(work))

    assert (await client.get("/stream")).text == "1"
    assert len(hashes) == 1


async def test_error_after_the_limit_is_answered(hasty: tuple[FastAPI, AsyncClient]) -> None:
    """As that of a rollback on the connection that the limit has broken."""
    app, client = hasty

    @app.get("/broken")
    async def broken(request: Request) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await request.body()
            raise OSError

    assert (await client.get("/broken")).status_code == 503


async def test_timeout_of_others_is_no_limit() -> None:
    async def broken(*_: object) -> None:
        raise TimeoutError

    middleware = TimeLimitMiddleware(broken, seconds=60)
    with pytest.raises(TimeoutError):
        await middleware({"type": "http", "status": None}, broken, broken)  # type: ignore[arg-type]


async def test_sign_in_waits_a_moment_for_its_turn(
    committing_client: AsyncClient, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Denial of service: a queue without end keeps everyone out, and so does a lockout."""
    with monkeypatch.context() as busy:
        busy.setattr(turns, "PATIENCE", 0.01)
        busy.setattr(passwords, "_hashing", asyncio.Semaphore(0))
        refused = [await log_in(committing_client, user.email) for _ in range(11)]

    assert {response.status_code for response in refused} == {503}
    assert refused[0].headers["retry-after"] == "1"
    assert (await log_in(committing_client, user.email)).status_code == 200


async def test_nothing_is_hashed_for_a_client_who_left(
    app: FastAPI, committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Denial of service: to hang up costs a caller nothing."""
    monkeypatch.setattr(passwords, "_hasher", SimpleNamespace(hash=pytest.fail))
    body = b"username=a%40example.com&password=any"
    received: list[Message] = [{"type": "http.disconnect"}, {"type": "http.request", "body": body}]
    sent: list[Message] = []

    async def receive() -> Message:
        return received.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    form = (b"content-type", b"application/x-www-form-urlencoded")
    scope = {"type": "http", "method": "POST", "path": "/auth/token", "query_string": b""}
    await app(scope | {"headers": [form]}, receive, send)

    assert sent[0]["status"] == 503


async def test_turn_lasts_as_long_as_its_thread() -> None:
    """A request that was ended leaves its thread at work."""
    semaphore, go_on = asyncio.Semaphore(1), threading.Event()
    ended = asyncio.create_task(turns.in_turn(semaphore, go_on.wait))
    await asyncio.sleep(0.05)
    ended.cancel()
    await asyncio.wait([ended])
    locked = semaphore.locked()
    go_on.set()

    assert locked
    await asyncio.wait_for(semaphore.acquire(), timeout=5)


@pytest.fixture
async def pool_of_one(cloned_database: None) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(
        settings.database_url,
        poolclass=FairPool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=5,
        connect_args=connect_args(settings),
    )
    yield engine
    await engine.dispose()


async def test_connection_goes_to_who_waits_longest(pool_of_one: AsyncEngine) -> None:
    served = []

    async def serve(name: str) -> None:
        async with pool_of_one.connect():
            served.append(name)

    async with pool_of_one.connect():
        waiting = [asyncio.create_task(serve(name)) for name in ("first", "second")]
        await asyncio.sleep(0.05)
    await serve("newcomer")
    await asyncio.gather(*waiting)

    assert served == ["first", "second", "newcomer"]


async def test_turn_is_given_back_however_a_connection_ends(pool_of_one: AsyncEngine) -> None:
    async with pool_of_one.connect() as connection:
        await connection.invalidate()
    raw = await pool_of_one.raw_connection()
    raw.detach()
    raw.close()
    nowhere = create_async_engine(
        "postgresql+asyncpg://127.0.0.1:1/x", poolclass=FairPool, pool_size=1, max_overflow=0
    )
    for _ in range(2):
        with pytest.raises(OSError, match="Connect call failed"):
            await nowhere.connect()

    async with asyncio.timeout(5), pool_of_one.connect():
        pass


async def test_silent_connection_is_cut_at_its_ping(
    cloned_database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db_connection, "PING", "SELECT pg_sleep(5)")
    monkeypatch.setattr(db_connection, "PING_TIMEOUT", 0.05)
    engine = create_async_engine(
        settings.database_url, poolclass=NullPool, connect_args=connect_args(settings)
    )
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection

        assert await driver.fetchrow("SELECT 2 AS two") == (2,)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await driver.fetchrow(";")  # as SQLAlchemy does

        assert driver.is_closed()


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            b"unsupported startup parameter: lock_timeout",
            "lock_timeout. .* DATABASE_PGBOUNCER=true",
        ),
        (b"no such user", "^no such user$"),
    ],
)
async def test_pgbouncer_without_its_setting_is_named(message: bytes, shown: str) -> None:
    fields = b"SFATAL\0C08P01\0M%s\0\0" % message
    answer = b"E" + (len(fields) + 4).to_bytes(4) + fields

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(asyncpg.ProtocolViolationError, match=shown):
            await connect(host="127.0.0.1", port=port, user="me", ssl=False)

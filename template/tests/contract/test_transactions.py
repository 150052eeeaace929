"""What `SessionLocal` and the session of a request promise. Everything here really commits.

The pool has one connection: a request that needs two would be a 503.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from fastapi import Depends, FastAPI
from httpx import AsyncClient
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import DbSession, get_current_user, get_db
from app.db.session import SessionLocal
from app.errors import Conflict, Recorded, Unauthorized
from app.models.users import User
from tests.accounts import SignIn
from tests.contract.database import failing_commits, run
from tests.factories.users import UserFactory

FIELDS = {"email": "a@example.com", "name": "A", "password_hash": "-"}


class StolenToken(Recorded, Unauthorized):
    pass


async def count_users() -> int:
    async with SessionLocal() as db:
        return await db.scalar(select(func.count()).select_from(User)) or 0


async def add(db: AsyncSession) -> None:
    db.add(User(**FIELDS))


async def flush(db: AsyncSession) -> None:
    db.add(User(**FIELDS))
    await db.flush()


async def insert_core(db: AsyncSession) -> None:
    await db.execute(insert(User), FIELDS)


async def test_plain_session_rolls_back(committing_client: AsyncClient) -> None:
    with suppress(LookupError):
        async with SessionLocal() as db, db.begin():
            await flush(db)
            raise LookupError

    assert await count_users() == 0


async def test_failed_commit_is_500(
    app: FastAPI,
    committing_client: AsyncClient,
    committed: AsyncSession,
    sign_in: SignIn,
) -> None:
    """The commit comes before the response, and both forms of a dependency are one session."""

    @app.post("/long-form", status_code=204, response_model=None)
    async def rename(
        short: DbSession,
        db: AsyncSession = Depends(get_db),
        user: User = Depends(get_current_user),
    ) -> None:
        assert short is db
        user.name = "New"

    headers = await sign_in(await UserFactory.acreate())
    await committed.commit()

    async with failing_commits():
        response = await committing_client.post("/long-form", headers=headers)

    assert response.status_code == 500


@pytest.mark.parametrize(
    ("error", "status", "kept"), [(StolenToken, 401, 1), (Conflict, 409, 0), (LookupError, 500, 0)]
)
async def test_only_a_recorded_error_keeps_writes(
    app: FastAPI, committing_client: AsyncClient, error: type[Exception], status: int, kept: int
) -> None:
    @app.post("/recorded", status_code=204, response_model=None)
    async def refuse(db: DbSession) -> None:
        await flush(db)
        raise error("No.")

    response = await committing_client.post("/recorded")

    assert response.status_code == status
    assert await count_users() == kept


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("write", [add, flush, insert_core])
async def test_read_cannot_write(
    app: FastAPI,
    committing_client: AsyncClient,
    method: str,
    write: Callable[[AsyncSession], Awaitable[None]],
) -> None:
    @app.api_route("/read", methods=["GET", "HEAD"], status_code=204, response_model=None)
    async def read(db: DbSession) -> None:
        await write(db)

    response = await committing_client.request(method, "/read")

    assert response.status_code == 500
    assert await count_users() == 0


async def test_failed_savepoint_keeps_the_transaction(
    app: FastAPI, committing_client: AsyncClient
) -> None:
    @app.post("/savepoint", status_code=204, response_model=None)
    async def write_twice(db: DbSession) -> None:
        await flush(db)
        with pytest.raises(IntegrityError):
            async with db.begin_nested():
                await flush(db)

    response = await committing_client.post("/savepoint")

    assert response.status_code == 204
    assert await count_users() == 1


async def test_begin_in_a_service_is_refused(app: FastAPI, committing_client: AsyncClient) -> None:
    @app.post("/begin", status_code=204, response_model=None)
    async def begin(db: DbSession) -> None:
        async with db.begin():
            pass

    assert (await committing_client.post("/begin")).status_code == 500


@pytest.mark.parametrize(
    ("method", "before", "status"),
    [("GET", "SELECT 1", 204), ("POST", "", 204), ("POST", "SELECT 1", 503)],
)
async def test_changed_column_is_noticed_at_most_once(
    app: FastAPI, committing_client: AsyncClient, method: str, before: str, status: int
) -> None:
    """A migration changed what a prepared statement returns: it is repeated if it can be."""

    @app.api_route("/-/things", methods=["GET", "POST"], status_code=204, response_model=None)
    async def read_things(db: DbSession) -> None:
        for statement in filter(None, [before, "SELECT * FROM things"]):
            await db.execute(text(statement))

    async def sent() -> int:
        return (await committing_client.request(method, "/-/things")).status_code

    await run("CREATE TABLE things (one integer)")
    assert await sent() == 204
    await run("ALTER TABLE things ALTER one TYPE text")

    assert [await sent() for _ in range(3)] == [status, 204, 204]

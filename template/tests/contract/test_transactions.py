"""What `SessionLocal` and the request's session promise. Everything here really commits."""

from collections.abc import Awaitable, Callable

import pytest
from fastapi import Depends, FastAPI
from httpx import AsyncClient
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from app.api.deps import DbSession, get_db
from app.db.session import SessionLocal
from app.errors import Conflict, Recorded, Unauthorized
from app.models.users import User
from app.repos import users as user_repo
from tests.contract.statements import Statements

FAIL_AT_COMMIT = [
    """CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'the disk is full'; END $$""",
    """CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()""",
]
FIELDS = {"email": "a@example.com", "name": "A", "password_hash": "-"}


class StolenToken(Recorded, Unauthorized):
    pass


async def run(statements: list[str]) -> None:
    async with SessionLocal() as db, db.begin():
        for statement in statements:
            await db.execute(text(statement))


async def count_users() -> int:
    async with SessionLocal() as db:
        return await db.scalar(select(func.count()).select_from(User)) or 0


async def write(db: AsyncSession) -> None:
    await user_repo.save(db, User(**FIELDS))


async def fail_after_write() -> None:
    async with SessionLocal() as db, db.begin():
        await write(db)
        raise LookupError


async def test_a_plain_session_rolls_back(committing_client: AsyncClient) -> None:
    with pytest.raises(LookupError):
        await fail_after_write()

    assert await count_users() == 0


async def test_a_plain_session_commits(statements: Statements) -> None:
    async with SessionLocal() as db, db.begin():
        await write(db)

    assert await statements.take() == ["ping", "BEGIN", "INSERT", "COMMIT"]
    assert await count_users() == 1


async def test_both_ways_to_ask_for_the_session_give_the_same(
    committing_client: AsyncClient, app: FastAPI, statements: Statements
) -> None:
    @app.post("/both", status_code=204, response_model=None)
    async def both(one: DbSession, other: AsyncSession = Depends(get_db)) -> None:
        assert one is other
        await write(one)

    response = await committing_client.post("/both")

    assert response.status_code == 204
    assert statements.connections == 1
    assert await statements.take() == ["ping", "BEGIN", "INSERT", "COMMIT"]


async def test_a_commit_that_fails_is_not_reported_as_success(
    committing_client: AsyncClient, app: FastAPI
) -> None:
    @app.post("/written", status_code=204, response_model=None)
    async def written(db: DbSession) -> None:
        await write(db)

    await run(FAIL_AT_COMMIT)

    response = await committing_client.post("/written")

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "disk" not in response.text
    assert await count_users() == 0


@pytest.mark.parametrize(("error", "status", "kept"), [(StolenToken, 401, 1), (Conflict, 409, 0)])
async def test_only_a_recorded_refusal_keeps_what_was_written(
    committing_client: AsyncClient,
    app: FastAPI,
    statements: Statements,
    error: type[Exception],
    status: int,
    kept: int,
) -> None:
    @app.post("/refused", status_code=204, response_model=None)
    async def refuse(db: DbSession) -> None:
        await write(db)
        raise error("No.")

    response = await committing_client.post("/refused")

    assert response.status_code == status
    assert response.json()["detail"] == "No."
    assert statements.connections == 1
    assert (await statements.take())[-1] == ("COMMIT" if kept else "ROLLBACK")
    assert await count_users() == kept


async def test_a_crash_rolls_back(committing_client: AsyncClient, app: FastAPI) -> None:
    @app.post("/crash", status_code=204, response_model=None)
    async def crash(db: DbSession) -> None:
        await write(db)
        raise LookupError

    assert (await committing_client.post("/crash")).status_code == 500
    assert await count_users() == 0


async def add(db: AsyncSession) -> None:
    db.add(User(**FIELDS))


async def insert_core(db: AsyncSession) -> None:
    await db.execute(insert(User), FIELDS)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("break_the_rule", [write, add, insert_core])
async def test_a_read_cannot_write(
    committing_client: AsyncClient,
    app: FastAPI,
    method: str,
    break_the_rule: Callable[[AsyncSession], Awaitable[None]],
) -> None:
    @app.api_route("/read", methods=["GET", "HEAD"], status_code=204, response_model=None)
    async def read(db: DbSession) -> None:
        await break_the_rule(db)

    with capture_logs() as logs:
        response = await committing_client.request(method, "/read")

    assert response.status_code == 500
    assert logs[0]["event"] == "request crashed"
    assert await count_users() == 0


async def test_a_part_that_fails_loses_only_itself(
    committing_client: AsyncClient, app: FastAPI, statements: Statements
) -> None:
    @app.post("/parts", status_code=204, response_model=None)
    async def parts(db: DbSession) -> None:
        await write(db)
        with pytest.raises(IntegrityError):
            async with db.begin_nested():
                await write(db)

    assert (await committing_client.post("/parts")).status_code == 204
    assert statements.connections == 1
    assert await count_users() == 1


async def test_a_session_begun_in_a_service_is_refused(
    committing_client: AsyncClient, app: FastAPI
) -> None:
    @app.post("/begin", status_code=204, response_model=None)
    async def begin(db: DbSession) -> None:
        async with db.begin():
            pass

    assert (await committing_client.post("/begin")).status_code == 500


async def test_a_rolled_back_test_leaves_nothing(db: AsyncSession) -> None:
    """Whatever the tests before it wrote with `client`, on the same database."""
    assert await db.scalar(select(func.count()).select_from(User)) == 0

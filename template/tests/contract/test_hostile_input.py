"""No input makes the service crash, tell what it was sent, or write where it should not.

Every operation of the OpenAPI document is called with a hostile value of each class in every
place; with `--all-cases`, with every value.
"""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import deps
from app.db.base import Base
from app.db.session import SessionLocal, engine
from app.models.users import Role
from tests.accounts import SignIn
from tests.contract.accounts import ANSWERS
from tests.contract.calls import call_about, how_to_call, who_may
from tests.contract.database import Contents, contents, without
from tests.contract.mutations import Request, spoilt, valid
from tests.contract.operations import Operation, operations
from tests.contract.payloads import CANARIES, Choice
from tests.factories.users import UserFactory

READS = re.compile(r"\s*(SELECT|SAVEPOINT|RELEASE|ROLLBACK)\b")


def faults_of(
    call: Request, response: Response, before: Contents, after: Contents
) -> Iterator[str]:
    """What is wrong with an answer. That it is documented is seen by `tests.conformance`."""
    status = response.status_code
    if status >= 500:
        yield f"answered {status}"
    elif call.must_answer and status not in call.must_answer:
        yield f"answered {status}, not {' or '.join(map(str, sorted(call.must_answer)))}"
    headers = [pair for pair in response.headers.items() if pair[0] != "x-request-id"]
    told = f"{headers}{response.text}"
    if status >= 400 and any(canary in told for canary in CANARIES):
        yield f"answered {status} and repeated what was sent: {response.text[:200]}"
    reads = call.operation.method in {"get", "head"}
    if (status >= 400 or reads) and without(before, ANSWERS.traces) != without(
        after, ANSWERS.traces
    ):
        yield f"answered {status}, but wrote {sorted(set(after) - set(before))}"
    if call.must_not_store and count(call, after) > count(call, before):
        yield f"answered {status} and stored {call.must_not_store}, which is the server's"


def count(call: Request, rows: Contents) -> int:
    return sum(call.must_not_store in row for _, row in rows)


@pytest.fixture
async def nested_client(
    app: FastAPI, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncClient]:
    """The real `get_db`; the transactions that it begins are savepoints of the test's."""

    def session(*, execution_options: Any = None, **options: Any) -> AsyncSession:
        nested = {"bind": db.bind, "join_transaction_mode": "create_savepoint"}
        return SessionLocal(execution_options={}, **nested, **options)

    monkeypatch.setattr(deps, "SessionLocal", session)
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        yield client


@pytest.fixture
def writes() -> Iterator[list[str]]:
    """The statements that may have changed a row, until the test empties the list."""
    statements: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not READS.match(statement):
            statements.append(statement)

    event.listen(engine.sync_engine, "after_cursor_execute", note)
    yield statements
    event.remove(engine.sync_engine, "after_cursor_execute", note)


@pytest.mark.parametrize("operation", operations(), ids=str)
async def test_hostile_input_is_refused_or_harmless(
    operation: Operation,
    nested_client: AsyncClient,
    db: AsyncSession,
    sign_in: SignIn,
    choice: Choice,
    writes: list[str],
    unmeasured: None,
    record_property: Any,
) -> None:
    owner = await UserFactory.acreate()
    admin = await UserFactory.acreate(role=Role.ADMIN)
    caller = {"anyone": None, "users": owner, "admins": admin}[who_may(operation)]
    headers = await sign_in(caller) if caller else {}
    call = valid(await call_about(owner, operation), headers)
    connection = await db.connection()
    before = await contents(connection)
    savepoint = await connection.begin_nested()

    async def send(case: Request) -> tuple[Response, Contents]:
        """Give the answer, and the rows after it; the next case finds everything as it was."""
        nonlocal savepoint
        writes.clear()
        response = await case.send(nested_client)
        after = await contents(connection) if writes else before
        if after != before:
            await savepoint.rollback()
            savepoint = await connection.begin_nested()
        return response, after

    answer, after = await send(call)
    changed = {table for table, _ in {*before} ^ {*after}}
    tables = changed or {table.name for table in Base.metadata.sorted_tables}
    faults, cases, crashes = [*faults_of(call, answer, before, after)], 1, 0
    for case in spoilt(call, choice, sorted(tables)):
        response, after = await send(case)
        faults += [f"{case.spoilt}: {fault}" for fault in faults_of(case, response, before, after)]
        cases += 1
        if response.status_code >= 500:  # its traceback is the end of the log
            crashes += 1
            break

    record_property("hostile cases", cases)
    record_property("hostile crashes", crashes)
    if faults:
        request = f"{operation.method.upper()} {operation.path}"
        more = [f"and {len(faults) - 20} more"] if len(faults) > 20 else []
        pytest.fail("\n".join([request, *faults[:20], *more]), pytrace=False)
    if not answer.is_success:  # refused, it keeps everything hostile from getting to the end
        pytest.skip(how_to_call(operation, answer))

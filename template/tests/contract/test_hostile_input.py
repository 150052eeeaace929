"""No input makes the service crash, repeat what was sent, or write where it should not.

Every operation of the OpenAPI document is called with each hostile value in every place.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import deps
from app.db.base import Base
from app.db.session import SessionLocal
from tests.accounts import SignIn
from tests.contract.accounts import ANSWERS
from tests.contract.calls import how_to_call
from tests.contract.database import Contents, contents, without
from tests.contract.mutations import Case, cases, rightful
from tests.contract.operations import Operation, operations
from tests.contract.payloads import CANARIES


def faults_of(case: Case, response: Response, before: Contents, after: Contents) -> Iterator[str]:
    """What is wrong with a response, beside what `conformance.py` finds."""
    status = response.status_code
    if status >= 500:
        yield f"answered {status}"
    if case.must_refuse and status < 400:
        yield f"answered {status}, not a 4xx: a page of another site can send that (CSRF)"
    headers = [pair for pair in response.headers.items() if pair[0] != "x-request-id"]
    told = f"{headers}{response.text}"
    if status >= 400 and any(canary in told for canary in CANARIES):
        yield f"answered {status} and repeated what was sent: {response.text[:200]}"
    reads = case.call.operation.method in {"get", "head"}
    if (status >= 400 or reads) and (changed := without({*before} ^ {*after}, ANSWERS.traces)):
        yield f"answered {status}, but wrote {changed}"
    was, now = (sum(case.must_not_store in row for _, row in rows) for rows in (before, after))
    if case.must_not_store and now > was:
        yield f"answered {status} and stored {case.must_not_store}, which is the server's"


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


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("operation", operations(), ids=str)
async def test_hostile_input_is_refused_or_harmless(
    operation: Operation,
    nested_client: AsyncClient,
    db: AsyncSession,
    sign_in: SignIn,
    request: pytest.FixtureRequest,
) -> None:
    """Injection, denial of service, mass assignment, and input that an error reflects."""
    case = await rightful(operation, sign_in)
    connection = await db.connection()
    before = await contents(connection)
    savepoint = await connection.begin_nested()

    async def send(case: Case) -> tuple[Response, set[str]]:
        """Give the response, and the tables that changed; the next case finds them as they were."""
        nonlocal savepoint
        response = await case.send(nested_client)
        after = await contents(connection)
        if after != before:
            await savepoint.rollback()
            savepoint = await connection.begin_nested()
        if faults := [*faults_of(case, response, before, after)]:
            # At once: the end of the log is about this case.
            title = f"{operation.method.upper()} {operation.path} with {case.mutation}"
            pytest.fail("\n".join([title, *faults]), pytrace=False)
        return response, {table for table, _ in {*before} ^ {*after}}

    response, tables = await send(case)
    sent = [await send(each) for each in cases(case, tables or Base.metadata.tables.keys())]

    request.node.user_properties.append(("hostile cases", 1 + len(sent)))
    if not response.is_success:  # then nothing hostile gets to the end
        pytest.skip(how_to_call(operation, response))

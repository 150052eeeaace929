"""No input makes the service crash, tell what it was sent, or write where it should not.

Every operation of the OpenAPI document is called with every hostile value in every place.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from httpx import AsyncClient, Response
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Text, cast, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app import security
from app.db.base import Base
from app.models.users import Role
from tests.accounts import SignIn
from tests.calls import call_about, who_may
from tests.factories.users import PASSWORD, UserFactory
from tests.hostile import CANARIES
from tests.operations import RECORDS, Operation, operations
from tests.spoilt import Request, spoilt, valid

type Contents = list[tuple[str, str]]

ALL_ROWS = union_all(
    *(
        select(literal(table.name), cast(func.row_to_json(table.table_valued()), Text))
        for table in Base.metadata.tables.values()
    )
)


@pytest.fixture
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of passwords are hashed here, and how well is not the question."""
    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(security, "_hasher", weak)


async def contents(db: AsyncSession) -> Contents:
    """Every row of every table, in one statement."""
    rows = await (await db.connection()).execute(ALL_ROWS)
    return sorted((table, row) for table, row in rows)


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
    if (status >= 400 or reads) and lasting(before) != lasting(after):
        yield f"answered {status}, but wrote {sorted(set(after) - set(before))}"
    if call.must_not_store and count(call, after) > count(call, before):
        yield f"answered {status} and stored {call.must_not_store}, which is the server's"


def lasting(rows: Contents) -> Contents:
    return [(table, row) for table, row in rows if table not in RECORDS]


def count(call: Request, rows: Contents) -> int:
    return sum(call.must_not_store in row for _, row in rows)


@pytest.mark.parametrize("operation", operations(), ids=str)
async def test_hostile_input_is_refused_or_harmless(
    operation: Operation,
    client: AsyncClient,
    db: AsyncSession,
    sign_in: SignIn,
    quick_hashing: None,
    record_property: Any,
) -> None:
    weak_hash = security._hasher.hash(PASSWORD)
    owner = await UserFactory.acreate(password_hash=weak_hash)
    admin = await UserFactory.acreate(role=Role.ADMIN)
    caller = {"anyone": None, "users": owner, "admins": admin}[who_may(operation)]
    headers = await sign_in(caller) if caller else {}
    call = valid(await call_about(owner, operation), headers)
    before = await contents(db)
    faults, cases, crashes, refusal = [], 0, 0, None

    savepoint = await db.begin_nested()
    for case in chain((call,), spoilt(call)):
        response = await case.send(client)
        if case is call:  # refused, it keeps everything hostile from getting to the end
            refusal = None if response.is_success else response
        after = await contents(db)
        faults += [f"{case.spoilt}: {f}" for f in faults_of(case, response, before, after)]
        cases += 1
        crashes += response.status_code >= 500
        if after != before:  # the next one finds everything as it was
            await savepoint.rollback()
            savepoint = await db.begin_nested()

    record_property("hostile cases", cases)
    record_property("hostile crashes", crashes)
    assert not faults, f"{operation.method.upper()} {operation.path}\n" + "\n".join(faults)
    if refusal is not None:
        assert not operation.ours, refusal.text
        status = refusal.status_code
        pytest.skip(f"It answers {status}: say in tests/calls.py how to call {operation}.")

"""No input makes the service crash, tell what it was sent, or write before it refuses.

Every operation of the OpenAPI document is called with every hostile value in every place.
"""

import re
from collections.abc import Iterator
from typing import Any

import factory
import pytest
from httpx import AsyncClient, Response
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Text, cast, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app import security
from app.db.base import Base
from app.models.users import Role, User
from tests.accounts import SignIn
from tests.factories import find_factories
from tests.factories.users import PASSWORD, UserFactory
from tests.hostile import CANARY
from tests.operations import RECORDS, Operation, operations
from tests.spoilt import Call, spoilt, valid

type Contents = list[tuple[str, str]]

ALL_ROWS = union_all(
    *(
        select(literal(table.name), cast(func.row_to_json(table.table_valued()), Text))
        for table in Base.metadata.tables.values()
        if table.name not in RECORDS
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


async def records_of(owner: User) -> dict[str, int]:
    """A record by each factory, for the path parameter of that name, such as `user_id`."""
    ids = {}
    for record_factory in find_factories():
        fields = {
            name: owner
            for name, declared in record_factory._meta.declarations.items()
            if isinstance(declared, factory.SubFactory) and declared.get_factory() is UserFactory
        }
        record = await record_factory.acreate(**fields)
        name = re.sub("(?<!^)(?=[A-Z])", "_", type(record).__name__).lower()
        ids[f"{name}_id"] = getattr(record, "id", 1)
    return ids


async def send(client: AsyncClient, call: Call) -> Response:
    return await client.request(
        call.operation.method,
        call.url,
        headers=[(name.encode(), value) for name, value in call.headers.items()],
        content=call.content if isinstance(call.content, bytes) else call.content(),
    )


def faults_of(call: Call, response: Response, before: Contents, after: Contents) -> Iterator[str]:
    """What is wrong with an answer. That it is documented is seen by `tests.conformance`."""
    status = response.status_code
    if status >= 500:
        yield f"answered {status}"
    elif call.must_answer and status not in call.must_answer:
        yield f"answered {status}, not {' or '.join(map(str, sorted(call.must_answer)))}"
    headers = [pair for pair in response.headers.items() if pair[0] != "x-request-id"]
    if status >= 400 and CANARY in f"{headers}{response.text}":
        yield f"answered {status} and repeated what was sent: {response.text[:200]}"
    if status >= 400 and before != after:
        yield f"answered {status}, but wrote {sorted(set(after) - set(before))}"
    if call.must_not_store and count(call, after) > count(call, before):
        yield f"answered {status} and stored {call.must_not_store}, which is the server's"


def count(call: Call, rows: Contents) -> int:
    return sum(call.must_not_store in row for _, row in rows)


@pytest.mark.no_cover  # which doubles its time; every line is reached by other tests, too
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
    admin = await UserFactory.acreate(role=Role.ADMIN, password_hash=weak_hash)
    headers = await sign_in(admin) if operation.signed_in else {}
    call = valid(operation, await records_of(admin), headers)
    before = await contents(db)
    faults, cases, crashes = [], 0, 0

    savepoint = await db.begin_nested()
    for case in spoilt(call):
        response = await send(client, case)
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

"""Who may call what: every operation, tried by everyone. What is expected is read off the routes.

`pytest tests/integration/test_authorisation.py -v` prints the answers as a table.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from httpx import AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.users import Role, User
from tests.accounts import Headers, SignIn
from tests.calls import FACTORIES, call_about, is_owned, parents_of, who_may
from tests.factories.users import UserFactory
from tests.operations import Operation, operations
from tests.spoilt import valid

CALLERS = ["anonymous", "owner", "other", "admin", "disabled", "deleted"]
MISSING = {"integer": 2**63 - 1, "string": "00000000-0000-4000-8000-000000000000"}

# For each answer of `who_may`, one who may.
RIGHTFUL = {"anyone": "anonymous", "users": "owner", "admins": "admin"}

# Writes that nobody has to sign in for.
PUBLIC = {"register", "login", "refresh", "reset_password"}

# Where an operation means to answer a caller otherwise than `expected` says.
EXCEPTIONS = {("read_user", "admin"): "let through"}


def expected(operation: Operation, caller: str) -> str:
    """`401`, `403`, `refused` (a 403, or a 404 as if there were no such object), `let through`."""
    if (operation.name, caller) in EXCEPTIONS:
        return EXCEPTIONS[operation.name, caller]
    if who_may(operation) == "anyone":
        return "let through"
    if caller in {"anonymous", "disabled", "deleted"}:
        return "401"
    if who_may(operation) == "admins":
        return "let through" if caller == "admin" else "403"
    return "refused" if caller != "owner" and is_about_the_owners(operation) else "let through"


def is_about_the_owners(operation: Operation) -> bool:
    return any(is_owned(name) for name in operation.schemas_in("path"))


@pytest.fixture
async def owner(db: AsyncSession) -> User:
    return await UserFactory.acreate()


@pytest.fixture
async def headers(caller: str, db: AsyncSession, owner: User, sign_in: SignIn) -> Headers:
    """What the caller sends; who is disabled or deleted was signed in before."""
    if caller == "anonymous":
        return {}
    if caller == "owner":
        return await sign_in(owner)
    user = await UserFactory.acreate(role=Role.ADMIN if caller == "admin" else Role.USER)
    headers = await sign_in(user)
    user.disabled = caller == "disabled"
    if caller == "deleted":
        await db.delete(user)
    await db.flush()
    return headers


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("operation", operations(), ids=str)
async def test_who_may_call_what(
    operation: Operation,
    caller: str,
    client: AsyncClient,
    owner: User,
    headers: Headers,
    record_property: Callable[[str, object], None],
) -> None:
    call = await call_about(owner, operation)

    answer = await valid(call, headers).send(client)

    record_property("call", (operation.name, caller, answer.status_code))
    status = answer.status_code
    outcome = str(status) if status in {401, 403} else "let through"
    if expected(operation, caller) == "refused" and status in {403, 404}:
        outcome = "refused"
    assert status < 500, answer.text
    assert outcome == expected(operation, caller), (
        f"{operation.method.upper()} {operation.path} answers {status} to {caller}. "
        f"If you mean that, add it to EXCEPTIONS: ({operation.name!r}, {caller!r}): {outcome!r}."
    )
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    if outcome == "refused" and status == 404:
        ids = {
            name: MISSING[schema["type"]]
            for name, schema in operation.schemas_in("path").items()
            if name == "user_id" or name in FACTORIES
        }
        missing = await valid(replace(call, ids=call.ids | ids), headers).send(client)
        assert (missing.status_code, missing.text) == (404, answer.text), (
            "Somebody else's object and a missing one can be told apart."
        )
    if caller == RIGHTFUL[who_may(operation)] and not answer.is_success:
        assert not operation.ours, answer.text
        pytest.skip(f"It answers {status}: say in tests/calls.py how to call {operation}.")


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_who_writes_is_signed_in(operation: Operation) -> None:
    writes = operation.method not in {"get", "head"}

    assert not writes or who_may(operation) != "anyone" or operation.name in PUBLIC, (
        f"Anybody may call {operation.method.upper()} {operation.path}: its route has no "
        f"`user: CurrentUser`. If you mean that, add {operation.name!r} to PUBLIC."
    )


async def test_what_is_hidden_is_hidden_everywhere(
    client: AsyncClient, db: AsyncSession, owner: User, sign_in: SignIn
) -> None:
    """What is a 404 to a stranger is in no list that the stranger reads."""
    stranger = await UserFactory.acreate()
    owners, strangers = await sign_in(owner), await sign_in(stranger)
    reads = [operation for operation in operations() if operation.method == "get"]

    async def read(operation: Operation, about: User, headers: Headers) -> Response:
        return await valid(await call_about(about, operation), headers).send(client)

    hidden = [
        record
        for operation in reads
        if (await read(operation, owner, strangers)).status_code in {403, 404}
        for record in records_in(await read(operation, owner, owners))
    ]
    for operation in reads:
        for shown in records_in(await read(operation, stranger, strangers)):
            assert not any(shown | record == shown for record in hidden), (
                f"GET {operation.path} shows a stranger what is a 404 elsewhere: {shown}"
            )


def records_in(answer: Response) -> list[dict[str, Any]]:
    """Every object with an `id` in an answer, at any depth."""

    def objects(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            yield value
            value = list(value.values())
        for item in value if isinstance(value, list) else []:
            yield from objects(item)

    if not answer.is_success or answer.headers.get("content-type") != "application/json":
        return []
    return [found for found in objects(answer.json()) if "id" in found]


async def test_a_part_is_found_below_its_own_whole_only(
    client: AsyncClient, db: AsyncSession, owner: User, sign_in: SignIn
) -> None:
    """The comment of one book is not at /books/{book_id}/comments/{comment_id} of another."""
    admin = await UserFactory.acreate(role=Role.ADMIN)
    callers = {"anyone": {}, "users": await sign_in(owner), "admins": await sign_in(admin)}
    for operation in operations():
        call, another = [await call_about(owner, operation) for _ in range(2)]
        for whole in wholes_in(operation):
            elsewhere = replace(call, ids=call.ids | {whole: another.ids[whole]})

            answer = await valid(elsewhere, callers[who_may(operation)]).send(client)

            assert answer.status_code == 404, f"{operation.path} takes any other {whole}."


def wholes_in(operation: Operation) -> list[str]:
    """The ids in its path of records that another one in its path refers to."""
    names = [name for name in operation.schemas_in("path") if name in FACTORIES]
    return [
        name
        for name in names
        if name != "user_id"
        for part in names
        if part != name and FACTORIES[name]._meta.model in parents_of(part).values()
    ]

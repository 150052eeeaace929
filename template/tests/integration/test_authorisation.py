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
from tests.calls import MODELS, call_about, is_owned, parents_of, who_may
from tests.factories.users import UserFactory
from tests.operations import Operation, operations
from tests.spoilt import valid

CALLERS = ["anonymous", "owner", "other", "admin", "disabled", "deleted"]
MISSING = {"integer": 2**63 - 1, "string": "00000000-0000-4000-8000-000000000000"}

# For each answer of `who_may`, one who may.
RIGHTFUL = {"anyone": "anonymous", "users": "owner", "admins": "admin"}

# Writes that nobody has to sign in for.
PUBLIC = {"register", "login", "refresh", "reset_password"}

# Operations that mean to find a child under any parent: a move, for example.
ANY_PARENT: set[str] = set()

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
            if name in MODELS
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


def records_in(operation: Operation) -> list[str]:
    """The ids in its path that name a record, parents first."""
    return [name for name in operation.schemas_in("path") if name in MODELS]


def listed_records() -> Iterator[Any]:
    """Each operation on a record, the name of its id, and the list that the record would be in."""
    reads = {operation.path: operation for operation in operations() if operation.method == "get"}
    for operation in operations():
        for name in records_in(operation)[-1:]:
            path, _, _ = operation.path.partition("/{" + name + "}")
            if path in reads:
                yield pytest.param(operation, name, reads[path], id=str(operation))


@pytest.mark.parametrize(("operation", "name", "list_operation"), [*listed_records()])
async def test_what_is_hidden_is_not_listed(
    operation: Operation,
    name: str,
    list_operation: Operation,
    client: AsyncClient,
    owner: User,
    sign_in: SignIn,
) -> None:
    """Whoever is told that there is no such book does not find it among the books."""
    stranger = await UserFactory.acreate()
    call, list_call = await call_about(owner, operation), await call_about(stranger, list_operation)

    listed = await valid(list_call, await sign_in(stranger)).send(client)
    to_stranger, to_owner = [
        await valid(call, await sign_in(caller)).send(client) for caller in (stranger, owner)
    ]

    hidden = to_stranger.status_code == 404 != to_owner.status_code
    assert not hidden or call.ids[name] not in ids_in(listed), (
        f"GET {list_operation.path} shows a stranger what is a 404 for the stranger elsewhere."
    )


def ids_in(answer: Response) -> list[Any]:
    """Those of the items of a list, whether the list is all there is or a page of it."""
    if not answer.is_success or "json" not in answer.headers.get("content-type", ""):
        return []
    body = answer.json()
    values = list(body.values()) if isinstance(body, dict) else [body]
    items = [item for value in values if isinstance(value, list) for item in value]
    return [item["id"] for item in items if isinstance(item, dict) and "id" in item]


async def test_a_child_is_found_under_its_own_parent_only(
    client: AsyncClient, db: AsyncSession, sign_in: SignIn
) -> None:
    """The comment on one book is not at /books/{book_id}/comments/{comment_id} of another.

    A service without such a path has nothing to show here.
    """
    admin = await UserFactory.acreate(role=Role.ADMIN)
    for operation in operations():
        for name in parents_in(operation):
            owner = await UserFactory.acreate()
            caller = admin if who_may(operation) == "admins" else owner
            headers = await sign_in(caller) if operation.signed_in else {}
            call, other = [await call_about(owner, operation) for _ in range(2)]
            elsewhere = replace(call, ids=call.ids | {name: other.ids[name]})

            answer = await valid(elsewhere, headers).send(client)

            assert not answer.is_success or operation.name in ANY_PARENT, (
                f"{operation.method.upper()} {operation.path} takes the {name} of another record. "
                f"If you mean that, add {operation.name!r} to ANY_PARENT."
            )


def parents_in(operation: Operation) -> list[str]:
    """The ids in its path of records that another one there refers to; not the caller's own."""
    names = records_in(operation)
    parents = {parent for name in names for parent in parents_of(MODELS[name]).values()}
    return [name for name in names if name != "user_id" and MODELS[name] in parents]

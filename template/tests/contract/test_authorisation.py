"""Access control: every operation, called by every kind of caller, as its route says.

Broken access control is the first of OWASP's ten risks: an operation without a check, and one that
checks who calls but not whose record it is (broken object level authorization, BOLA).
`pytest tests/contract/test_authorisation.py -v` prints who got which status.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from httpx import AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.users import Role, User
from tests.accounts import Headers, SignIn
from tests.contract.accounts import ANSWERS
from tests.contract.answers import ask
from tests.contract.calls import (
    MODELS,
    call_about,
    how_to_call,
    how_to_join,
    is_owned,
    is_public,
    parents_of,
    who_may,
)
from tests.contract.mutations import valid
from tests.contract.operations import Operation, Schema, operations
from tests.factories.users import UserFactory

CALLERS = ["anonymous", "owner", "other", "admin", "disabled", "deleted"]
MISSING = {"integer": 2**63 - 1, "string": "00000000-0000-4000-8000-000000000000"}

# For each result of `who_may`, a caller who may.
RIGHTFUL = {"anyone": "anonymous", "users": "owner", "admins": "admin"}


def expected(operation: Operation, caller: str) -> str:
    """`401`, `403`, `refused` (a 403, or the 404 of a record that does not exist), `allowed`."""
    if (operation.name, caller) in ANSWERS.access:
        return ANSWERS.access[operation.name, caller]
    if who_may(operation) == "anyone":
        return "allowed"
    if caller in {"anonymous", "disabled", "deleted"}:
        return "401"
    if who_may(operation) == "admins":
        return "allowed" if caller == "admin" else "403"
    return "refused" if caller != "owner" and is_about_the_owners(operation) else "allowed"


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
async def test_access(
    operation: Operation,
    caller: str,
    client: AsyncClient,
    owner: User,
    headers: Headers,
    request: pytest.FixtureRequest,
) -> None:
    call = await call_about(owner, operation)

    response = await valid(call, headers).send(client)

    status = response.status_code
    request.node.user_properties.append(("call", (operation.name, caller, status)))
    outcome = str(status) if status in {401, 403} else "allowed"
    if expected(operation, caller) == "refused" and status in {403, 404}:
        outcome = "refused"
    assert status < 500, response.text
    assert outcome == expected(operation, caller), (
        f"{operation.method.upper()} {operation.path} answers {status} to {caller}. "
        + remedy(operation, caller, status, outcome)
    )
    if status == 401:
        assert response.headers["www-authenticate"].startswith("Bearer")
    if outcome == "refused" and status == 404:
        ids = {name: MISSING[schema["type"]] for name, schema in record_ids(operation).items()}
        missing = await valid(replace(call, ids=call.ids | ids), headers).send(client)
        assert (missing.status_code, missing.text) == (404, response.text), (
            "The record of another user and one that does not exist can be told apart: enumeration."
        )
    if caller == RIGHTFUL[who_may(operation)] and not response.is_success:
        pytest.skip(how_to_call(operation, response))


def remedy(operation: Operation, caller: str, status: int, outcome: str) -> str:
    """What to write: first, how the owner of a shared record becomes one."""
    answer = ask("access", (operation.name, caller), outcome)
    join = how_to_join(operation, status) if caller == "owner" else ""
    return f"{join}. Or should every user get a {status}? {answer}" if join else answer


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_write_without_sign_in_is_public(operation: Operation) -> None:
    writes = operation.method not in {"get", "head"}

    assert not writes or who_may(operation) != "anyone" or is_public(operation), (
        f"Anyone may call {operation.method.upper()} {operation.path}: its route has no "
        "`user: CurrentUser`. If you mean that, write `@public` (from app.api.access) below the "
        f"line `@router.{operation.method}(…)`."
    )


def record_ids(operation: Operation) -> dict[str, Schema]:
    """The schemas of the ids in its path that name a record, parents first."""
    schemas = operation.schemas_in("path")
    return {name: schema for name, schema in schemas.items() if name in MODELS}


def listed_records() -> Iterator[Any]:
    """Each operation on a record, the name of its id, and the list that the record would be in."""
    reads = {operation.path: operation for operation in operations() if operation.method == "get"}
    for operation in operations():
        for name in [*record_ids(operation)][-1:]:
            path, _, _ = operation.path.partition("/{" + name + "}")
            if path in reads:
                yield pytest.param(operation, name, reads[path], id=str(operation))


@pytest.mark.parametrize(("operation", "name", "list_operation"), [*listed_records()])
async def test_hidden_record_is_not_listed(
    operation: Operation,
    name: str,
    list_operation: Operation,
    client: AsyncClient,
    owner: User,
    sign_in: SignIn,
) -> None:
    """A caller who gets a 404 for a book does not find it among the books: BOLA in a list."""
    other = await UserFactory.acreate()
    call, list_call = await call_about(owner, operation), await call_about(other, list_operation)

    listed = await valid(list_call, await sign_in(other)).send(client)
    to_other, to_owner = [
        await valid(call, await sign_in(caller)).send(client) for caller in (other, owner)
    ]

    hidden = to_other.status_code == 404 != to_owner.status_code
    assert not hidden or call.ids[name] not in ids_in(listed), (
        f"GET {list_operation.path} lists a record that is a 404 for the same user elsewhere."
    )


def ids_in(response: Response) -> list[Any]:
    """Those of the items of a list, whether the list is all there is or a page of it."""
    if not response.is_success or "json" not in response.headers.get("content-type", ""):
        return []
    body = response.json()
    values = list(body.values()) if isinstance(body, dict) else [body]
    items = [item for value in values if isinstance(value, list) for item in value]
    return [item["id"] for item in items if isinstance(item, dict) and "id" in item]


async def test_child_of_another_parent_is_not_found(
    client: AsyncClient, db: AsyncSession, sign_in: SignIn
) -> None:
    """The comment on one book is not at /books/{book_id}/comments/{comment_id} of another: BOLA.

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

            response = await valid(elsewhere, headers).send(client)

            assert not response.is_success or operation.name in ANSWERS.any_parent, (
                f"{operation.method.upper()} {operation.path} takes the {name} of another record. "
                + ask("any_parent", operation.name, "the reason")
            )


def parents_in(operation: Operation) -> list[str]:
    """The ids in its path of records that another one there refers to; not the caller's own."""
    names = record_ids(operation)
    parents = {parent for name in names for parent in parents_of(MODELS[name]).values()}
    return [name for name in names if name != "user_id" and MODELS[name] in parents]

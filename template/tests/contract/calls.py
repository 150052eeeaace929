"""How to call any operation so that it succeeds: with the owner's records, passwords and tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import isawaitable, signature
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from httpx import Response
from pydantic_core import to_jsonable_python
from pytest_factoryboy.fixture import get_model_name
from sqlalchemy import Text, cast, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_object_session
from sqlalchemy.orm import RelationshipDirection

from app.api import access
from app.main import app
from app.models.users import User
from tests.contract.accounts import ANSWERS
from tests.contract.answers import ask
from tests.contract.operations import Operation, Schema, example, resolved
from tests.factories import find_factories

FACTORIES = {factory._meta.model: factory for factory in find_factories()}
# {tag_id} is a record of the factory that pytest knows as `tag_factory`.
MODELS = {f"{get_model_name(factory)}_id": model for model, factory in FACTORIES.items()}
ROUTES = {
    route.operation_id or route.unique_id: route
    for route in iter_route_contexts(app.routes)
    if isinstance(route.original_route, APIRoute)
}


@dataclass(frozen=True)
class Call:
    """A request of an operation: where to, and what with."""

    operation: Operation
    ids: dict[str, Any]
    query: dict[str, Any]
    body: Any

    @property
    def path(self) -> str:
        return self.operation.path.format(**self.ids)


def who_may(operation: Operation) -> str:
    """`anyone`, `users` or `admins`, read off the dependencies of its route."""
    return access.who_may_call(ROUTES[operation.name].dependant)


def is_public(operation: Operation) -> bool:
    """Whether its route is marked with `@public`."""
    return access.is_public(ROUTES[operation.name].endpoint)


def how_to_call(operation: Operation, response: Response) -> str:
    """What to say of a call that should have succeeded."""
    told = f"{operation} answers {response.status_code} to a valid request, so it is not tested. "
    return f"{told}{reason_in(response)}" + (
        how_to_join(operation, response.status_code)
        or ask("values", f"{operation}.FIELD", "what it needs", meant=False)
    )


def how_to_join(operation: Operation, status: int) -> str:
    """What to write if a record in its path is shared, and nothing says by whom; else nothing."""
    models = [MODELS[name] for name in operation.schemas_in("path") if name in MODELS]
    shared = [model for model in models if not belongs_to_a_user(model)]
    if not shared or status not in {403, 404}:
        return ""
    return ask("members", shared[0], "how its owner joins it", meant=False)


def reason_in(response: Response) -> str:
    """What the response says, with the places of what is wrong."""
    if response.headers.get("content-type") != "application/problem+json":
        return ""
    problem = response.json()
    errors = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problem.get("errors", ())]
    return f"The response says: {' '.join([problem.get('detail', ''), *errors])} "


def parents_of(model: type[Any]) -> dict[str, type[Any]]:
    """The models that a model refers to, by the name of the relationship. Not itself."""
    return {
        found.key: found.mapper.class_
        for found in inspect(model).relationships
        if found.direction is RelationshipDirection.MANYTOONE and found.mapper.class_ is not model
    }


def belongs_to_a_user(model: type[Any]) -> bool:
    """Whether it has members, or a parent that is a user or belongs to one: a task of a project."""
    found = {model}
    while more := {parent for child in found for parent in parents_of(child).values()} - found:
        found |= more
    return bool(found & {User, *ANSWERS.members})


def is_owned(name: str) -> bool:
    """Whether a parameter is a user's record: {book_id} of a book with an `author`."""
    return name in MODELS and belongs_to_a_user(MODELS[name])


async def call_about(owner: User, operation: Operation) -> Call:
    """Make a call about records of the owner, which are saved but not committed."""
    records: list[Any] = [owner]

    async def values(schemas: dict[str, Schema]) -> dict[str, Any]:
        return {
            name: await value_of(operation, name, schema, records)
            for name, schema in schemas.items()
        }

    body = resolved(operation.body) if operation.body else {}
    ids = await values(operation.schemas_in("path"))
    query = await values(operation.schemas_in("query", required=True))
    stored = await columns_of(owner, ids)
    fields = await values(body.get("properties", {}))
    if fields.items() <= stored.items():  # an update that would change nothing
        for name in fields.keys() - ANSWERS.values.keys():
            if f"{operation}.{name}" not in ANSWERS.values:
                fields[name] = example(body["properties"][name], unlike=stored[name])
    return Call(operation, ids, query, fields or (example(body) if body else None))


async def columns_of(owner: User, ids: dict[str, Any]) -> dict[str, Any]:
    """What is stored of the record that a path ends with; the file of answers may have made it."""
    name, session = next(reversed(ids), ""), async_object_session(owner)
    if name not in MODELS or session is None:
        return {}
    mapper = inspect(MODELS[name])
    stmt = select(mapper.local_table).where(cast(mapper.primary_key[0], Text) == str(ids[name]))
    rows = (await session.execute(stmt)).mappings()
    return {key: getattr(value, "value", value) for row in rows for key, value in row.items()}


async def value_of(operation: Operation, name: str, schema: Schema, records: list[Any]) -> Any:
    """What a parameter or field of this name must be for a call to succeed.

    A record that is made for it belongs to the owner, who is the first of `records`, and to those
    that were made before: the comment of /books/{book_id}/comments/{comment_id} to the book.
    """
    for key in (f"{operation}.{name}", name):
        if key in ANSWERS.values:
            value = ANSWERS.values[key]
            return await called(value, *records) if callable(value) else value
    if model := referred_to(operation, name) or MODELS.get(name):
        # A user who is referred to is not the owner of what comes after.
        try:
            record = await new_record(model, [*records] if model is User else records)
        except IntegrityError as error:
            pytest.fail(how_to_make(name, model, records, error), pytrace=False)
        return to_jsonable_python(inspect(record).identity[0])
    return example(schema)


def how_to_make(name: str, model: type[Any], records: list[Any], error: IntegrityError) -> str:
    """What to say of a record that the factory cannot make: `members` may have made it before."""
    made = [get_model_name(FACTORIES[type(record)]) for record in records[1:]]
    function = f"new_{get_model_name(FACTORIES[model])}"
    return (
        f"{FACTORIES[model].__name__} makes no record for {name}: {error.driver_exception}\n"
        "Write into tests/answers.py: values={" + f"{name!r}: {function}" + "}, with `async def "
        f"{function}({', '.join(['caller', *made])})`, which makes another one and returns its id."
    )


def referred_to(operation: Operation, name: str) -> type[Any] | None:
    """The model that a foreign key leads to: `reviewer_id` of POST /reviews to User."""
    resources = operation.path.replace("-", "_").split("/")
    for model in FACTORIES:
        if model.__tablename__ in resources:
            for found in inspect(model).relationships:
                columns = {column.key for column in found.local_columns}
                if found.direction is RelationshipDirection.MANYTOONE and columns == {name}:
                    target: type[Any] = found.mapper.class_
                    return target
    return None


async def called(answer: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function in the file of answers, which may take the first arguments only."""
    result = answer(*arguments[: len(signature(answer).parameters)])
    return await result if isawaitable(result) else result


async def new_record(
    model: type[Any], records: list[Any], children: frozenset[type[Any]] = frozenset()
) -> Any:
    """Save one. Its parents are among `records`, or made too if they belong to a user."""
    parents = {}
    for key, parent in parents_of(model).items():
        known = [record for record in records if isinstance(record, parent)]
        if known:
            parents[key] = known[-1]
        elif parent in FACTORIES and parent not in children and belongs_to_a_user(parent):
            parents[key] = await new_record(parent, records, children | {model})
    record = await FACTORIES[model].acreate(**parents)
    if model in ANSWERS.members:
        await called(ANSWERS.members[model], record, records[0])
    records.append(record)
    return record

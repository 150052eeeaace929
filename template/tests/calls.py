"""How to call any operation so that it succeeds: about an owner's objects, with their secrets."""

from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute, iter_route_contexts
from pydantic_core import to_jsonable_python
from pytest_factoryboy.fixture import get_model_name
from sqlalchemy import inspect
from sqlalchemy.orm import RelationshipDirection

from app.main import app
from app.models.users import User
from app.security import create_reset_token, fingerprint, new_secret
from scripts.routes import who_may_call
from tests.factories import find_factories
from tests.factories.login_sessions import LoginSessionFactory
from tests.factories.users import PASSWORD
from tests.operations import Operation, Schema, example, resolved

FACTORIES = {factory._meta.model: factory for factory in find_factories()}
# {tag_id} is a record of the factory that pytest knows as `tag_factory`.
MODELS = {f"{get_model_name(factory)}_id": model for model, factory in FACTORIES.items()}
CALLERS = {
    route.operation_id or route.unique_id: who_may_call(route.dependant)
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
    return CALLERS[operation.name]


def parents_of(model: type[Any]) -> dict[str, type[Any]]:
    """The models that a model refers to, by the name of the relationship. Not itself."""
    return {
        found.key: found.mapper.class_
        for found in inspect(model).relationships
        if found.direction is RelationshipDirection.MANYTOONE and found.mapper.class_ is not model
    }


def belongs_to_a_user(model: type[Any]) -> bool:
    """Whether it has a parent that is a user, or belongs to one: a task of somebody's project."""
    found = {model}
    while more := {parent for child in found for parent in parents_of(child).values()} - found:
        found |= more
    return User in found


def is_owned(name: str) -> bool:
    """Whether the record of a parameter is somebody's: the {book_id} of a book with an `author`."""
    return name in MODELS and belongs_to_a_user(MODELS[name])


async def call_about(owner: User, operation: Operation) -> Call:
    """Make a call. The objects it is about are the owner's, and saved, not committed."""
    records: list[Any] = [owner]

    async def values(schemas: dict[str, Schema]) -> dict[str, Any]:
        return {name: await value_of(name, schema, records) for name, schema in schemas.items()}

    body = resolved(operation.body) if operation.body else {}
    ids = await values(operation.schemas_in("path"))
    query = await values(operation.schemas_in("query", required=True))
    fields = await values(body.get("properties", {}))
    return Call(operation, ids, query, fields or (example(body) if body else None))


async def value_of(name: str, schema: Schema, records: list[Any]) -> Any:
    """What a parameter or field of this name must be for a call to succeed.

    A record that is made for it belongs to the owner, who is the first of `records`, and to those
    that were made before: the comment of /books/{book_id}/comments/{comment_id} to the book.
    """
    owner = records[0]
    match name:
        case "user_id":
            return owner.id
        case "username":
            return owner.email
        case "password" | "current_password":
            return PASSWORD
        case "refresh_token":
            return await refresh_token_of(owner)
        case "reset_token":
            return create_reset_token(owner.id, owner.password_hash)
        case "disabled":
            return True
    if name in MODELS:
        record = await new_record(MODELS[name], records)
        return to_jsonable_python(inspect(record).identity[0])
    return example(schema)


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
    records.append(await FACTORIES[model].acreate(**parents))
    return records[-1]


async def refresh_token_of(user: User) -> str:
    family, secret = new_secret(), new_secret()
    await LoginSessionFactory.acreate(
        user=user, family_hash=fingerprint(family), secret_hash=fingerprint(secret)
    )
    return f"{family}.{secret}"

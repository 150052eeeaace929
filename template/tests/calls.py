"""How to call any operation so that it succeeds: about an owner's objects, with their secrets."""

from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute, iter_route_contexts
from httpx import AsyncClient, Response
from pytest_factoryboy.fixture import get_model_name
from sqlalchemy import inspect

from app.main import create_app
from app.models.users import User
from app.security import create_reset_token, fingerprint, new_secret
from scripts.routes import who_may_call
from tests.accounts import Headers
from tests.factories import find_factories
from tests.factories.login_sessions import LoginSessionFactory
from tests.factories.users import PASSWORD
from tests.operations import Operation, Schema, example, resolved

# {tag_id} is a record of the factory that pytest knows as `tag_factory`.
FACTORIES = {f"{get_model_name(factory)}_id": factory for factory in find_factories()}
CALLERS = {
    route.operation_id or route.unique_id: who_may_call(route.dependant)
    for route in iter_route_contexts(create_app().routes)
    if isinstance(route.original_route, APIRoute)
}


@dataclass(frozen=True)
class Call:
    """A request of an operation: where to, and what with."""

    operation: Operation
    path: str
    query: dict[str, Any]
    body: Any

    async def send(self, client: AsyncClient, headers: Headers) -> Response:
        body = {"json" if self.operation.media_type == "application/json" else "data": self.body}
        return await client.request(
            self.operation.method, self.path, params=self.query, headers=headers, **body
        )


def who_may(operation: Operation) -> str:
    """`anyone`, `users` or `admins`, read off the dependencies of its route."""
    return CALLERS[operation.name]


def owner_field(name: str) -> str | None:
    """How the record of a parameter calls its owner, if it has one: the `author` of a {book_id}."""
    relationships = inspect(FACTORIES[name]._meta.model).relationships if name in FACTORIES else ()
    return next((found.key for found in relationships if found.mapper.class_ is User), None)


async def call_about(owner: User, operation: Operation) -> Call:
    """Make a call. The objects it is about are the owner's, and saved, not committed."""

    async def values(schemas: dict[str, Schema]) -> dict[str, Any]:
        return {name: await value_of(name, schema, owner) for name, schema in schemas.items()}

    body = resolved(operation.body) if operation.body else {}
    fields = await values(body.get("properties", {}))
    return Call(
        operation,
        operation.path.format(**await values(operation.schemas_in("path"))),
        await values(operation.schemas_in("query", required=True)),
        fields or (example(body) if body else None),
    )


async def value_of(name: str, schema: Schema, owner: User) -> Any:
    """What a parameter or field of this name must be for a call to succeed."""
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
    if name in FACTORIES:
        field = owner_field(name)
        record = await FACTORIES[name].acreate(**({field: owner} if field else {}))
        return inspect(record).identity[0]
    return example(schema)


async def refresh_token_of(user: User) -> str:
    family, secret = new_secret(), new_secret()
    await LoginSessionFactory.acreate(
        user=user, family_hash=fingerprint(family), secret_hash=fingerprint(secret)
    )
    return f"{family}.{secret}"

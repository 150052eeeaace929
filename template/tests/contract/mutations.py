"""Cases: a valid call, and many made of it that are each hostile in one place.

All else in them stays valid, so that what is hostile gets as far as it can.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from httpx import AsyncClient, Response
from sqlalchemy import Column

from app.db.base import Base
from app.models.users import Role
from tests.accounts import SignIn
from tests.contract.calls import Call, call_about, who_may
from tests.contract.operations import Operation, Schema, example, resolved, values_of
from tests.contract.payloads import BODIES, CANARY, KEYS, MEDIA_TYPES, SYNTAX, as_text, payloads_for
from tests.factories.users import UserFactory

HEADERS = ["X-Request-ID", "Accept", "Origin", "Authorization"]
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
FREE_JSON = " in free JSON (`Json` and `JsonObject` of app/schemas/base.py refuse what is unfit)"


@dataclass(frozen=True)
class Case:
    """A call, the headers that it is sent with, and what is hostile in them."""

    call: Call
    headers: dict[str, str]
    mutation: str = "nothing hostile"
    must_not_store: str = ""
    must_refuse: bool = False

    async def send(self, client: AsyncClient) -> Response:
        call = self.call
        ids = {name: quote(as_text(value), safe="") for name, value in call.ids.items()}
        return await client.request(
            call.operation.method,
            call.operation.path.format(**ids),
            params={name: texts(value) for name, value in call.query.items()},
            headers={name.encode(): value.encode() for name, value in self.headers.items()},
            **encoded(call.operation, call.body),
        )


def texts(value: Any) -> list[str]:
    """A parameter or field, which may stand several times in a URL or form."""
    return [as_text(item) for item in (value if isinstance(value, list) else [value])]


def encoded(operation: Operation, body: Any) -> dict[str, Any]:
    """A body as httpx takes it, for the operation's media type. Bytes stay as they are."""
    if operation.body is None:
        return {}
    if isinstance(body, bytes):
        return {"content": body}
    if operation.takes_json:
        return {"content": json.dumps(body)}
    if not isinstance(body, dict):
        return {"content": as_text(body)}
    fields = [(name, text) for name, value in body.items() for text in texts(value)]
    if operation.media_type == FORM:
        return {"content": urlencode(fields)}
    known = resolved(operation.body).get("properties", {})
    return {"files": [(name, part(known.get(name, {}), text)) for name, text in fields]}


def part(schema: Schema, text: str) -> tuple[str | None, str, str | None]:
    """The file name (none for a text), content and media type of a part of a multipart form."""
    schema = resolved(resolved(schema).get("items", schema))
    media_type = schema.get("contentMediaType")
    return CANARY if media_type else None, text, media_type


def valid(call: Call, headers: dict[str, str]) -> Case:
    """The call with these headers, and with those that its operation asks for."""
    operation = call.operation
    required = operation.schemas_in("header", required=True)
    sent = headers | {name: as_text(example(schema)) for name, schema in required.items()}
    if operation.media_type:
        boundary = "; boundary=x" if operation.media_type == MULTIPART else ""
        sent["Content-Type"] = f"{operation.media_type}{boundary}"
    return Case(call, sent)


async def rightful(operation: Operation, sign_in: SignIn) -> Case:
    """A valid call about records of a new user, by a caller who may: that user, or an admin."""
    owner = await UserFactory.acreate()
    admin = await UserFactory.acreate(role=Role.ADMIN)
    caller = {"anyone": None, "users": owner, "admins": admin}[who_may(operation)]
    return valid(await call_about(owner, operation), await sign_in(caller) if caller else {})


def cases(case: Case, tables: Collection[str]) -> Iterator[Case]:
    """All that can be made of a valid one, which writes to these tables."""
    yield from in_parameters(case)
    # One value for all headers: every operation leaves them to the same code.
    headers = case.headers | dict.fromkeys(HEADERS, f"Bearer {SYNTAX}")
    yield replace(case, headers=headers, mutation=f"headers of {SYNTAX!r}")
    if case.call.operation.body is not None:
        yield from in_body(case, case.call.operation.body, tables)


def in_parameters(case: Case) -> Iterator[Case]:
    call = case.call
    for parameter in call.operation.parameters:
        name, place = parameter["name"], parameter["in"]
        for value in payloads_for(parameter["schema"]):
            hostile = replace(case, mutation=f"{name}: {value!r:.50}")
            if place == "path":
                yield replace(hostile, call=replace(call, ids=call.ids | {name: value}))
            elif place == "query":
                yield replace(hostile, call=replace(call, query=call.query | {name: value}))
            elif place == "header":
                yield replace(hostile, headers=case.headers | {name: as_text(value)})
    unknown = replace(call, query=call.query | {CANARY: CANARY})
    yield replace(case, call=unknown, mutation="an unknown parameter")


def in_body(case: Case, schema: Schema, tables: Collection[str]) -> Iterator[Case]:
    columns = [c for table in Base.metadata.sorted_tables if table.name in tables for c in table.c]
    for mutation, body, must_not_store in mutated(case.call.body, schema, columns):
        call = replace(case.call, body=body)
        yield replace(case, call=call, mutation=mutation, must_not_store=must_not_store)
    for content in BODIES:
        call = replace(case.call, body=content)
        yield replace(case, call=call, mutation=f"the body {content!r:.50}")
    # CSRF: a page of any site can send JSON as one of these.
    is_json = case.call.operation.takes_json and isinstance(case.call.body, dict)
    for media_type in MEDIA_TYPES:
        mutation = f"the media type {media_type!r}"
        headers = case.headers | {"Content-Type": media_type}
        yield replace(case, headers=headers, mutation=mutation, must_refuse=is_json)


def mutated(
    value: Any, schema: Schema, columns: list[Column[Any]]
) -> Iterator[tuple[str, Any, str]]:
    """What is hostile in a body or a part of it, the value with it, and what must not be stored."""
    schema = resolved(schema)
    remedy = "" if {"type", "enum", "const"} & schema.keys() else FREE_JSON
    for payload in payloads_for(schema):
        yield f"{payload!r:.50}{remedy}", payload, ""
    if isinstance(value, dict):
        fields, values = schema.get("properties", {}), values_of(schema)
        yield "an unknown field", value | {CANARY: CANARY}, ""
        for key in KEYS if values is not None else ():
            yield f"the key {key!r}{FREE_JSON}", value | {key: example(values or {})}, ""
        for column in columns if values is None else ():
            if column.name not in fields:
                wish = wish_for(column)
                stored = f'"{column.name}":{json.dumps(wish)}'
                yield f"with {stored}", value | {column.name: wish}, stored
        for name, inner in value.items():
            rest = {key: value[key] for key in value if key != name}
            yield f"without {name}", rest, ""
            field = fields.get(name, values or {})
            for mutation, hostile, stored in mutated(inner, field, columns):
                yield f"{name}: {mutation}", value | {name: hostile}, stored
    if isinstance(value, list) and value:
        for mutation, hostile, stored in mutated(value[0], schema.get("items", {}), columns):
            yield f"0: {mutation}", [hostile, *value[1:]], stored


def wish_for(column: Column[Any]) -> Any:
    """What a caller would like to be in it: mass assignment."""
    wishes = {bool: True, int: 2**62, str: CANARY}
    with suppress(NotImplementedError):  # a type of PostgreSQL's own
        return wishes.get(column.type.python_type, "2001-02-03T04:05:06+00:00")
    return CANARY

"""Valid requests, each spoilt in one place.

Everything else in them is valid, so that what is hostile gets as far as it can.
"""

import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Any
from urllib.parse import quote, unquote

from httpx import AsyncClient, Response
from pydantic import AwareDatetime, TypeAdapter
from sqlalchemy import Column

from app.api.deps import oauth2_scheme
from app.config import settings
from app.db.base import Base
from tests.contract import calls
from tests.contract import payloads as hostile
from tests.contract.operations import Operation, Schema, accepts, document, example, resolved
from tests.contract.payloads import CANARY, Choice, Classes, as_text

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
HERE = "\N{PUSHPIN}"  # holds the place of a hostile value
LAX: list[TypeAdapter[Any]] = [
    TypeAdapter(kind) for kind in (int, float, bool, AwareDatetime, date, time, timedelta)
]

type Place = tuple[str | int, ...]
type Statuses = frozenset[int]
type Extra = tuple[str, Any, str]  # a field's name and value, and what must not be in a row

DOCUMENTED: Statuses = frozenset()  # whichever of them: `tests.conformance` looks at that
INVALID: Statuses = frozenset({422})
UNREADABLE: Statuses = frozenset({400, 422})  # FastAPI: 422 if it is no JSON, else 400
WRONG_TYPE: Statuses = frozenset({400, 415, 422})
TOO_LARGE: Statuses = frozenset({413})
UNKNOWN_CALLER: Statuses = frozenset({401})


@dataclass(frozen=True)
class Request:
    """A call, as it is sent. `spoilt` is the one hostile thing in it."""

    operation: Operation
    path: dict[str, str]
    query: list[tuple[str, str]]
    headers: dict[str, bytes]
    body: Any
    content: bytes | Callable[[], AsyncIterator[bytes]] = b""
    spoilt: str = "nothing"
    must_answer: Statuses = DOCUMENTED
    must_not_store: str = ""

    @property
    def url(self) -> str:
        path = self.operation.path.format(**{k: encoded(text) for k, text in self.path.items()})
        return f"{path}?{pairs(self.query)}" if self.query else path

    async def send(self, client: AsyncClient) -> Response:
        return await client.request(
            self.operation.method,
            self.url,
            headers=[(name.encode(), value) for name, value in self.headers.items()],
            content=self.content if isinstance(self.content, bytes) else self.content(),
        )

    def but(self, spoilt: str, must_answer: Statuses = DOCUMENTED, **changes: Any) -> "Request":
        return replace(self, spoilt=spoilt, must_answer=must_answer, **changes)


def valid(call: calls.Call, headers: dict[str, str]) -> Request:
    """The same request, still without anything hostile."""
    operation, body, content = call.operation, call.body, b""
    path = {name: as_text(value) for name, value in call.ids.items()}
    query = [
        (name, as_text(item))
        for name, value in call.query.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    required = operation.schemas_in("header", required=True)
    sent = headers | {name: as_text(example(schema)) for name, schema in required.items()}
    if body is not None:
        content = written(operation, body)
        boundary = "; boundary=x" if operation.media_type == MULTIPART else ""
        sent |= {"Content-Type": f"{operation.media_type}{boundary}"}
    raw = {name: value.encode() for name, value in sent.items()}
    return Request(operation, path, query, raw, body, content)


def spoilt(call: Request, choice: Choice, tables: Collection[str] = ()) -> Iterator[Request]:
    """The spoilt requests that can be made of a valid one, which writes to these tables."""
    for parameter in call.operation.parameters:
        yield from in_parameter(call, choice, parameter)
    for _, name in choice.of({"an unknown parameter": hostile.NAMES}, call.operation):
        yield call.but(f"an unknown parameter {name!r}", query=[*call.query, (name, CANARY)])
    yield from in_headers(call, choice)
    if call.operation.body is not None:
        extra = [*extras(call, choice, tables)]
        if call.operation.takes_json:
            yield from in_json(call, choice, call.operation.body, extra)
        elif isinstance(call.body, dict):
            yield from in_form(call, choice, call.operation.body, extra)
        yield from in_body(call, choice, call.operation.body)


def in_parameter(call: Request, choice: Choice, parameter: Schema) -> Iterator[Request]:
    name, schema, place = parameter["name"], parameter["schema"], parameter["in"]
    for what, text in choice.of(hostile.texts_for(schema), call.operation, name):
        if len(text) > 50_000:
            continue  # no server takes such a URL or header, and httpx does not send it
        must_answer = answers_to_text(schema, text)
        spoilt = f"{name}: {what} {text!r:.50}"
        if place == "path":
            other_path = not text or "/" in text or "\n" in text
            must_answer = DOCUMENTED if other_path else must_answer
            yield call.but(spoilt, must_answer, path=call.path | {name: text})
        elif place == "query":
            query = [pair for pair in call.query if pair[0] != name]
            yield call.but(spoilt, must_answer, query=[*query, (name, text)])
        elif place == "header":
            yield call.but(spoilt, headers=call.headers | {name: as_bytes(text)})
    if place == "query":
        twice = [(name, CANARY), (name, as_text(example(schema)))]
        yield call.but(f"{name}: twice", query=[*call.query, *twice])


def in_headers(call: Request, choice: Choice) -> Iterator[Request]:
    """Few values: every operation leaves its headers to the same code."""
    ways_in = call.operation.details.get("security", [])
    unread = ["X-Request-ID", "Accept", "Origin", "Content-Type"]
    if call.content:
        unread.remove("Content-Type")
    texts: Classes[str] = hostile.TEXTS
    if any(oauth2_scheme.scheme_name in way for way in ways_in):
        texts = {**texts, "token": hostile.TOKENS}
        yield from in_header(call, choice, ["Authorization"], texts, UNKNOWN_CALLER)
    else:
        unread.append("Authorization")
    yield from in_header(call, choice, unread, texts, DOCUMENTED)


def in_header(
    call: Request, choice: Choice, names: list[str], texts: Classes[str], must_answer: Statuses
) -> Iterator[Request]:
    for _, text in choice.few(texts, call.operation, names):
        headers = call.headers | dict.fromkeys(names, as_bytes(text))
        yield call.but(f"{', '.join(names)}: {text!r:.50}", must_answer, headers=headers)


def in_json(call: Request, choice: Choice, schema: Schema, extra: list[Extra]) -> Iterator[Request]:
    """Each field and item with each value; then fields that are missing, extra, or stand twice."""
    body = call.body
    for place, inner in places(schema, body):
        name = "/".join(map(str, place)) or "the body"

        def put(
            what: str, source: str, place: Place = place, stored: str = "", name: str = name
        ) -> Request:
            """The value's place holds this source instead."""
            text = json.dumps(replaced(body, place, HERE)).replace(json.dumps(HERE), source)
            must_answer = answers_to_json(schema, text.encode(), place)
            changes = {"content": text.encode(), "must_not_store": stored}
            return call.but(f"{name}: {what}", must_answer, **changes)

        for what, source in choice.of(hostile.json_for(inner), call.operation, name):
            yield put(f"{what} {source:.50}", source)
        value = at(body, place)
        if place and isinstance(place[-1], str):
            yield put("missing", json.dumps(without(at(body, place[:-1]), place[-1])), place[:-1])
        if isinstance(value, dict):
            for _, key in choice.of({"twice": [*value]}, call.operation, name):
                again = json.dumps(value)[:-1] + f", {json.dumps(key)}: []}}"
                yield put(f"{key} twice", again)
            for key, content, stored in extra:
                if key not in resolved(inner).get("properties", {}):
                    source = json.dumps(value | {key: content})
                    yield put(f"the extra field {key!r}", source, stored=stored)


def in_form(call: Request, choice: Choice, schema: Schema, extra: list[Extra]) -> Iterator[Request]:
    fields = {name: as_text(value) for name, value in call.body.items()}
    known, required = resolved(schema), resolved(schema).get("required", [])
    for name, inner in known["properties"].items():
        left_out = INVALID if name in required else DOCUMENTED
        for what, text in choice.of(hostile.texts_for(inner), call.operation, name):
            content = written(call.operation, fields | {name: text})
            must_answer = answers_to_text(inner, text) if text else left_out
            if is_file(inner):
                must_answer = DOCUMENTED
            if len(content) > settings.max_body_bytes:
                must_answer = TOO_LARGE
            yield call.but(f"{name}: {what} {text!r:.50}", must_answer, content=content)
        if call.operation.media_type == FORM:
            first = pairs([(name, CANARY)]).encode()
            yield call.but(f"{name}: twice", content=first + b"&" + written(call.operation, fields))
        content = written(call.operation, without(fields, name))
        yield call.but(f"{name}: missing", left_out, content=content)
    must_answer = DOCUMENTED if known.get("additionalProperties", True) else INVALID
    for key, value, stored in extra:
        if key not in known["properties"]:
            content = written(call.operation, fields | {key: value})
            changes = {"content": content, "must_not_store": stored}
            yield call.but(f"the extra field {key!r}", must_answer, **changes)


def extras(call: Request, choice: Choice, tables: Collection[str]) -> Iterator[Extra]:
    """Fields that no model has, then each column of the tables, and how it would look in a row."""
    for _, name in choice.of({"an extra field": hostile.NAMES}, call.operation):
        yield name, CANARY, ""
    written = [table for table in Base.metadata.sorted_tables if table.name in tables]
    for column in (column for table in written for column in table.c):
        value = server_owned(column)
        yield column.name, value, f'"{column.name}":{json.dumps(value)}'


def server_owned(column: Column[Any]) -> Any:
    """A value that a caller would like a column to have: of several choices, the last."""
    for model in document()["components"]["schemas"].values():
        field = resolved(model.get("properties", {}).get(column.name, {}))
        if "enum" in field:
            return field["enum"][-1]
    try:
        kind = column.type.python_type
    except NotImplementedError:  # a type of PostgreSQL's own
        kind = str
    kinds = {bool: True, int: 2**62, str: CANARY}
    return kinds.get(kind, "2001-02-03T04:05:06+00:00")


def in_body(call: Request, choice: Choice, schema: Schema) -> Iterator[Request]:
    """Bodies of the wrong kind, size, encoding or media type."""
    operation, is_json, text = call.operation, call.operation.takes_json, json.dumps(call.body)
    wrong = answers_to_type(operation)
    if is_json:
        for what, content in choice.of(hostile.BODIES, operation):
            must_answer = answers_to_json(schema, content) if content else wrong
            yield call.but(f"body: {what} {content!r:.50}", must_answer, content=content)
        encodings = {"body in": ["utf-8-sig", "utf-16", "utf-32"]}
        for what, encoding in choice.of(encodings, operation):
            yield call.but(f"{what} {encoding}", content=text.encode(encoding))
    else:
        for what, content in choice.of(hostile.FORMS, operation):
            yield call.but(f"body: {what} {content!r:.50}", wrong, content=content)
    others = [*hostile.MEDIA_TYPES, FORM if is_json else JSON]
    for what, media_type in choice.of({"media type": others}, operation):
        if media_type.encode() != call.headers["Content-Type"]:
            headers = call.headers | {"Content-Type": as_bytes(media_type)}
            yield call.but(f"{what} {media_type!r:.50}", wrong, headers=headers)
    typeless = {name: value for name, value in call.headers.items() if name != "Content-Type"}
    yield call.but("no media type", wrong, headers=typeless)
    headers = call.headers | {"Content-Type": b"multipart/form-data; boundary=x"}
    for what, content in choice.of({"multipart": hostile.MULTIPARTS}, operation):
        must_answer = DOCUMENTED if operation.media_type == MULTIPART else wrong
        changes = {"headers": headers, "content": content}
        yield call.but(f"{what} {content!r:.50}", must_answer, **changes)

    async def stream() -> AsyncIterator[bytes]:
        if operation.media_type == MULTIPART:
            yield hostile.PART % (b"a", hostile.FILE, b"")
        for _ in range(11):
            yield b" " * (settings.max_body_bytes // 10)

    too_large = {"body too large": [b" " * (settings.max_body_bytes + 1), stream]}
    for what, body in choice.of(too_large, operation):
        yield call.but(what, TOO_LARGE, content=body)


def answers_to_type(operation: Operation) -> Statuses:
    """To a body that cannot be read for its media type: it counts as missing."""
    schema = resolved(operation.body or {})
    required = operation.details["requestBody"].get("required")
    if operation.takes_json:  # FastAPI takes any bytes for a body that is one text
        return WRONG_TYPE if required and schema.get("type") != "string" else DOCUMENTED
    return WRONG_TYPE if required and "required" in schema else DOCUMENTED


def answers_to_text(schema: Schema, text: str) -> Statuses:
    """To a text in a URL or form. What was broken UTF-8 arrives as U+FFFD."""
    arrived = unquote(encoded(text))
    read = list(readings(arrived))
    taken = any(accepts(schema, value) for value in (*read, *([value] for value in read)))
    return DOCUMENTED if taken else INVALID


def answers_to_json(schema: Schema, content: bytes, place: Place = ()) -> Statuses:
    if len(content) > settings.max_body_bytes:
        return TOO_LARGE
    try:
        body = json.loads(content)
        read = (replaced(body, place, value) for value in readings(at(body, place)))
        return DOCUMENTED if any(accepts(schema, value) for value in read) else INVALID
    except json.JSONDecodeError:
        return INVALID
    except (ValueError, RecursionError):
        return UNREADABLE


def readings(value: Any) -> Iterator[Any]:
    """A value, and what Pydantic may take it for: the text "1" is as good as the number."""
    yield value
    if isinstance(value, str):
        yield value.strip()
    if isinstance(value, str | int | float):
        for lax in LAX:
            with suppress(ValueError):
                yield lax.dump_python(lax.validate_python(value), mode="json")


def places(schema: Schema, value: Any, place: Place = ()) -> Iterator[tuple[Place, Schema]]:
    """The body, and each field and item in it, with its schema."""
    yield place, schema
    known = resolved(schema)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(known.get("properties", {}).get(name, {}), inner, (*place, name))
    if isinstance(value, list) and value:
        yield from places(known.get("items", {}), value[0], (*place, 0))


def at(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


def replaced(value: Any, place: Place, by: Any) -> Any:
    if not place:
        return by
    value = deepcopy(value)
    at(value, place[:-1])[place[-1]] = by
    return value


def without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}


def as_bytes(text: str) -> bytes:
    """Half a surrogate pair becomes bytes that are no UTF-8."""
    return text.encode(errors="surrogatepass")


def encoded(text: str) -> str:
    return quote(as_bytes(text), safe="")


def written(operation: Operation, body: Any) -> bytes:
    """A body in the operation's media type."""
    if operation.takes_json:
        return json.dumps(body).encode()
    if not isinstance(body, dict):
        return as_bytes(as_text(body))
    fields = {name: as_text(value) for name, value in body.items()}
    if operation.media_type == FORM:
        return pairs(list(fields.items())).encode()
    known = resolved(operation.body or {}).get("properties", {})
    parts = [
        hostile.PART % (as_bytes(name), file_of(known.get(name, {})), text)
        for name, text in ((name, as_bytes(text)) for name, text in fields.items())
    ]
    return b"".join(parts) + b"--x--"


def file_of(schema: Schema) -> bytes:
    """What makes a part a file: a name, and the media type that the document asks for."""
    if not is_file(schema):
        return b""
    media_type = resolved(schema).get("contentMediaType", "application/octet-stream")
    return hostile.FILE + b"\r\nContent-Type: " + as_bytes(media_type)


def is_file(schema: Schema) -> bool:
    schema = resolved(schema)
    return "contentMediaType" in schema or schema.get("format") == "binary"


def pairs(of: list[tuple[str, str]]) -> str:
    return "&".join(f"{encoded(name)}={encoded(text)}" for name, text in of)

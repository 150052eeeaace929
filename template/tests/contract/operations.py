"""Every operation of the service, read from its OpenAPI document: a new route needs no entry."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from app.main import app
from app.pagination import EPOCH, Cursor

type Schema = dict[str, Any]

SECRET = "correct horse battery staple"  # hard to guess, as a password must be
# What a text may have to look like; the first that fits is taken.
TEXTS = [
    "user@example.com",
    "2026-01-31T12:00:00Z",
    "2026-01-31",
    "12:00:00",
    "P1D",
    Cursor(EPOCH, 1).encode(),
    "00000000-0000-4000-8000-000000000000",
    "https://example.com/",
]


@cache
def document() -> Schema:
    return app.openapi()


def resolved(schema: Schema) -> Schema:
    """Follow `$ref`s; of several choices take the first."""
    while choices := schema.get("anyOf", schema.get("oneOf")) or "$ref" in schema:
        if isinstance(choices, list):
            schema = choices[0]
        else:
            schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def values_of(schema: Schema) -> Schema | None:
    """What is in a dictionary; {} is free JSON. None of a model, whose fields have names."""
    if "properties" in schema:
        return None
    patterns = schema.get("patternProperties", {}).values()
    found = next(iter(patterns), schema.get("additionalProperties", True))
    return {} if found is True else None if found is False else found


def is_utc(text: str) -> bool:
    with suppress(ValueError):
        return datetime.fromisoformat(text).utcoffset() == timedelta(0)
    return False


def is_time(text: str) -> bool:
    """JSON Schema wants an offset on a time of day; Python's and Pydantic's have none."""
    with suppress(ValueError):
        return bool(time.fromisoformat(text))
    return False


FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": is_utc,
    "time": is_time,
    "duration": bool,  # Pydantic reads more of them than RFC 3339 has
}


@cache
def compiled(schema: str) -> Draft202012Validator:
    components = document()["components"]
    return Draft202012Validator(
        json.loads(schema) | {"components": components}, validate_formats=True, formats=FORMATS
    )


def validator(schema: Schema) -> Draft202012Validator:
    """A validator of a schema of the document."""
    return compiled(json.dumps(schema))


def example(schema: Schema, within: frozenset[int] = frozenset(), unlike: Any = None) -> Any:
    """Make a value that the schema accepts, another one than `unlike` if there is one.

    A model within itself is left out.
    Raises `LookupError`, which says what to write, where the document does not tell enough.
    """
    declared, schema = schema, resolved(schema)
    if examples := declared.get("examples", schema.get("examples")):
        return next((value for value in examples if value != unlike), examples[0])
    found = []
    for value in candidates(schema, within | {id(schema)}):
        if validator(declared).is_valid(value):
            if value != unlike:
                return value
            found.append(value)
    if found:
        return found[0]
    raise LookupError(f"What fits {declared}? Write `Field(examples=[…])` where it is declared.")


def candidates(schema: Schema, within: frozenset[int]) -> Iterator[Any]:
    if "const" in schema:
        yield schema["const"]
    yield from schema.get("enum", ())
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {}).items()
            if (values := values_of(schema)) is not None and id(resolved(values)) not in within:
                yield {"x": example(values, within)}
            yield {k: example(f, within) for k, f in fields if id(resolved(f)) not in within}
        case "array":
            items = schema.get("items", {})
            count = max(schema.get("minItems", 0), id(resolved(items)) not in within)
            yield [example(items, within) for _ in range(count)]
        case "integer" | "number":
            least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            yield from (int(least), least, 0, 0.5, schema.get("multipleOf"))
        case "boolean":
            yield from (False, True)
        case "null":
            yield None
        case "string":
            longest = schema.get("maxLength")
            secret = [SECRET] if schema.get("format") == "password" else []
            texts = [*secret, "x" * schema.get("minLength", 1), "Ab3-" * 32, *TEXTS]
            yield from (text[:longest] for text in texts)
        case _:
            yield from ({}, "x")


@dataclass(frozen=True, eq=False)
class Operation:
    """One method of one path."""

    name: str
    method: str
    path: str
    details: Schema

    def __str__(self) -> str:
        return self.name

    @property
    def signed_in(self) -> bool:
        return "security" in self.details

    @property
    def parameters(self) -> list[Schema]:
        """In the path a parent stands before its child."""
        found = self.details.get("parameters", [])
        return sorted(found, key=lambda each: self.path.find("{" + each["name"] + "}"))

    def schemas_in(self, place: str, *, required: bool = False) -> dict[str, Schema]:
        """The schemas of its parameters in the path, query or header, by name."""
        return {
            parameter["name"]: parameter["schema"]
            for parameter in self.parameters
            if parameter["in"] == place and (parameter.get("required") or not required)
        }

    @property
    def media_type(self) -> str | None:
        return next(iter(self.details.get("requestBody", {}).get("content", {})), None)

    @property
    def takes_json(self) -> bool:
        return bool(self.media_type) and str(self.media_type).endswith(("/json", "+json"))

    @property
    def body(self) -> Schema | None:
        """The schema of the body, if it takes one."""
        content = self.details.get("requestBody", {}).get("content", {})
        return content[self.media_type]["schema"] if content else None

    def matches(self, method: str, path: str) -> bool:
        pattern = re.sub(r"\{\w+\}", "[^/]+", self.path)
        return method.lower() == self.method and re.fullmatch(pattern, path) is not None


@cache
def operations() -> list[Operation]:
    """All of them; a path without parameters stands before one with."""
    found = [
        Operation(details["operationId"], method, path, details)
        for path, item in document()["paths"].items()
        for method, details in item.items()
    ]
    return sorted(found, key=lambda operation: operation.path.count("{"))

"""The OpenAPI document is what clients are generated from."""

import re
from collections.abc import Iterator

from fastapi import FastAPI
from httpx import AsyncClient

from app.config import settings
from tests.contract.operations import Schema, example, operations, resolved

# What bounds a value of a type. So do a list of choices, and a format that has one shape.
BOUNDS = {
    "string": ({"maxLength"}, "Annotated[str, Field(max_length=200)]"),
    "array": ({"maxItems"}, "Annotated[list[…], Field(max_length=100)]"),
    "integer": ({"maximum", "exclusiveMaximum"}, "Annotated[int, Field(ge=0, le=2**63 - 1)]"),
    "number": ({"maximum", "exclusiveMaximum"}, "Annotated[Decimal, Field(ge=0, le=1000)]"),
    "object": ({"maxProperties"}, "a model, or Annotated[dict[…], Field(max_length=100)]"),
}
LOWER = {"minimum", "exclusiveMinimum"}
CHOICES = {"enum", "const"}
FORMATS = {"date", "date-time", "time", "duration", "uuid", "binary", "ipv4", "ipv6"}
# In a pattern: what stands for one character, and what may repeat without end, or begin anywhere.
CLASS = re.compile(r"\\.|\[[^]]*\]")
ENDLESS = re.compile(r"[*+]|,\}|^(?!\^)|(?<!\$)$")


def test_an_operation_is_named_after_its_function() -> None:
    names = [operation.name for operation in operations()]

    assert "read_me" in names
    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)


def test_every_error_is_described_as_a_problem() -> None:
    for operation in operations():
        responses = operation.details["responses"]
        errors = {status: responses[status] for status in responses if status[0] in "45"}

        assert {"500", "503"} <= errors.keys()
        assert all(set(e["content"]) == {"application/problem+json"} for e in errors.values())


def test_a_route_that_signs_in_says_so() -> None:
    for operation in operations():
        assert not operation.signed_in or {"401", "403"} <= operation.details["responses"].keys()


def test_the_document_is_made_once(app: FastAPI) -> None:
    assert app.openapi() is app.openapi()


def unbounded(schema: Schema, place: str, seen: tuple[Schema, ...] = ()) -> Iterator[str]:
    """What a request may hold any amount of, each in a sentence that says what to write."""
    if "$ref" in schema:
        schema = resolved(schema)
    if schema in seen:
        return
    seen = (*seen, schema)
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    decimal = any(choice.get("type") == "number" for choice in choices)
    for choice in choices:
        if not decimal or choice.get("type") != "string":  # the number's bounds hold for its text
            yield from unbounded(choice, place, seen)
    for name, inner in schema.get("properties", {}).items():
        yield from unbounded(inner, f"{place}.{name}", seen)
    for items in (*schema.get("prefixItems", ()), *filter(None, [schema.get("items")])):
        yield from unbounded(items, f"{place}[]", seen)
    values = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    for value in values:
        if isinstance(value, dict):
            yield from unbounded(value, place + "{}", seen)
    kind = schema.get("type")
    if kind in BOUNDS and not is_bounded(schema, kind):
        yield f"{place} takes any {kind}, however large. Write {BOUNDS[kind][1]}."


def is_bounded(schema: Schema, kind: str) -> bool:
    # A file is bounded by the body that it is in.
    if (CHOICES | {"contentMediaType"}) & schema.keys() or schema.get("format") in FORMATS:
        return True
    if ENDLESS.search(CLASS.sub("", schema.get("pattern", "*"))) is None:
        return True
    if kind == "object":
        grows = schema.get("additionalProperties") or "properties" not in schema
        return "maxProperties" in schema or not grows
    if kind in {"integer", "number"} and not LOWER & schema.keys():
        return False
    return bool(BOUNDS[kind][0] & schema.keys())


def test_whatever_a_request_holds_is_bounded() -> None:
    """A text, list or number without a bound is as large as a caller wants it to be."""
    found = []
    for operation in operations():
        taken = {parameter["name"]: parameter["schema"] for parameter in operation.parameters}
        if operation.body is not None:
            taken["body"] = operation.body
        for name, schema in taken.items():
            found += [f"{operation}: {fault}" for fault in unbounded(schema, name)]

    assert not found, "\n".join(found)


def test_how_large_a_body_may_be_is_described() -> None:
    for operation in operations():
        if operation.body is not None:
            assert (
                f"{settings.max_body_bytes} bytes"
                in operation.details["responses"]["413"]["description"]
            ), operation


async def test_a_method_that_a_path_does_not_have_hears_of_those_it_has(
    client: AsyncClient,
) -> None:
    for operation in operations():
        values = {
            p["name"]: example(p["schema"]) for p in operation.parameters if p["in"] == "path"
        }
        path = operation.path.format(**values)
        known = {o.method.upper() for o in operations() if o.matches(o.method, path)}
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - known:
            response = await client.request(method, path)

            assert response.status_code == 405, f"{method} {path}"
            assert set(response.headers["Allow"].split(", ")) == known, f"{method} {path}"

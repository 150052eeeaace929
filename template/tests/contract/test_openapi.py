"""Clients are generated from the OpenAPI document, and it sets a bound on every input."""

import re
from collections.abc import Iterator

from httpx import AsyncClient

from app.config import settings
from tests.contract.operations import Schema, example, operations, resolved

# For each type the keywords that bound it, and what to write. A list of choices bounds it, too, and
# so does a format of a fixed length.
BOUNDS = {
    "string": ({"maxLength"}, "Annotated[str, Field(max_length=200)]"),
    "array": ({"maxItems"}, "Annotated[list[…], Field(max_length=100)]"),
    "integer": ({"maximum", "exclusiveMaximum"}, "Annotated[int, Field(ge=0, le=2**63 - 1)]"),
    "number": ({"maximum", "exclusiveMaximum"}, "Annotated[Decimal, Field(ge=0, le=1000)]"),
    "object": ({"maxProperties"}, "a model, JsonObject or Annotated[dict[…], Field(max_length=9)]"),
}
CHOICES = {"enum", "const", "contentMediaType"}  # a file: the limit of the body bounds it
FORMATS = {"date", "date-time", "time", "duration", "uuid", "ipv4", "ipv6"}
BOUNDED_PATTERN = re.compile(r"\^((?!,\})[^*+])*\$")  # anchored at both ends, without * and +


def test_operation_is_named_after_its_function() -> None:
    names = [operation.name for operation in operations()]

    assert "read_me" in names
    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)


def test_every_error_is_documented_as_a_problem() -> None:
    for operation in operations():
        responses = operation.details["responses"]
        errors = {status: responses[status] for status in responses if status[0] in "45"}

        assert {"500", "503"} <= errors.keys()
        assert {"401", "403"} <= errors.keys() or not operation.signed_in
        assert all(set(e["content"]) == {"application/problem+json"} for e in errors.values())


def test_413_documents_the_body_limit() -> None:
    for operation in operations():
        if operation.body is not None:
            too_large = operation.details["responses"]["413"]
            assert f"{settings.max_body_bytes} bytes" in too_large["description"], operation


def test_every_input_is_bounded() -> None:
    """Denial of service: a text, list or number without a bound is as large as a caller likes."""
    found = []
    for operation in operations():
        inputs = {parameter["name"]: parameter["schema"] for parameter in operation.parameters}
        if operation.body is not None:
            inputs["body"] = operation.body
        for name, schema in inputs.items():
            found += [f"{operation}: {fault}" for fault in unbounded(schema, name)]

    assert not found, "\n".join(found)


def unbounded(schema: Schema, place: str, within: tuple[Schema, ...] = ()) -> Iterator[str]:
    """Yield a sentence for each input without a bound: it says what to write."""
    if "$ref" in schema:
        schema = resolved(schema)
    if schema in within:
        return
    for inner_place, inner in schemas_in(schema):
        yield from unbounded(inner, place + inner_place, (*within, schema))
    kind = schema.get("type")
    if kind in BOUNDS and not is_bounded(schema, kind):
        yield f"{place} takes any {kind}, however large. Write {BOUNDS[kind][1]}."


def schemas_in(schema: Schema) -> Iterator[tuple[str, Schema]]:
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    if any(
        choice.get("type") == "number" for choice in choices
    ):  # a decimal, as a number or a string
        choices = [choice for choice in choices if choice.get("type") != "string"]
    for choice in choices:
        yield "", choice
    for name, field in schema.get("properties", {}).items():
        yield f".{name}", field
    values = schema.get("patternProperties", {}).values()
    items = [*schema.get("prefixItems", ()), schema.get("items"), *values]
    for item in [*items, schema.get("additionalProperties")]:
        if isinstance(item, dict):
            yield "[]", item


def is_bounded(schema: Schema, kind: str) -> bool:
    if CHOICES & schema.keys() or schema.get("format") in FORMATS:
        return True
    if BOUNDED_PATTERN.fullmatch(schema.get("pattern", "")):
        return True
    if kind == "object":
        grows = schema.get("additionalProperties") or "properties" not in schema
        return "maxProperties" in schema or not grows
    if kind in {"integer", "number"} and not {"minimum", "exclusiveMinimum"} & schema.keys():
        return False
    return bool(BOUNDS[kind][0] & schema.keys())


async def test_405_lists_allowed_methods(client: AsyncClient) -> None:
    for operation in operations():
        ids = {name: example(schema) for name, schema in operation.schemas_in("path").items()}
        path = operation.path.format(**ids)
        known = {o.method.upper() for o in operations() if o.matches(o.method, path)}
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - known:
            response = await client.request(method, path)

            assert response.status_code == 405, f"{method} {path}"
            assert set(response.headers["Allow"].split(", ")) == known, f"{method} {path}"

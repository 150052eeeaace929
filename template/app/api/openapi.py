"""The OpenAPI document: short operation ids, and every error that an operation can answer."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.config import settings
from app.schemas.problems import Problem

CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
DESCRIPTIONS = {413: f"The body is larger than {settings.max_body_bytes} bytes"}
METHODS = {"get", "put", "post", "delete", "patch"}


def operation_id(route: APIRoute) -> str:
    """`register`, not `register_auth_register_post`: generated clients name their methods by it."""
    return route.name


def describe(app: FastAPI) -> None:
    """Make `app.openapi()` list the problems, which FastAPI does not find in a route."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()  # made anew when a route was added
        if "Problem" not in document.get("components", {}).get("schemas", {}):
            add_problems(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def add_problems(document: dict[str, Any]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for replaced in ("HTTPValidationError", "ValidationError"):
        schemas.pop(replaced, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs") | {"Problem": problem}
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            responses = item[method]["responses"]
            for status in problems_of(path, method, item[method]):
                phrase = DESCRIPTIONS.get(status, HTTPStatus(status).phrase)
                responses.setdefault(str(status), {}).setdefault("description", phrase)
            for status in responses:  # and what the route itself declares
                if status[0] in "45":
                    responses[status]["content"] = CONTENT


def problems_of(path: str, method: str, operation: dict[str, Any]) -> Iterator[int]:
    signed_in, has_body = "security" in operation, "requestBody" in operation
    if signed_in or has_body:  # a body may hold a password or a refresh token
        yield 401
    if signed_in:
        yield 403
    if "{" in path:
        yield 404
    if method != "get":
        yield 409
    if has_body:
        yield from (400, 413)
    if has_body or "parameters" in operation:
        yield 422
    yield from (500, 503)


def names_in(document: dict[str, Any]) -> set[str]:
    """The names of all parameters and fields, and of the places they are in."""
    names = {"body", "query", "path", "header", "cookie"}
    for schema in document["components"]["schemas"].values():
        names |= schema.get("properties", {}).keys()
    for item in document["paths"].values():
        for method in METHODS & item.keys():
            names |= {parameter["name"] for parameter in item[method].get("parameters", ())}
    return names

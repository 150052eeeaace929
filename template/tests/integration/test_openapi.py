"""The OpenAPI document is what clients are generated from."""

from typing import Any

from fastapi import FastAPI


def operations(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    paths = app.openapi()["paths"]
    return [(path, method, item[method]) for path, item in paths.items() for method in item]


def test_an_operation_is_named_after_its_function(app: FastAPI) -> None:
    names = [operation["operationId"] for _, _, operation in operations(app)]

    assert "read_me" in names
    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)


def test_every_error_is_described_as_a_problem(app: FastAPI) -> None:
    for _, _, operation in operations(app):
        errors = {s: r for s, r in operation["responses"].items() if int(s) >= 400}

        assert {"500", "503"} <= errors.keys()
        assert all("application/problem+json" in r["content"] for r in errors.values())


def test_a_route_that_signs_in_says_so(app: FastAPI) -> None:
    for _, _, operation in operations(app):
        assert "security" not in operation or {"401", "403"} <= operation["responses"].keys()


def test_the_document_is_made_once(app: FastAPI) -> None:
    assert app.openapi() is app.openapi()

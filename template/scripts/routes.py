"""List every route: method, path, function, and who may call it."""

from collections.abc import Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

from app.api.deps import get_current_user, oauth2_scheme, require_admin
from app.main import app


def who_may_call(dependant: Dependant) -> str:
    """Read it off the route's own dependencies."""
    needed = set(calls_of(dependant))
    if require_admin in needed:
        return "admins"
    return "users" if needed & {get_current_user, oauth2_scheme} else "anyone"


def calls_of(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from calls_of(inner)


def rows() -> Iterator[tuple[str, str, str, str]]:
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute | APIWebSocketRoute) and route.endpoint:
            methods = ", ".join(sorted(route.methods or ["WEBSOCKET"]))
            module = route.endpoint.__module__.removeprefix("app.api.routes.")
            yield methods, str(route.path), f"{module}.{route.name}", who_may_call(route.dependant)


def main() -> None:
    table = list(rows())
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())


if __name__ == "__main__":
    main()

"""List every route: method, path, function, and who may call it."""

from collections.abc import Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

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


def main() -> None:
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.endpoint:
            methods = ", ".join(sorted(route.methods or ()))
            function = f"{route.endpoint.__module__.removeprefix('app.api.routes.')}.{route.name}"
            print(f"{methods:8}{route.path:24}{function:28}{who_may_call(route.dependant)}")


if __name__ == "__main__":
    main()

"""List every route: method, path, function, and who may call it."""

from collections.abc import Iterator

from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

from app.api.access import who_may_call
from app.main import app


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

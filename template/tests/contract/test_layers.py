"""Which layer may know what. Read from the source, so a new file is checked from its first line."""

import ast
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TypeGuard

import pytest
from sqlalchemy import exc

from app.api import routes
from tests.contract.accounts import ANSWERS
from tests.contract.answers import ask

APP = Path(__file__).parents[2] / "app"
FILES = sorted(APP.rglob("*.py"))
DATABASE_ERRORS = {
    name
    for name, error in vars(exc).items()
    if isinstance(error, type) and issubclass(error, exc.DBAPIError)
} | {"SQLAlchemyError"}
METHODS = {"get", "head", "post", "put", "patch", "delete", "options", "trace", "api_route"}


def bound_by(rule: str, paths: Iterable[Path] = FILES) -> list[Path]:
    """Without the files that the answers excuse from the rule."""
    return [
        path for path in paths if (str(path.relative_to(APP.parent)), rule) not in ANSWERS.layers
    ]


def excuse(path: Path, rule: str) -> str:
    file = str(path.relative_to(APP.parent))
    return f"{file} breaks the rule. {ask('layers', (file, rule), 'the reason')}"


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path, *packages: str) -> list[str]:
    """What a file imports of these packages."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            here = path.relative_to(APP.parent).parts[: -node.level] if node.level else ()
            package = ".".join([*here, node.module] if node.module else here)
            found += [f"{package}.{alias.name}" for alias in node.names]
    return [name for name in found if f"{name}.".startswith(tuple(f"{p}." for p in packages))]


@pytest.mark.parametrize(
    ("layer", "forbidden"),
    [
        ("services", ["app.api"]),
        ("repos", ["app.api", "app.services", "pydantic"]),
        ("schemas", ["app.api", "app.services", "app.repos", "sqlalchemy"]),
        ("models", ["app.api", "app.services", "app.repos", "app.schemas", "pydantic"]),
    ],
)
def test_layer_does_not_import_the_one_above(layer: str, forbidden: list[str]) -> None:
    for path in bound_by("import", (APP / layer).rglob("*.py")):
        assert imports(path, "fastapi", "starlette", *forbidden) == [], excuse(path, "import")


def test_route_sends_no_query() -> None:
    for path in bound_by("query", (APP / "api/routes").rglob("*.py")):
        assert imports(path, "sqlalchemy") == [], excuse(path, "query")


def test_only_the_request_session_commits() -> None:
    for path in bound_by("commit"):
        assert ".commit(" not in path.read_text(), excuse(path, "commit")


def test_dependencies_are_async() -> None:
    """A plain function would be sent to a thread for every request."""
    functions = [
        node for node in tree(APP / "api/deps.py").body if isinstance(node, ast.FunctionDef)
    ]

    assert functions == []


def test_no_broad_except() -> None:
    for path in bound_by("broad except"):
        assert "except Exception" not in path.read_text(), excuse(path, "broad except")


def catching(node: ast.AST) -> Iterator[tuple[str, str]]:
    """What is caught or suppressed in a file, and the first statement it may come from."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Try):
            for handler in inner.handlers:
                yield ast.unparse(handler.type or inner), ast.unparse(inner.body[0])
        elif isinstance(inner, ast.With):
            for item in inner.items:
                if "suppress(" in (manager := ast.unparse(item)):
                    yield manager, ast.unparse(inner.body[0])


def test_database_error_is_caught_only_around_a_savepoint() -> None:
    """Caught elsewhere, the transaction is lost, and the answer would still be a success.

    A command may: it is outside the transaction, and exits with a sentence.
    """
    in_requests = [path for path in FILES if path.parent.name != "commands"]
    for path in bound_by("database error", in_requests):
        for caught, attempt in catching(tree(path)):
            if DATABASE_ERRORS & set(re.findall(r"\w+", caught)):
                assert "begin_nested" in attempt, excuse(path, "database error")


def decorated_routes() -> Iterator[tuple[str, ast.Call]]:
    for path in (APP / "api/routes").rglob("*.py"):
        for function in ast.walk(tree(path)):
            if isinstance(function, ast.AsyncFunctionDef):
                for decorator in function.decorator_list:
                    if is_route(decorator):
                        yield f"{path.name}: {function.name}", decorator


def is_route(decorator: ast.expr) -> TypeGuard[ast.Call]:
    """Not a websocket, which has no response, nor a decorator of another kind."""
    called = decorator.func if isinstance(decorator, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr in METHODS


def test_routes_name_their_response_model() -> None:
    for name, decorator in decorated_routes():
        keywords = {keyword.arg: keyword.value for keyword in decorator.keywords}

        assert "response_model" in keywords, name
        if ast.unparse(keywords["response_model"]) == "None" and "response_class" not in keywords:
            assert ast.unparse(keywords["status_code"]) == "204", name


def test_module_without_a_router_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.py").write_text("")
    monkeypatch.setattr(routes, "__path__", [str(tmp_path)])
    monkeypatch.setattr(routes, "import_module", lambda name: import_module("app"))

    with pytest.raises(TypeError, match="router = APIRouter"):
        routes.find_routers()


def test_every_router_is_found() -> None:
    """Whether it is a module or a package."""
    folder = APP / "api/routes"
    modules = [*folder.glob("[!_]*.py"), *folder.glob("*/__init__.py")]

    assert len(routes.find_routers()) == len(modules)

"""A factory per model, found like the models: conftest registers every one of them."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from tests.factories.base import AsyncModelFactory


def find_factories() -> Iterator[type[AsyncModelFactory[Any]]]:
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    yield from AsyncModelFactory.__subclasses__()

"""Every module here that has a `router` is part of the API. None is registered by hand."""

from importlib import import_module
from pkgutil import iter_modules

from fastapi import APIRouter


def find_routers() -> list[APIRouter]:
    """Return the routers by module name. Raises `TypeError` for a module without one."""
    routers = []
    for module in sorted(iter_modules(__path__), key=lambda found: found.name):
        router = getattr(import_module(f"{__name__}.{module.name}"), "router", None)
        if not isinstance(router, APIRouter):
            raise TypeError(f"app/api/routes/{module.name}.py needs `router = APIRouter(...)`.")
        routers.append(router)
    return routers

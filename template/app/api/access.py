"""Who may call a route: its dependencies say it, or the mark `@public`."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant

from app.api.deps import get_current_user, oauth2_scheme, require_admin

_public: set[object] = set()


def public[Endpoint: Callable[..., Any]](endpoint: Endpoint) -> Endpoint:
    """Mark a route that writes and that anyone may call: `@public` below `@router.post(…)`.

    A test fails for a route that writes with neither this nor `user: CurrentUser`: one of them
    was forgotten, and if it is the user, access control is broken.
    """
    _public.add(endpoint)
    return endpoint


def is_public(endpoint: object) -> bool:
    return endpoint in _public


def who_may_call(dependant: Dependant) -> str:
    """Return `admins`, `users` or `anyone`, read off the dependencies of a route."""
    needed = set(calls_of(dependant))
    if require_admin in needed:
        return "admins"
    return "users" if needed & {get_current_user, oauth2_scheme} else "anyone"


def calls_of(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from calls_of(inner)

"""Who may call a route: its dependencies say it, and `@public` where there are none."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant

from app.api.deps import get_current_user, oauth2_scheme, require_admin

_public: set[object] = set()


def public[Endpoint: Callable[..., Any]](endpoint: Endpoint) -> Endpoint:
    """Say of a route that writes that anyone may call it: `@public` below `@router.post(…)`.

    Without it, a test takes a route that writes and needs no sign-in for one on which
    `user: CurrentUser` was forgotten: broken access control.
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

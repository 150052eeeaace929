"""Who may call a route: read off its own dependencies, and said where they say nothing."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant

from app.api.deps import get_current_user, oauth2_scheme, require_admin

PUBLIC = "__public__"


def public[F: Callable[..., Any]](endpoint: F) -> F:
    """Mark a route that writes and that anyone may call: `@public` below its decorator."""
    setattr(endpoint, PUBLIC, True)
    return endpoint


def is_marked_public(endpoint: Callable[..., Any] | None) -> bool:
    return getattr(endpoint, PUBLIC, False)


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

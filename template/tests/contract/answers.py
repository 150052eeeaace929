"""The questions of the contract tests. `tests/answers.py` has the answers for this service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from app.models.users import User


def nothing() -> Any:
    return field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What cannot be read off the routes, the models and the OpenAPI document.

    An operation is named by its function, such as `read_user`. A text is the reason.
    """

    # A valid value of a field or parameter, by its name or as `operation.name`: the value, or a
    # function (also a coroutine) of the user who calls and of the records that come before it in
    # the path. {"month": "2026-01", "member_id": new_member}: `new_member(user, organisation)`
    values: Mapping[str, Any] = nothing()
    # How a user becomes a member of a record, in the role that may do everything. The record then
    # counts as theirs, and so does all that refers to it: {Organisation: join} with
    # `async def join(organisation, user)`.
    members: Mapping[type[Any], Callable[[Any, User], Any]] = nothing()
    # Callers who are answered otherwise than the route says: {("read_user", "admin"): "allowed"}
    access: Mapping[tuple[str, str], str] = nothing()
    # Operations that take a child with the id of any parent: {"move_task": "…"}
    any_parent: Mapping[str, str] = nothing()
    # Operations that write no row, though their method writes: {"preview_invoice": "…"}
    writes_nothing: Mapping[str, str] = nothing()
    # Tables in which a refused request may leave a row: {"login_attempts": "…"}
    traces: Mapping[str, str] = nothing()
    # Headers of every response, in lower case: more, or with another value (None is any).
    # {"x-served-by": None}
    headers: Mapping[str, str | None] = nothing()
    # Files excused from a rule of `test_layers.py`: {("app/jobs/worker.py", "broad except"): "…"}
    layers: Mapping[tuple[str, str], str] = nothing()

    def __or__(self, other: Self) -> Self:
        """Those of both; where both answer, the other's."""
        names = [question.name for question in fields(self)]
        return type(self)(**{name: getattr(self, name) | getattr(other, name) for name in names})


def ask(question: str, key: object, answer: str, *, meant: bool = True) -> str:
    """The end of a failure: what to write, and where; if it may be meant, or in any case."""
    write = "If you mean that, write" if meant else "Write"
    name = key.__name__ if isinstance(key, type) else repr(key)
    return f"{write} into tests/answers.py: {question}=" + "{" + f"{name}: {answer!r}" + "}"

"""Who may do what with a resource: as the command says, or as it is for the parent."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from typing import Any, get_type_hints

from sqlalchemy import inspect

from app.api.access import is_public
from app.api.deps import AdminUser
from app.db.base import Base, Record
from app.models.users import User
from names import Names, names_of_model
from refusal import Refused


@dataclass
class Access:
    kind: str  # owned, private, admin or public
    owner: str = ""  # the relationship to the user who creates a row
    parent: Names | None = None
    parent_owner: str = ""  # who alone may write, if all may read

    @property
    def hidden(self) -> bool:
        return self.kind == "private"

    @property
    def passes(self) -> bool:
        """Whether a service is told which user it acts for."""
        return self.kind in {"owned", "private"}

    @property
    def within(self) -> str:
        """What every query is confined to: a parent, or the owner."""
        return self.parent.one if self.parent else self.owner if self.hidden else ""


def model_in(many: str) -> type[Record]:
    module = f"app.models.{many}"
    mapped = [mapper.class_ for mapper in Base.registry.mappers]
    found = [each for each in mapped if each.__module__ == module and issubclass(each, Record)]
    if len(found) != 1:
        raise Refused(f"{module} has {len(found)} classes that inherit from Record; one is needed.")
    return found[0]


def below(many: str) -> Access:
    """The access of what is nested in a resource."""
    if not find_spec(f"app.models.{many}") or not find_spec(f"app.api.routes.{many}"):
        raise Refused(f"There is no resource {many} to nest it in.")
    model = model_in(many)
    names = names_of_model(many, model)
    scope = scope_of(many)
    create = getattr(import_module(f"app.api.routes.{many}"), f"create_{names.one}", None)
    if create is None or scope not in {None, User}:
        raise Refused(f"{many} cannot have a nested resource by this command: it is nested itself.")
    if is_public(create):
        return Access("public", parent=names)
    if AdminUser in get_type_hints(create, include_extras=True).values():
        return Access("admin", parent=names)
    if scope is User:
        return Access("private", parent=names, parent_owner="")
    return Access("owned", parent=names, parent_owner=owner_of(model, None))


def scope_of(many: str) -> Any:
    """What the query of one row needs beside its id: nothing, the user who reads, or a parent."""
    if not find_spec(f"app.repos.{many}"):
        return None
    find = getattr(import_module(f"app.repos.{many}"), "find", None)
    parameters = [*signature(find).parameters.values()] if find else []
    return parameters[1].annotation if len(parameters) == 3 else None


def owner_of(model: type[Any], wanted: str | None) -> str:
    """The relationship of a model that stands already to the user who creates a row."""
    found = [each.key for each in inspect(model).relationships if each.mapper.class_ is User]
    if wanted in found or (not wanted and len(found) == 1):
        return wanted or str(found[0])
    raise Refused(
        f"Who is the owner of {model.__name__}? Its relationships to User: "
        f"{', '.join(found) or 'none'}. Choose one: --owner NAME; or --admin, or --public."
    )

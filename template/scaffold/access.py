"""Who may do what with a resource: as the command says, or as it is for the parent."""

import re
import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from inspect import getsource, signature
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import RelationshipDirection

from app.api.access import who_may_call
from app.db.base import Base, Record
from app.models.users import User
from names import Names, Refused, checked, names_of_model

# As services.py.j2 writes it, on any number of lines.
OWNED = r"""async def _owned\(\s*db: AsyncSession, (\w+)_id: int, user: User\s*\) -> \w+:
    \1 = await read\(db, \1_id\)
    if \1\.(\w+)_id != user\.id:
        raise Forbidden\(\s*".+"\s*\)
    return \1
"""


@dataclass
class Access:
    kind: str  # owned, private, admin or public
    owner: str = ""  # the relationship to the user who creates a row
    parent: Names | None = None
    parent_owner: str = ""  # who alone may write, if all may read
    gate: str = ""  # the function of the parent's service that finds it for a change, if not `read`

    def __post_init__(self) -> None:
        self.hidden = self.kind == "private"
        self.passes = self.kind in {"owned", "private"}  # the user to the service
        creator = Names("users", self.owner, "User") if self.owner else None
        self.holder = self.parent or creator  # whose a row is
        self.scope = self.holder if self.parent or self.hidden else None  # of every query
        self.writer = "an admin" if self.kind == "admin" else f"the {self.owner}"
        if self.parent and self.passes:
            self.writer = f"the {self.parent_owner or 'owner'} of the {self.parent.human}"


def models() -> list[type[Record]]:
    mapped = [mapper.class_ for mapper in Base.registry.mappers]
    return [each for each in mapped if issubclass(each, Record)]


def model_in(many: str) -> type[Record]:
    found = [each for each in models() if each.__module__ == f"app.models.{many}"]
    if len(found) != 1:
        raise Refused(f"There is no app/models/{many}.py with one class that inherits from Record.")
    return found[0]


@cache
def below(many: str) -> Access:
    """The access of what is nested in a resource: who may create one, and whose it is."""
    if not find_spec(f"app.api.routes.{many}"):
        raise Refused(f"There is no resource {many} to nest it in.")
    model = model_in(many)
    service = module(f"app.services.{many}")
    parent = checked(names_of_model(model))
    routes = module(f"app.api.routes.{many}").router.routes
    found = [each for each in routes if each.path == parent.path and "POST" in each.methods]
    if not found:
        raise Refused(f"{many} cannot have a nested resource by this command: it is nested itself.")
    private = scope_of(many) is User
    reads = getattr(service, "read", None)
    own = reads is None or len(signature(reads).parameters) != 2 + private
    if kind := {"anyone": "public", "admins": "admin"}.get(who_may_call(found[0].dependant)):
        access = Access(kind, parent=parent)
    elif private:
        access = Access("private", parent=parent, gate=gate_of(parent))
    else:
        owner = rule_of(service)
        own = own or not owner
        access = Access("owned", parent=parent, parent_owner=owner and owner_of(model, owner))

    if own:
        raise Refused(f"app/services/{many}.py has rules of its own: write by hand what is nested.")
    return access


def rule_of(service: Any) -> str:
    """Whose id decides about a change, if nothing else does."""
    if not (hasattr(service, "update") and hasattr(service, "_owned")):
        return ""
    found = re.fullmatch(OWNED, getsource(service._owned))
    return found[2] if found and "await _owned(db, " in getsource(service.update) else ""


def module(name: str) -> Any:
    try:
        return import_module(name)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a file of the owner's
        raise Refused(f"{name} cannot be imported. {type(error).__name__}: {error}.") from None


def gate_of(parent: Names) -> str:
    """A rule of the owner's, such as `read_as_owner`, where not all who read may change."""
    update = getattr(module(f"app.services.{parent.many}"), "update", None)
    found = re.search(r"await (\w+)\(db, \w+_id, ", getsource(update)) if update else None
    if found is None or found[1] == "read":
        return ""
    says = f"{parent.one}_service.{found[1]} decides who may write. Let the fixture"
    print(f"{says} `{parent.one}` be one that `user` may change.", file=sys.stderr)
    return found[1]


def scope_of(many: str) -> Any:
    """What the query of one row needs beside its id: nothing, the user who reads, or a parent."""
    if not find_spec(f"app.repos.{many}"):
        return None
    find = getattr(module(f"app.repos.{many}"), "find", None)
    parameters = [*signature(find).parameters.values()] if find else []
    return parameters[1].annotation if len(parameters) == 3 else None


def owner_of(model: type[Record], wanted: str | None) -> str:
    """The relationship of a model that stands already to the user who creates a row."""
    links = [each for each in inspect(model).relationships if each.mapper.class_ is User]
    found = [each.key for each in links if each.direction is RelationshipDirection.MANYTOONE]
    if wanted in found or (not wanted and len(found) == 1):
        return wanted or found[0]
    raise Refused(
        f"Who is the owner of {model.__name__}? Its relationships to User: "
        f"{', '.join(found) or 'none'}. Choose one: --owner NAME; or --admin, or --public."
    )

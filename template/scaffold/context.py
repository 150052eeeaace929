"""What the templates of this folder are given."""

from dataclasses import asdict
from typing import Any

from access import Access, scope_of
from app.db.base import Base
from app.models.users import User
from inspected import Described
from line import Column
from names import MODELS, Names
from refusal import Refused

WHO = {"owned": "user: CurrentUser, ", "admin": "admin: AdminUser, ", "public": ""}
RULES = {
    "owned": "anyone may read, only the {owner} may change",
    "private": "only the {owner} may read or change",
    "admin": "anyone may read, only an admin may change",
    "public": "anyone may read and change",
}


def common(names: Names, access: Access) -> dict[str, Any]:
    """What the model and all other files need."""
    parent, one = access.parent, names.one
    found = asdict(names) | {"parent": parent, "access": access.kind, "owner": access.owner}
    found |= {name: getattr(names, name) for name in ("human", "humans", "a")}
    path = listed = single = names.path
    if parent:
        path = f"{parent.path}/{braced(parent.one + '_id')}{names.path}"
        listed = f"{parent.path}/{braced(parent.one + '.id')}{names.path}"
        single = f"{parent.path}/{braced(f'{one}.{parent.one}_id')}{names.path}"
    owner = access.owner
    if parent:
        owner = f"{access.parent_owner or 'owner'} of the {parent.human}"
    of_one = f"{access.owner}=user, " if access.owner else ""
    belongs = parent.one if parent else access.owner
    return found | {
        "path": path,
        "hidden": access.hidden,
        "passes": access.passes,
        "parent_owner": access.parent_owner,
        "rules": RULES[access.kind].format(owner=owner),
        "who": WHO.get(access.kind, WHO["owned"]),
        "own": "_owned" if access.kind == "owned" and not parent else "read",
        "at": f"{parent.one}_id: int, " if parent else "",
        "at_id": f"{parent.one}_id, " if parent else "",
        "at_route": f"{parent.one}_id: Id, " if parent else "",
        "scope": f"{parent.one}, " if parent else "reader, " if access.hidden else "",
        "within": f"{access.within}: {parent.Model if parent else 'User'}, "
        if access.within
        else "",
        "condition": f"{names.Model}.{access.within}_id == {access.within}.id",
        "belongs": f", {belongs}_id={belongs}.id" if belongs else "",
        "scoped": f'"{access.within}_id", ' if access.within else "",
        "all": f'f"{listed}"' if parent else f'"{listed}"',
        "all_of": f'f"{listed}',
        "each": f"at({one})" if parent else f'f"{single}/{braced(one + ".id")}"',
        "each_at": f'f"{single}/{braced(one + ".id")}"',
        "with_headers": ", headers=headers" if access.hidden else "",
        "parent_fixture": f", {parent.one}: {parent.Model}" if parent else "",
        "parent_id": f"{parent.one}.id, " if parent else "",
        "of_one": f"{parent.one}={parent.one}, " if parent else of_one,
        "whose": "an_admin" if access.kind == "admin" else f"the_{owner.replace(' ', '_')}",
        "about_headers": about(names, access),
    }


def braced(text: str) -> str:
    return "{" + text + "}"


def about(names: Names, access: Access) -> str:
    if access.passes:
        return f"The fixture `{names.one}` is by `user`; `headers` are those of `user`."
    return "Callers sign in as an admin." if access.kind == "admin" else "Callers do not sign in."


def for_model(
    names: Names, columns: list[Column], access: Access, filtered: list[str]
) -> dict[str, Any]:
    tables = {each.class_.__tablename__: each.class_ for each in Base.registry.mappers}
    references = [column for column in columns if column.table]
    for name in {*filtered} - {f"{c.name}_id" if c.table else c.name for c in columns}:
        raise Refused(f"--filter {name}: there is no such field, or it has no few values.")
    leads_to = [column.table for column in references] + ["users"] * bool(access.owner)
    found = []
    for column in references:
        itself = column.table == names.many
        if not itself and column.table not in tables:
            raise Refused(
                f"{column.name}: there is no table {column.table}. There are {', '.join(tables)}."
            )
        if itself and not column.optional:
            raise Refused(f"{column.name}: the first {names.human} can refer to none. Add a ?.")
        target = names.Model if itself else tables[column.table].__name__
        module = f"app.models.{names.many}" if itself else tables[column.table].__module__
        null = " | None" if column.optional else ""
        joined = f', remote_side="{names.Model}.id"' if itself else ""
        if leads_to.count(column.table) > 1:
            joined += f", foreign_keys=[{column.name}_id]"
        annotation = f'"{target}{null}"' if itself else f"{target}{null}"
        extra = {"module": module, "model": target, "annotation": annotation, "joined": joined}
        found.append(asdict(column) | extra)
    for column in columns:
        if column.choices and column.annotation in {names.Model, *MODELS.split()}:
            column.annotation = f"{names.Model}{column.annotation}"
    return common(names, access) | {
        "columns": columns,
        "filtered": filtered,
        "references": found,
        "module": f"app.models.{names.many}",
        "owner_joined": f", foreign_keys=[{access.owner}_id]"
        if leads_to.count("users") > 1 and access.owner
        else "",
    }


def for_files(
    names: Names, fields: list[Described], access: Access, filtered: list[str]
) -> dict[str, Any]:
    writable = [field for field in fields if field.writable]
    required = [field for field in writable if not field.nullable and not field.default]
    targets = {field.fixture: field for field in required if field.target}
    needed = {field.target: field.target_file for field in targets.values()}
    fixtures = {name: field.target for name, field in targets.items()}
    if access.parent:
        needed |= {access.parent.Model: access.parent.many}
        fixtures = {access.parent.one: access.parent.Model} | fixtures
    sent = {field.name: field.kind.draft for field in writable if not field.target}
    first = first_to_change(writable)
    change = {first.name: first.kind.other} if first else {}
    return common(names, access) | {
        "fields": fields,
        "writable": writable,
        "required": required,
        "made": [f for f in writable if f in required or f.unique or f.name in filtered],
        "filters": [filter_of(name, fields) for name in filtered],
        "other_than": lambda field: 2**40 if field.target else repr(field.kind.other),
        "needed": needed,
        "fixtures": listed(fixtures),
        "unit_fixtures": listed(
            {name: type_ for name, type_ in fixtures.items() if name != "user" or not access.passes}
        ),
        "draft": repr(sent),
        "referring": {f.name: f"{f.fixture}.id" for f in required if f.target},
        "keys": braced(str(["id", *(field.name for field in fields), "created_at"])[1:-1]),
        "arguments": ", ".join(argument(field) for field in required),
        "change": repr(change),
        "changed": braced(f"**before, {repr(change)[1:-1]}") if change else "before",
        "other_argument": f"{first.name}={first.kind.other!r}" if first else "",
        "not_null": [f.name for f in writable if not f.nullable and f.kind.type != "Json"],
        "left_out": any(field.default == "LEFT_OUT" for field in writable),
        "guarded": [field for field in writable if is_guarded(field, access)],
    }


def filter_of(name: str, fields: list[Described]) -> Described:
    found = next((field for field in fields if field.name == name), None)
    if found is None or (found.kind.read and not found.target):
        raise Refused(f"--filter {name}: there is no such field, or it has no few values.")
    return found


def listed(fixtures: dict[str, str]) -> str:
    return "".join(f", {name}: {type_}" for name, type_ in fixtures.items())


def is_guarded(field: Described, access: Access) -> bool:
    """Whether it refers to what each user has for themselves: then only to their own."""
    scope = scope_of(field.target_file) if field.target and access.kind != "admin" else None
    if scope is not None and (scope is not User or not access.passes):
        raise Refused(f"{field.name}: not every caller may read what it refers to.")
    return scope is User


def first_to_change(writable: list[Described]) -> Described | None:
    """A field that is written in Python as in JSON, if there is one; best a text."""
    changeable = [field for field in writable if not field.target and field.kind.other is not None]
    plain = [field for field in changeable if not field.kind.source]
    return next((f for f in plain if f.kind.type == "str"), plain[0] if plain else None)


def argument(field: Described) -> str:
    if field.target:
        return f"{field.name}={field.fixture}.id"
    return f"{field.name}={field.kind.source or repr(field.kind.draft)}"

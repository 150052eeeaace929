"""What a mapped class says of its resource: the fields of requests, of responses and of tests."""

import re
import sys
from datetime import date
from enum import Enum
from inspect import get_annotations
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

import pydantic
import sqlalchemy as sa
from inflection import camelize
from sqlalchemy.orm import ColumnProperty
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from app.db.base import Record
from kinds import SHORT, Field, choices, code, kind_of, members
from names import IMPORTED, Names, Refused, names_of_model

POSTGRESQL = sa.make_url("postgresql+asyncpg://").get_dialect()()
KEPT = {"id", "created_at", "updated_at"}
BOUNDS = {"ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of", "pattern"}
LITERAL = "'(?:[^']|'')*'"  # of SQL
INSTEAD = {"ge": "gt", "gt": "ge", "le": "lt", "lt": "le"}


def attach_checks(model: type[Record]) -> None:
    """To the table, those of one column: Alembic would leave them out."""
    table = model.metadata.tables[model.__tablename__]
    for column in table.c:
        for each in sorted(column.constraints, key=lambda check: str(check.name)):
            table.append_constraint(each)
        column.constraints.clear()


def fields_of(model: type[Record], holder: Names | None) -> list[Field]:
    """Every column but those that are kept; a sentence for one that does not tell enough."""
    kept = KEPT | ({f"{holder.one}_id"} if holder else set())
    found: list[Field] = []
    for attribute in sa.inspect(model).column_attrs:
        column = attribute.columns[0]
        if attribute.key in kept or not isinstance(column, sa.Column):
            continue
        first = not any(each.read == "str" for each in found)
        try:
            found.append(described(told(column, model.__module__), attribute, column, first))
        except Refused as refused:
            if is_required(column):
                raise Refused(f"{attribute.key}, which is required: {refused}.") from None
            print(f"{attribute.key} is left out of app/schemas/: {refused}.", file=sys.stderr)
    return found


def is_required(column: sa.Column[Any]) -> bool:
    """Whether no row can be written without it."""
    given = column.default or column.server_default or column.computed or column.identity
    return not column.nullable and given is None


def checks_of(column: sa.Column[Any]) -> list[str]:
    """The SQL of the CHECKs that name the column."""
    rules = [each for each in column.table.constraints if isinstance(each, sa.CheckConstraint)]
    texts = [str(each.sqltext.compile(compile_kwargs={"literal_binds": True})) for each in rules]
    return [text for text in texts if re.search(rf"\b{column.name}\b", text)]


def told(column: sa.Column[Any], module: str) -> Field:
    """What fits a column: its type, narrowed by a CHECK of its values, and by its `info`."""
    for check in checks_of(column):
        choice = rf'"?{column.name}"? (?i:in) \(({LITERAL}(?:, *{LITERAL})*)\)'
        if listed := re.fullmatch(choice, check):
            default = getattr(column.default, "arg", None)
            if isinstance(default, Enum):
                return members(type(default))
            found = [each[1:-1].replace("''", "'") for each in re.findall(LITERAL, listed[1])]
            return choices(found, module)
    field = kind_of(column, column.type, module)
    given = {name: code(value) for name, value in column.info.items() if name in BOUNDS}
    replaced = {INSTEAD.get(name) for name in given}
    kept = {name: value for name, value in field.bounds.items() if name not in replaced}
    field.bounds = kept | given
    for check in [] if given else checks_of(column):
        print(f"{column.name}: only the database knows the rule {check}.", file=sys.stderr)
    return field


def described(
    field: Field, attribute: ColumnProperty[Any], column: sa.Column[Any], first: bool
) -> Field:
    mapper = attribute.parent
    field.name = attribute.key
    field.null = " | None" if column.nullable else ""
    field.default = default_of(column, field)
    keys = keys_of(column)
    field.unique = {column.name} in keys
    field.keyed = bool(keys)
    if attribute.deferred:
        raise Refused("it is deferred, and a response would load it by accident")
    field.column = column.key
    kept = column is mapper.version_id_col or column is mapper.polymorphic_on
    field.writable = column.computed is None and column.identity is None and not kept
    if hasattr(pydantic.BaseModel, field.name):
        raise Refused("its name is a word of Pydantic")
    links = [each for each in mapper.relationships if column in each.local_columns]
    if column.foreign_keys and {key.column.name for key in column.foreign_keys if links} != {"id"}:
        raise Refused("it refers to another table, but by no relationship to its id")
    if links:
        field.relation, field.target = links[0].key, names_of_model(links[0].mapper.class_)
        if field.type == "int":
            field.type, field.read, field.bounds = "Reference", "int", {}

    if field.type == "Json" and is_dict(get_annotations(mapper.class_).get(field.name)):
        field.type = "JsonObject"

    set_example(field, column, first)
    field.read = field.read or field.type
    if field.writable and field.bounds:
        alias = camelize(field.name)
        Model = mapper.class_.__name__
        others = {each.mapper.class_.__name__ for each in mapper.relationships}
        others |= {Model + each for each in ("", "Create", "Page", "Read", "Sort", "Update")}
        taken = alias in IMPORTED | others
        field.rule = field.annotated
        field.type = Model * taken + alias
    return field


def is_dict(annotation: Any) -> bool:
    """Whether it is `Mapped[dict[…]]`, or that or None."""
    (inner,) = get_args(annotation) or [None]
    choices = get_args(inner) if isinstance(inner, UnionType) else [inner]
    return any((get_origin(each) or each) is dict for each in choices)


def set_example(field: Field, column: sa.Column[Any], first: bool) -> None:
    """Of the texts, a factory varies the first; and whatever is unique."""
    varies = field.keyed or (field.type == "str" and first and field.varied != SHORT)
    if "example" in column.info:
        field.value, field.other, varies = column.info["example"], None, field.keyed
        if "pattern" in column.info:  # contract tests cannot make up what fits one
            field.bounds["examples"] = code([field.value])
    elif field.type == "str" and not first:
        field.value = "World"[: int(field.bounds["max_length"])]
    if "example" not in column.info and not fits(field.value, column):
        raise Refused(f"{field.value!r} is out of bounds; write an example into its info")
    if field.unique and field.type == "str" and int(field.bounds["max_length"]) < 3:
        raise Refused("a unique text of so few letters has too few values for tests")
    field.other = field.other if fits(field.other, column) else None
    field.varied = varied_of(field, column) if varies else ""


def varied_of(field: Field, column: sa.Column[Any]) -> str:
    """A value for each `n`; the first ones, at least, are not that of the example."""
    least, most = column.info.get("ge"), column.info.get("le")
    match field.value:
        case date():
            return f"{code(field.value)} + timedelta(days=n + 30)"
        case bool() | Enum():
            return ""
        case int() if isinstance(least, int) and isinstance(most, int):
            return f"(n + {field.value - least + 2}) % {most - least + 1} + {least}"
        case int():
            return f"n + {code(field.value + 9)}"
    return field.varied


def fits(value: Any, column: sa.Column[Any]) -> bool:
    """Whether it is within the bounds of `info`."""
    bounds = {name: given for name, given in column.info.items() if name in BOUNDS}
    rule: Any = Annotated[type(value), pydantic.Field(**bounds)]
    try:
        pydantic.TypeAdapter(rule).validate_python(value)
    except (pydantic.ValidationError, TypeError):  # or the bounds are not of this type
        return False
    return True


def keys_of(column: sa.Column[Any]) -> list[set[str]]:
    """The columns of each rule that keeps this one's values apart: UNIQUE or EXCLUDE."""
    table = column.table
    rules: list[ExecutableDDLElement] = [CreateTable(table)]
    rules += [CreateIndex(each) for each in table.indexes if each.unique]

    lines = "\n".join(str(each.compile(dialect=POSTGRESQL)) for each in rules)
    lines = re.sub(r"INCLUDE \([^)]*\)", "", lines)
    texts = re.findall(r"(?:UNIQUE|EXCLUDE).*?\((.*)", lines)
    names = [*(each.name for each in table.c), "DEFERRABLE", "WHERE"]
    found = [{each for each in names if re.search(rf"\b{each}\b", text)} for text in texts]
    return [each for each in found if column.name in each]


def default_of(column: sa.Column[Any], field: Field) -> str:
    """What a request need not send: the default of the column in Python."""
    if isinstance(column.default, sa.ColumnDefault) and column.default.is_scalar:
        value = column.default.arg
        return code(value if field.imported or not isinstance(value, Enum) else value.value)
    if column.nullable:
        return "None"
    return "LEFT_OUT" if column.default is not None or column.server_default is not None else ""
